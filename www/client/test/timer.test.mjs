// Refreshing before the access token expires.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dueAt } from "../dist/timer.js";
import { ADA, problem } from "./issuer.mjs";
import { site } from "./site.mjs";

const MINUTE = 60_000;

test("the due moment is the later of five minutes before the end and 80 % of the life", () => {
  for (const [life, due] of [
    [60 * MINUTE, 55 * MINUTE],
    [26 * MINUTE, 21 * MINUTE],
    [25 * MINUTE, 20 * MINUTE],
    [10 * MINUTE, 8 * MINUTE],
    [MINUTE, 48_000],
  ]) {
    assert.equal(dueAt(1_000, 1_000 + life), 1_000 + due, `${life}`);
  }
});

/** Signed in just now, and the session asked for. */
async function signedIn(life = 600) {
  const world = site();
  world.issuer.life = life;
  await world.client.signIn({ email: ADA.email, password: "right" });
  return { ...world, refreshes: () => world.issuer.count("POST /auth/refresh") };
}

test("a refresh comes between the due moment and the end, again and again", async () => {
  for (const life of [60, 600, 3_600]) {
    const { machine, refreshes } = await signedIn(life);
    const due = dueAt(0, life * 1_000);
    await machine.pass(due - 1);
    assert.equal(refreshes(), 0, `${life}`);
    await machine.pass(life * 1_000 - due);
    assert.equal(refreshes(), 1, `${life}`);
    await machine.pass(life * 1_000);
    assert.equal(refreshes(), 2, `${life}`);
  }
});

test("tabs and machines do not refresh in step", async () => {
  const after = [];
  for (const chance of [0, 0.9]) {
    const { machine, issuer, refreshes } = await signedIn();
    machine.chance = chance;
    issuer.expireAccess();
    await machine.outcome(machine.open().client.session());
    const start = machine.now;
    const before = refreshes();
    while (refreshes() === before) await machine.pass(1_000);
    after.push(machine.now - start);
  }
  assert.ok(after[1] - after[0] >= 20_000, `${after}`);
});

test("nothing is asked between two refreshes", async () => {
  const { machine, issuer } = await signedIn();
  const before = issuer.calls.length;
  await machine.pass(7 * MINUTE);
  assert.equal(issuer.calls.length, before);
});

test("a hidden tab sleeps, and refreshes when it is looked at again", async () => {
  const { machine, tab, refreshes, issuer } = await signedIn();
  tab.hide();
  await machine.pass(8 * 60 * MINUTE);
  assert.equal(refreshes(), 0);
  const before = issuer.calls.length;
  tab.show();
  await machine.settle();
  assert.equal(refreshes(), 1);
  assert.equal(issuer.calls.length, before + 2, "a CSRF token and the refresh, and nothing else");
});

test("a look at a tab whose token is fresh costs nothing", async () => {
  const { machine, tab, issuer } = await signedIn();
  const before = issuer.calls.length;
  for (let look = 0; look < 20; look += 1) {
    tab.hide();
    await machine.pass(1_000);
    tab.show();
  }
  assert.equal(issuer.calls.length, before);
});

test("a machine that slept through the end refreshes within a minute of waking", async () => {
  const { machine, refreshes } = await signedIn(3_600);
  await machine.pass(MINUTE / 2);
  // The clock goes on, the timers stood still.
  machine.now += 3 * 3_600_000;
  await machine.pass(MINUTE);
  assert.equal(refreshes(), 1);
});

test("offline nothing is tried; online it is, at once", async () => {
  const { machine, tab, refreshes } = await signedIn();
  const told = tab.changes();
  tab.goOffline();
  await machine.pass(3_600_000);
  assert.equal(refreshes(), 0);
  tab.goOnline();
  await machine.settle();
  assert.equal(refreshes(), 1);
  assert.deepEqual(told, []);
});

test("a failed refresh is tried again, ever later and at most a minute later, and signs nobody out", async () => {
  const { machine, issuer, tab, refreshes } = await signedIn();
  const told = tab.changes();
  const at = [];
  issuer.on("POST /auth/refresh", () => {
    at.push(machine.now);
    return problem(503, "ISSUER_UNAVAILABLE");
  });
  await machine.pass(30 * MINUTE);
  const pauses = at.filter((_, i) => i % 2 === 0).map((time, i, first) => time - first[i - 1]).slice(1);
  assert.ok(pauses[0] >= 5_000 && pauses[0] < 9_000, `${pauses[0]}`);
  assert.ok(pauses.every((pause, i) => i === 0 || pause >= pauses[i - 1] - 1), `${pauses}`);
  assert.ok(pauses.at(-1) >= MINUTE && pauses.at(-1) < 1.6 * MINUTE, `${pauses}`);
  assert.deepEqual(told, []);
  issuer.on("POST /auth/refresh", () => undefined);
  const failed = refreshes();
  await machine.pass(2 * MINUTE);
  assert.equal(refreshes(), failed + 1);
});

test("the network that is back ends the pause after a failure", async () => {
  const { machine, issuer, tab, refreshes } = await signedIn();
  issuer.on("POST /auth/refresh", () => problem(503, "ISSUER_UNAVAILABLE"));
  await machine.pass(15 * MINUTE);
  issuer.on("POST /auth/refresh", () => undefined);
  const failed = refreshes();
  tab.goOnline();
  await machine.settle();
  assert.equal(refreshes(), failed + 1);
});

test("a session that ended meanwhile is told, and asked for no more", async () => {
  const { machine, issuer, tab, refreshes } = await signedIn();
  const told = tab.changes();
  issuer.sessionEnded = true;
  await machine.pass(10 * MINUTE);
  assert.deepEqual(told, [null]);
  await machine.pass(60 * MINUTE);
  assert.equal(refreshes(), 1);
});

test("who signed out is not refreshed", async () => {
  const { machine, client, refreshes } = await signedIn();
  await client.signOut();
  await machine.pass(60 * MINUTE);
  assert.equal(refreshes(), 0);
});

test("a sign-in by the issuer's page is kept too: session() says for how long", async () => {
  const { machine, client, issuer } = site({ signedIn: true });
  await client.session();
  await machine.pass(9 * MINUTE);
  assert.equal(issuer.count("POST /auth/refresh"), 1);
});
