// What somebody typed outlives the question for their password, and nothing else does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthError } from "@edgeward/client";
import { confirmFirst, fillAgain } from "@edgeward/client/forms";
import { ADA, BO } from "./issuer.mjs";
import { form, Tab, typed } from "./page.mjs";
import { site } from "./site.mjs";

const CHALLENGE = 'Bearer error="insufficient_user_authentication", error_description="A more recent sign-in is required", max_age="300"';

const wanted = () => new Response(null, { status: 401, headers: { "www-authenticate": CHALLENGE } });

const options = (...values) => ["a", "b", "c"].map((value) => ({ value, selected: values.includes(value) }));

/** A transfer as somebody has typed it, and as the page has it before. */
const FILLED = [
  ["text", "to", "Bo"],
  ["number", "amount", "12"],
  ["textarea", "note", "two\nlines"],
  ["checkbox", "urgent", "on", { checked: true }],
  ["radio", "day", "today", { checked: false }],
  ["radio", "day", "tomorrow", { checked: true }],
  ["select-one", "account", "", { options: options("b") }],
  ["select-multiple", "copies", "", { options: options("a", "c") }],
  ["text", "to", "a second one of this name"],
];
const EMPTY = FILLED.map(([type, name, , more = {}]) => [
  type,
  name,
  "",
  { ...more, ...(more.options ? { options: options() } : { checked: false }) },
]);

/** A person with a form that was refused until they confirm who they are. */
async function refused(fields = FILLED, attributes = {}) {
  const tab = new Tab();
  const { client, issuer, machine } = site({ signedIn: true });
  const isLed = await confirmFirst(client, form(fields, attributes), wanted());
  assert.equal(isLed, true);
  return { tab, client, issuer, machine };
}

test("leads to the page that asks and gives the form back, once, without sending it", async () => {
  const { tab, client, issuer } = await refused();
  assert.deepEqual(tab.led, ["/account/step-up?returnTo=%2Ftransfer%3Ffrom%3D7"]);
  const again = form(EMPTY);
  assert.equal(await fillAgain(client, again), true);
  assert.deepEqual(typed(again), typed(form(FILLED)));
  assert.deepEqual(again.elements.map(({ heard }) => heard), FILLED.map(() => ["input"]));
  assert.equal(tab.stored.size, 0);
  assert.equal(await fillAgain(client, form(EMPTY)), false, "once");
  assert.deepEqual(issuer.calls.filter((call) => call !== "GET /auth/me"), [], "nothing but who is asking");
});

test("any other answer is the app's", async () => {
  const tab = new Tab();
  const { client, issuer } = site({ signedIn: true });
  for (const response of [
    new Response("ok"),
    new Response(null, { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } }),
    new Response(null, { status: 401 }),
    new Response(null, { status: 403, headers: { "www-authenticate": CHALLENGE } }),
  ]) {
    assert.equal(await confirmFirst(client, form(FILLED), response), false);
  }
  assert.deepEqual([tab.led, tab.stored.size, issuer.calls], [[], 0, []]);
});

test("passwords, files, what is hidden and what the app or its meaning keeps secret are never kept", async () => {
  const secrets = [
    ["password", "password", "secret-1"],
    ["hidden", "csrf_token", "secret-2"],
    ["file", "scan", "secret-3"],
    ["submit", "send", "secret-4"],
    ["text", "code", "secret-5", { autocomplete: "one-time-code" }],
    ["text", "card", "secret-6", { autocomplete: "section-a cc-number" }],
    ["text", "shown", "secret-7", { autocomplete: "new-password" }],
    ["text", "answer", "secret-8", { autocomplete: "off" }],
    ["text", "gone", "secret-9", { disabled: true }],
    ["text", "fixed", "secret-10", { readOnly: true }],
    ["text", "", "secret-11"],
  ];
  const { tab, client } = await refused([...secrets, ["text", "to", "Bo", { autocomplete: "name" }]]);
  assert.doesNotMatch([...tab.stored.values()].join(), /secret/);
  const again = form([...secrets.map(([type, name, , more]) => [type, name, "", more]), ["text", "to", ""]]);
  assert.equal(await fillAgain(client, again), true);
  assert.deepEqual(typed(again), [...secrets.map(() => ""), "Bo"]);

  const whole = await refused(FILLED, { autocomplete: "off" });
  assert.doesNotMatch([...whole.tab.stored.values()].join(), /Bo/);
});

