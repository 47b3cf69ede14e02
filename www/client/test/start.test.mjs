// What a tab that opens makes of the note that others left, and what a 403 does to it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADA, Issuer, problem } from "./issuer.mjs";
import { Machine } from "./world.mjs";

const KEY = "edgeward https://site.example";
const MINUTE = 60_000;

/** A machine with a note in its storage, as `note(now)` writes it, on which somebody is signed in. */
function machineWith(note) {
  const machine = new Machine({ issuer: new Issuer() });
  machine.issuer.signInAs();
  const text = note(machine.now);
  if (text !== undefined) machine.stored.set(KEY, typeof text === "string" ? text : JSON.stringify(text));
  return machine;
}

const good = (now) => ({ v: 1, id: "a", who: ADA.id, at: now - MINUTE, until: now + 9 * MINUTE });

describe("a stored note is believed", () => {
  test("a new tab refreshes when it is due, without asking who is signed in", async () => {
    const machine = machineWith(good);
    machine.open();
    await machine.pass(7 * MINUTE - 1);
    assert.deepEqual(machine.issuer.calls, []);
    await machine.pass(MINUTE);
    assert.deepEqual(machine.issuer.calls, ["GET /auth/csrf", "POST /auth/refresh"]);
  });

  test("one whose token has expired is refreshed at once", async () => {
    const machine = machineWith((now) => ({ ...good(now), at: now - 20 * MINUTE, until: now - 10 * MINUTE }));
    machine.open();
    await machine.pass(0);
    assert.equal(machine.issuer.count("POST /auth/refresh"), 1);
  });

  test("one that says that nobody is signed in asks nothing", async () => {
    const machine = machineWith((now) => ({ ...good(now), who: null, until: null }));
    machine.open();
    await machine.pass(60 * MINUTE);
    assert.deepEqual(machine.issuer.calls, []);
  });
});

describe("anything else in its place is as if there were nothing", () => {
  for (const [what, note] of [
    ["nothing", () => undefined],
    ["no JSON", () => "{"],
    ["no object", () => "7"],
    ["null", () => "null"],
    ["another version", (now) => ({ ...good(now), v: 2 })],
    ["no id", (now) => ({ ...good(now), id: undefined })],
    ["a huge id", (now) => ({ ...good(now), id: "a".repeat(65) })],
    ["a user that is no text", (now) => ({ ...good(now), who: 7 })],
    ["a user of a whole page", (now) => ({ ...good(now), who: "a".repeat(257) })],
    ["a beginning that is no time", (now) => ({ ...good(now), at: "now" })],
    ["a beginning in the future", (now) => ({ ...good(now), at: now + 2 * MINUTE, until: now + 9 * MINUTE })],
    ["a beginning before any session", (now) => ({ ...good(now), at: now - 91 * 24 * 60 * MINUTE })],
    ["an end before the beginning", (now) => ({ ...good(now), until: now - 2 * MINUTE })],
    ["an end that never comes", (now) => ({ ...good(now), until: now + 25 * 60 * MINUTE })],
    ["an end that is no number", (now) => JSON.stringify(good(now)).replace(/"until":\d+/, '"until":1e999')],
  ]) {
    test(what, async () => {
      const machine = machineWith(note);
      const { client } = machine.open();
      await machine.pass(60 * MINUTE);
      assert.deepEqual(machine.issuer.calls, []);
      machine.issuer.signInAs();
      assert.equal((await machine.outcome(client.session()))?.user.id, ADA.id);
      assert.equal(JSON.parse(machine.stored.get(KEY)).who, ADA.id);
    });
  }
});

test("members that a note has besides are not handed on", async () => {
  const machine = machineWith((now) => ({ ...good(now), token: "eyJ" }));
  machine.open();
  await machine.pass(9 * MINUTE);
  assert.doesNotMatch(machine.stored.get(KEY), /token/);
});

describe("a 403", () => {
  for (const [what, code, method] of [
    ["of a missing role", "INSUFFICIENT_ROLE", "GET"],
    ["of a missing role, on a POST", "INSUFFICIENT_ROLE", "POST"],
    ["of a stale CSRF token that stays refused", "CSRF_INVALID", "POST"],
  ]) {
    test(`${what} clears CSRF token and stored state, and the session is asked for anew`, async () => {
      const machine = machineWith(() => undefined);
      const { issuer } = machine;
      const tab = machine.open();
      await machine.outcome(tab.client.session());
      await machine.outcome(tab.client.fetch("/api/other", { method: "POST" }));
      const told = tab.changes();
      let stored;
      issuer.on(`${method} /api/things`, () => problem(403, code));
      issuer.on("GET /auth/me", () => void (stored = machine.stored.get(KEY)));
      issuer.user = { ...ADA, roles: [] };
      assert.equal((await machine.outcome(tab.client.fetch("/api/things", { method }))).status, 403);
      await machine.pass(0);
      assert.equal(stored, undefined);
      assert.deepEqual(told, [ADA.id], "the roles have changed");
      const tokens = issuer.count("GET /auth/csrf");
      await machine.outcome(tab.client.fetch("/api/other", { method: "POST" }));
      assert.equal(issuer.count("GET /auth/csrf"), tokens + 1);
      assert.ok(machine.stored.get(KEY), "what was found out is noted again");
    });
  }

  test("signs nobody out, here or in other tabs", async () => {
    const machine = machineWith(() => undefined);
    const [one, other] = [machine.open(), machine.open()];
    for (const { client } of [one, other]) await machine.outcome(client.session());
    const told = [one.changes(), other.changes()];
    machine.issuer.on("GET /api/things", () => problem(403, "INSUFFICIENT_ROLE"));
    await machine.outcome(one.client.fetch("/api/things"));
    await machine.pass(60_000);
    assert.deepEqual(told, [[], []]);
  });

  test("that an app answers all the time costs the issuer one question a minute", async () => {
    const machine = machineWith(() => undefined);
    const { issuer } = machine;
    const { client } = machine.open();
    await machine.outcome(client.session());
    issuer.on("GET /api/things", () => problem(403, "INSUFFICIENT_ROLE"));
    const before = issuer.count("GET /auth/me");
    for (let second = 0; second < 100; second += 1) {
      await machine.outcome(client.fetch("/api/things"));
      await machine.pass(1_000);
    }
    assert.equal(issuer.count("GET /auth/me") - before, 2);
  });
});
