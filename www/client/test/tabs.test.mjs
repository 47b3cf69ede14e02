// Several tabs of one site, with everything that browsers have for them, and with parts of it missing.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADA, BO, HANGS, Issuer, problem } from "./issuer.mjs";
import { Machine } from "./world.mjs";

/** Signed in, in `count` tabs that know it. */
async function tabs(count, options) {
  const machine = new Machine({ issuer: new Issuer(), ...options });
  machine.issuer.signInAs();
  const open = Array.from({ length: count }, () => machine.open());
  for (const { client } of open) await machine.outcome(client.session());
  return { machine, issuer: machine.issuer, tabs: open };
}

/** Each tab sends a request at the same moment, and says what it was answered. */
const all = (machine, tabs) =>
  machine.outcome(Promise.all(tabs.map(({ client }) => client.fetch("/api/things").then(({ status }) => status))));

describe("ten tabs, one refresh", () => {
  for (const [what, options] of [
    ["with everything", {}],
    ["without Web Locks", { locks: false }],
    ["with Web Locks that are forbidden", { locks: "forbidden" }],
    ["without BroadcastChannel", { channels: false }],
    ["without either", { locks: false, channels: false }],
    ["without storage", { storage: false }],
    ["with storage that throws", { storage: "forbidden" }],
  ]) {
    test(what, async () => {
      const { machine, issuer, tabs: ten } = await tabs(10, options);
      issuer.expireAccess();
      assert.deepEqual(await all(machine, ten), Array(10).fill(200));
      assert.equal(issuer.count("POST /auth/refresh"), 1);
    });
  }

  test("with nothing, each tab helps itself and nobody is signed out", async () => {
    const { machine, issuer, tabs: ten } = await tabs(10, { locks: false, channels: false, storage: false });
    issuer.expireAccess();
    let rotatedAt;
    issuer.on("POST /auth/refresh", () => {
      // What the issuer says of the parent of a token, for a second.
      if (rotatedAt === machine.now) return problem(409, "REFRESH_IN_PROGRESS", undefined, { "retry-after": "1" });
      rotatedAt = machine.now;
      return undefined;
    });
    assert.deepEqual(await all(machine, ten), Array(10).fill(200));
    assert.equal((await machine.outcome(ten[9].client.session()))?.user.id, ADA.id);
  });

  test("before the token expires, too", async () => {
    const { machine, issuer } = await tabs(10);
    await machine.pass(9 * 60_000);
    assert.equal(issuer.count("POST /auth/refresh"), 1);
    await machine.pass(9 * 60_000);
    assert.equal(issuer.count("POST /auth/refresh"), 2);
  });
});

describe("a tab that is closed while it refreshes", () => {
  for (const [what, options] of [["frees its Web Lock", {}], ["leaves a lease that ends", { locks: false }]]) {
    test(what, async () => {
      const { machine, issuer, tabs: [first, second] } = await tabs(2, options);
      issuer.expireAccess();
      let asked = 0;
      issuer.on("POST /auth/refresh", () => (asked++ === 0 ? HANGS : undefined));
      void first.client.fetch("/api/things").catch(() => {});
      await machine.pass(100);
      const answer = second.client.fetch("/api/things");
      await machine.pass(100);
      assert.equal(asked, 1, "the second tab waits");
      first.close();
      const start = machine.now;
      assert.equal((await machine.outcome(answer)).status, 200);
      assert.ok(machine.now - start <= 25_000, `${machine.now - start} ms`);
    });
  }
});

test("a tab that is left gives its lease back at once", async () => {
  const { machine, issuer, tabs: [first, second] } = await tabs(2, { locks: false });
  issuer.expireAccess();
  let asked = 0;
  issuer.on("POST /auth/refresh", () => (asked++ === 0 ? HANGS : undefined));
  void first.client.fetch("/api/things").catch(() => {});
  await machine.pass(100);
  first.freeze();
  first.close();
  const start = machine.now;
  assert.equal((await machine.outcome(second.client.fetch("/api/things"))).status, 200);
  assert.ok(machine.now - start < 1_000);
});

test("a lease that another tab wrote before the clock was set back does not count", async () => {
  const { machine, issuer, tabs: [tab] } = await tabs(1, { locks: false });
  machine.stored.set("edgeward https://site.example lock", `other ${machine.now + 3_600_000}`);
  issuer.expireAccess();
  const start = machine.now;
  assert.equal((await machine.outcome(tab.client.fetch("/api/things"))).status, 200);
  assert.ok(machine.now - start < 1_000);
});

test("a tab that is closed after its refresh was sent: the next one waits out the issuer's second and gets the same cookies", async () => {
  for (const options of [{}, { locks: false }]) {
    const { machine, issuer, tabs: [first, second] } = await tabs(2, options);
    issuer.expireAccess();
    let rotatedAt;
    issuer.on("POST /auth/refresh", () => {
      if (rotatedAt === undefined) {
        rotatedAt = machine.now;
        return HANGS;
      }
      if (machine.now - rotatedAt < 1_000) return problem(409, "REFRESH_IN_PROGRESS", undefined, { "retry-after": "1" });
      return undefined;
    });
    void first.client.fetch("/api/things").catch(() => {});
    await machine.pass(100);
    const answer = second.client.fetch("/api/things");
    await machine.pass(100);
    first.freeze();
    first.close();
    assert.equal((await machine.outcome(answer)).status, 200);
  }
});