test("only the same form at the same address gets it", async () => {
  for (const [what, address, attributes] of [
    ["another page", "/other", {}],
    ["the same page with other words in its address, as a stranger's link has it", "/transfer?from=7&to=mallory", {}],
    ["another form of it", "/transfer?from=7", { id: "search" }],
    ["a form that goes elsewhere", "/transfer?from=7", { action: "/elsewhere" }],
  ]) {
    const { tab, client } = await refused();
    tab.go(address);
    const other = form(EMPTY, attributes);
    assert.equal(await fillAgain(client, other), false, what);
    assert.deepEqual(typed(other), typed(form(EMPTY)), what);
    tab.go("/transfer?from=7");
    assert.equal(await fillAgain(client, form(EMPTY)), true, `${what}: it still waits for its own`);
  }
});

test("only the same person gets it, and nobody after them", async () => {
  for (const somebodyElse of [(issuer) => issuer.signInAs(BO), (issuer) => (issuer.user = undefined)]) {
    const { tab, client, issuer } = await refused();
    somebodyElse(issuer);
    const again = form(EMPTY);
    assert.equal(await fillAgain(client, again), false);
    assert.deepEqual(typed(again), typed(form(EMPTY)));
    assert.equal(tab.stored.size, 0);
  }
});

test("it is forgotten after ten minutes", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-11-21T12:00:00Z") });
  for (const [minutes, expected] of [
    [10, true],
    [10.1, false],
    [-1, false],
  ]) {
    const { tab, client } = await refused();
    t.mock.timers.setTime(Date.now() + minutes * 60_000);
    assert.equal(await fillAgain(client, form(EMPTY)), expected, `${minutes}`);
    assert.equal(tab.stored.size, 0);
  }
});

test("where the issuer does not answer nothing happens, and nothing is lost", async () => {
  const unreachable = (issuer) => issuer.on("GET /auth/me", () => Promise.reject(new TypeError("no network")));
  const isUnreachable = (error) => error instanceof AuthError && error.code === "UNREACHABLE";
  const tab = new Tab();
  const first = site({ signedIn: true });
  unreachable(first.issuer);
  await assert.rejects(confirmFirst(first.client, form(FILLED), wanted()), isUnreachable);
  assert.deepEqual([tab.led, tab.stored.size], [[], 0]);

  const { client, issuer } = await refused();
  unreachable(issuer);
  await assert.rejects(fillAgain(client, form(EMPTY)), isUnreachable);
  issuer.on("GET /auth/me", () => undefined);
  assert.equal(await fillAgain(client, form(EMPTY)), true);
});

test("what is in its place is judged, and a storage that throws is as if it were empty", async () => {
  const { tab, client } = await refused();
  const [[key, text]] = tab.stored;
  const kept = JSON.parse(text);
  for (const other of [
    "",
    "{",
    "null",
    "[]",
    "{}",
    JSON.stringify({ ...kept, who: 7 }),
    JSON.stringify({ ...kept, at: "now" }),
    JSON.stringify({ ...kept, fields: null }),
  ]) {
    tab.stored.set(key, other);
    assert.equal(await fillAgain(client, form(EMPTY)), false, other);
  }
  // A value that such a field cannot have is left out.
  tab.stored.set(key, JSON.stringify({ ...kept, fields: { "text 0 to": true, "checkbox 0 urgent": "yes", "number 0 amount": "3", __proto__: 1 } }));
  const again = form(EMPTY);
  assert.equal(await fillAgain(client, again), true);
  assert.deepEqual(typed(again).slice(0, 4), ["", "3", "", false]);

  tab.isStorageForbidden = true;
  assert.equal(await fillAgain(client, form(EMPTY)), false);
  assert.equal(await confirmFirst(client, form(FILLED), wanted()), true);
  assert.equal(tab.led.length, 2);
});

test("what is too long is not kept", async () => {
  const { tab } = await refused([["textarea", "novel", "x".repeat(70_000)]]);
  assert.equal(tab.stored.size, 0);
  assert.equal(tab.led.length, 1);
});
