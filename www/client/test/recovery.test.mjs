// What becomes of a question who is signed in that nobody answered: who listens is told as soon as it is known.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADA, problem } from "./issuer.mjs";
import { site } from "./site.mjs";

const ME = "GET /auth/me";

/** A site whose issuer answers the first question with `refusal`, and a listener that has asked. */
async function unanswered({ refusal = () => problem(503, "UNAVAILABLE"), ...options } = {}) {
  const all = site({ signedIn: true, ...options });
  all.issuer.on(ME, refusal);
  const told = all.tab.changes();
  await assert.rejects(all.client.session());
  return { ...all, told, mend: () => all.issuer.on(ME, () => undefined), asked: () => all.issuer.count(ME) };
}

describe("after a question without an answer, who listens is told", () => {
  const check = (name, how) =>
    test(name, async () => {
      const all = await unanswered();
      all.mend();
      await how(all);
      await all.machine.settle();
      assert.deepEqual(all.told, [ADA.id]);
      await all.machine.pass(600_000);
      assert.deepEqual([all.told, all.asked()], [[ADA.id], 2], "once, and nobody asks any more");
    });

  check("when the network is back", ({ tab }) => tab.goOnline());
  check("when the page is looked at", ({ tab }) => {
    tab.hide();
    tab.show();
  });
  check("after a pause", ({ machine }) => machine.pass(7_500));
  check("when the page asks", ({ client }) => client.session());
});

describe("an act of this page answers the question, so nobody asks any more", () => {
  const check = (name, act, who) =>
    test(name, async () => {
      const { client, told, mend, asked, machine } = await unanswered();
      mend();
      await act(client);
      const before = asked();
      await machine.pass(600_000);
      assert.deepEqual([told, asked()], [[who], before]);
    });

  check("a sign-out", (client) => client.signOut(), null);
  check("a sign-in", (client) => client.signIn({ email: ADA.email, password: "right" }), ADA.id);
});

test("what was known before is told again, because who asked since does not know it", async () => {
  const { client, issuer, tab, machine } = site({ signedIn: true });
  await client.session();
  const told = tab.changes();
  issuer.on(ME, () => problem(503, "UNAVAILABLE"));
  await assert.rejects(client.session());
  issuer.on(ME, () => undefined);
  await machine.pass(7_500);
  assert.deepEqual(told, [ADA.id]);
});

test("a person whom another tab signed in is told although the question after it failed", async () => {
  const { machine, issuer, tab } = site();
  const told = tab.changes();
  issuer.on(ME, () => problem(503, "UNAVAILABLE"));
  await machine.open().client.signIn({ email: ADA.email, password: "right" });
  await machine.settle();
  assert.deepEqual(told, []);
  issuer.on(ME, () => undefined);
  await machine.pass(7_500);
  assert.deepEqual(told, [ADA.id]);
});

test("the pauses double up to a minute and are spread by half", async () => {
  const { machine, issuer, client } = site({ signedIn: true });
  client.onChange(() => {});
  const askedAt = [];
  issuer.on(ME, () => {
    askedAt.push(machine.now);
    return problem(503, "UNAVAILABLE");
  });
  await assert.rejects(client.session());
  await machine.pass(250_000);
  const pauses = askedAt.slice(1).map((at, i) => Math.round((at - askedAt[i]) / 250) / 4);
  assert.deepEqual(pauses, [6.25, 12.5, 25, 50, 75, 75]);
});

describe("nobody is asked", () => {
  test("while nobody listens", async () => {
    const { client, issuer, machine } = site({ signedIn: true });
    issuer.on(ME, () => problem(503, "UNAVAILABLE"));
    await assert.rejects(client.session());
    await machine.pass(600_000);
    assert.equal(issuer.count(ME), 1);
    const told = [];
    client.onChange((session) => told.push(session));
    issuer.on(ME, () => undefined);
    await client.session();
    assert.deepEqual(told, [], "the first answer to who came later is no change");
  });

  test("once the last has ended listening", async () => {
    const { client, issuer, machine } = site({ signedIn: true });
    issuer.on(ME, () => problem(503, "UNAVAILABLE"));
    const end = client.onChange(() => {});
    await assert.rejects(client.session());
    end();
    await machine.pass(600_000);
    assert.equal(issuer.count(ME), 1);
  });

  test("by a page that is hidden or without a network", async () => {
    const { machine, tab, asked } = await unanswered();
    tab.hide();
    await machine.pass(600_000);
    assert.equal(asked(), 1);
    tab.goOffline();
    tab.show();
    await machine.pass(600_000);
    assert.equal(asked(), 1);
  });

  test("before the issuer said to come back, whatever happens to the page", async () => {
    const { machine, tab, asked } = await unanswered({ refusal: () => problem(503, "BUSY", "Later.", { "retry-after": "120" }) });
    for (let second = 0; second < 119; second += 7) {
      tab.goOnline();
      tab.hide();
      tab.show();
      await machine.pass(7_000);
    }
    assert.equal(asked(), 1);
    await machine.pass(2_000);
    assert.equal(asked(), 2);
  });
});
