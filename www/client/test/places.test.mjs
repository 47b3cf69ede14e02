// Where people are led after a sign-in: only to this site.

import assert from "node:assert/strict";
import { test } from "node:test";
import { returnTo, signInPage } from "@edgeward/client";
import { ADA } from "./issuer.mjs";
import { site } from "./site.mjs";

const CREDENTIALS = { email: ADA.email, password: "right" };

/** Places, and what becomes of them. */
const PLACES = [
  ["/app", "/app"],
  ["/app?tab=two#there", "/app?tab=two#there"],
  ["/app/../admin", "/admin"],
  ["/ä", "/%C3%A4"],
  ["", "/"],
  ["app", "/"],
  ["https://evil.example/", "/"],
  ["//evil.example/", "/"],
  ["/\\evil.example/", "/"],
  ["\\\\evil.example/", "/"],
  ["/.//evil.example", "/"],
  ["/app/..//evil.example", "/"],
  ["/\t/evil.example", "/"],
  ["\n//evil.example", "/"],
  [" /app", "/"],
  ["javascript:alert(1)", "/"],
  ["/login?returnTo=/login", "/"],
  ["/register", "/"],
  ["/account/step-up", "/"],
  [`/${"a".repeat(2_048)}`, "/"],
];

test("a sign-in leads where it was told, if that is on this site", async () => {
  for (const [place, expected] of PLACES) {
    const { client, tab } = site();
    await client.signIn(CREDENTIALS, { returnTo: place });
    assert.deepEqual(tab.places, [expected], place);
  }
});

test("nobody is led anywhere unless told, or after a failure", async () => {
  const { client, tab } = site();
  await assert.rejects(client.signIn({ ...CREDENTIALS, password: "wrong" }, { returnTo: "/app" }));
  await client.signIn(CREDENTIALS);
  assert.deepEqual(tab.places, []);
});

test("a registration, a sign-out and one everywhere lead on as well", async () => {
  const { client, tab } = site();
  await client.signUp({ ...CREDENTIALS, firstName: "Ada", lastName: "L" }, { returnTo: "/welcome" });
  await client.signOutEverywhere({ returnTo: "/bye" });
  await client.signOut({ returnTo: "//evil.example" });
  assert.deepEqual(tab.places, ["/welcome", "/bye", "/"]);
});

test("the way back is read from the address of the page, by either name", () => {
  for (const [place, expected] of PLACES) {
    for (const name of ["returnTo", "callbackUrl"]) {
      assert.equal(returnTo("/", `?${name}=${encodeURIComponent(place)}`), expected, place);
    }
  }
  assert.equal(returnTo("/home", "?tab=two"), "/home");
  assert.equal(returnTo("/home", "?returnTo=/a&returnTo=/b"), "/home");
  assert.equal(returnTo("/home", "?callbackUrl=/a&returnTo=/b"), "/b");
});

test("the sign-in page gets the way back", () => {
  assert.equal(signInPage("/app?tab=two"), "/login?returnTo=%2Fapp%3Ftab%3Dtwo");
  assert.equal(signInPage("//evil.example"), "/login?returnTo=%2F");
});
