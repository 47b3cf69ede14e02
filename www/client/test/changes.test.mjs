// Whom `onChange` tells what, and how often.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADA, problem } from "./issuer.mjs";
import { site } from "./site.mjs";

const CREDENTIALS = { email: ADA.email, password: "right" };

test("each change is told once, and what stays the same is not", async () => {
  const { machine, client, tab, issuer } = site();
  const told = tab.changes();
  await client.session();
  assert.deepEqual(told, [], "the first answer is no change");
  await client.signIn(CREDENTIALS);
  await client.session();
  await client.session();
  assert.deepEqual(told, [ADA.id]);
  issuer.user = { ...ADA, firstName: "Augusta" };
  await client.session();
  assert.deepEqual(told, [ADA.id, ADA.id], "another name");
  await client.signOut();
  await client.signOut();
  await client.session();
  await machine.pass(60_000);
  assert.deepEqual(told, [ADA.id, ADA.id, null]);
});

test("a sign-in is a change also if nobody asked before", async () => {
  const { client, tab } = site();
  const told = tab.changes();
  await client.signIn(CREDENTIALS);
  assert.deepEqual(told, [ADA.id]);
});

test("a stranger whose request is refused is told nothing", async () => {
  const { client, tab } = site();
  const told = tab.changes();
  assert.equal((await client.fetch("/api/things")).status, 401);
  assert.equal(await client.session(), null);
  assert.deepEqual(told, []);
});

test("an ended session that a request runs into is told", async () => {
  const { client, tab, issuer } = site({ signedIn: true });
  await client.session();
  const told = tab.changes();
  issuer.expireAccess().sessionEnded = true;
  assert.equal((await client.fetch("/api/things")).status, 401);
  assert.deepEqual(told, [null]);
});

test("a sign-in or sign-out that fails is no change", async () => {
  const { client, tab, issuer } = site({ signedIn: true });
  await client.session();
  const told = tab.changes();
  await assert.rejects(client.signIn({ ...CREDENTIALS, password: "wrong" }));
  issuer.on("POST /auth/logout", () => problem(503, "BUSY"));
  await assert.rejects(client.signOut());
  assert.deepEqual(told, []);
});

test("who has ended listening is told nothing more; who listens twice is told twice", async () => {
  const { client } = site();
  const told = [];
  const listener = (session) => told.push(session?.user.id ?? null);
  const [end] = [client.onChange(listener), client.onChange(listener)];
  await client.signIn(CREDENTIALS);
  end();
  end();
  await client.signOut();
  assert.deepEqual(told, [ADA.id, ADA.id, null]);
});

test("calls of session() at the same time share one question", async () => {
  const { client, issuer } = site({ signedIn: true });
  const sessions = await Promise.all(Array.from({ length: 5 }, () => client.session()));
  assert.deepEqual(new Set(sessions.map(({ user }) => user.id)), new Set([ADA.id]));
  assert.deepEqual(issuer.calls, ["GET /auth/me"]);
});