test("what another tab only found out is no change to one that never asked", async () => {
  const machine = new Machine({ issuer: new Issuer() });
  machine.issuer.signInAs();
  const [one, other] = [machine.open(), machine.open()];
  const told = one.changes();
  await machine.outcome(other.client.session());
  await machine.settle();
  assert.deepEqual(told, []);
  await machine.outcome(other.client.signIn({ email: BO.email, password: "right" }));
  await machine.settle();
  assert.deepEqual(told, [BO.id]);
});

describe("sign-ins and sign-outs are known by the other tabs", () => {
  for (const [what, options] of [
    ["with everything", {}],
    ["without BroadcastChannel", { channels: false }],
    ["without storage", { storage: "forbidden" }],
  ]) {
    test(what, async () => {
      const { machine, issuer, tabs: three } = await tabs(3, options);
      const told = three.map((tab) => tab.changes());
      await machine.outcome(three[0].client.signOut());
      await machine.settle();
      assert.deepEqual(told, [[null], [null], [null]]);
      const asked = issuer.calls.length;
      await machine.pass(60_000);
      assert.equal(issuer.calls.length, asked, "that somebody is signed out needs no question");
      await machine.outcome(three[1].client.signIn({ email: BO.email, password: "right" }));
      await machine.settle();
      assert.deepEqual(told, [[null, BO.id], [null, BO.id], [null, BO.id]]);
      await machine.outcome(three[2].client.signIn({ email: ADA.email, password: "right" }));
      await machine.settle();
      assert.deepEqual(told, Array(3).fill([null, BO.id, ADA.id]), "another person is a change");
    });
  }

  test("an ended session that one tab finds out about", async () => {
    const { machine, issuer, tabs: [first, second] } = await tabs(2);
    const told = second.changes();
    issuer.expireAccess().sessionEnded = true;
    assert.equal(await machine.outcome(first.client.session()), null);
    await machine.settle();
    assert.deepEqual(told, [null]);
  });

  test("a sign-in by the issuer's page in another tab", async () => {
    const { machine, issuer, tabs: [first] } = await tabs(1);
    const told = first.changes();
    issuer.signInAs(BO);
    // The page that the issuer leads on to.
    assert.equal((await machine.outcome(machine.open().client.session()))?.user.id, BO.id);
    await machine.settle();
    assert.deepEqual(told, [BO.id]);
  });

  test("a sign-out by the issuer's page, which wipes the storage, when the tab is looked at again", async () => {
    const { machine, issuer, tabs: [tab] } = await tabs(1);
    const told = tab.changes();
    tab.hide();
    issuer.user = undefined;
    machine.stored.clear();
    tab.show();
    await machine.settle();
    assert.deepEqual(told, [null]);
  });
});

test("a page out of the browser's memory asks who is signed in", async () => {
  for (const options of [{}, { channels: false }, { storage: false }]) {
    const { machine, tabs: [old, other] } = await tabs(2, options);
    const told = old.changes();
    old.freeze();
    assert.equal(old.channels.size, 0, "an open channel would keep it out of that memory");
    await machine.outcome(other.client.signOut());
    old.restore();
    await machine.settle();
    assert.deepEqual(told, [null]);
    await machine.outcome(other.client.signIn({ email: ADA.email, password: "right" }));
    await machine.settle();
    assert.deepEqual(told, [null, ADA.id], "and hears of others again");
  }
});

test("a late answer from before a sign-out brings nobody back", async () => {
  const { machine, issuer, tabs: [one, other] } = await tabs(2);
  const told = one.changes();
  let answer;
  let isFirst = true;
  issuer.on("GET /auth/me", () => {
    if (!isFirst) return undefined;
    isFirst = false;
    issuer.busy -= 1;
    return new Promise((resolve) => (answer = resolve)).finally(() => (issuer.busy += 1));
  });
  const session = one.client.session();
  await machine.settle();
  await machine.outcome(other.client.signOut());
  answer(Response.json({ user: ADA, expiresIn: 600 }));
  assert.equal(await machine.outcome(session), null);
  assert.deepEqual(told, [null]);
});

test("what is stored is two times and an id: no token, no name, no address", async () => {
  const { machine, tabs: [tab] } = await tabs(1, { locks: false });
  await machine.outcome(tab.client.fetch("/api/things", { method: "POST" }));
  await machine.pass(9 * 60_000);
  const [key, ...others] = [...machine.stored.keys()];
  assert.deepEqual([key, others], ["edgeward https://site.example", []]);
  const { v, id, who, at, until, entered, ...more } = JSON.parse(machine.stored.get(key));
  assert.deepEqual([v, typeof id, who, typeof at, typeof until, entered, more], [1, "string", ADA.id, "number", "number", false, {}]);
});
