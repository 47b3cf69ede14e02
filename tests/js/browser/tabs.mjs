// The client package in several tabs of one browser, against the real edge and issuer: what its own tests say of a browser that
// they make up, Chromium keeps.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";
import {
  clientIn,
  countRequests,
  forgetAccess,
  generation,
  openTab,
  REFUSALS,
  standingClock,
  whyForgotten,
  withoutLocksAndChannels,
} from "./tab.mjs";

/** How often the tabs are looked at until they agree: for many times longer than Chromium takes to tell them. */
const LOOKS = 2_000;

/** By then a client has decided whether the lease is its own, and one that waits has not looked again. */
const SETTLED_MS = 60;

export function tabStories(world) {
  describe("the client package in several tabs", () => {
    const visit = visits(world, {});

    for (const [what, isBare] of [
      ["one refresh", false],
      ["without Web Locks and BroadcastChannel, one refresh too", true],
    ]) {
      visit(
        `ten tabs, ${what}`,
        async (visitor) => {
          await visitor.signIn(world.site.user);
          if (isBare) {
            await visitor.context.addInitScript(withoutLocksAndChannels);
            await standingClock(visitor.context);
          }
          const tabs = [];
          // Ten at once would have each wait for the others, for longer than a page may take on a busy machine.
          while (tabs.length < 10) tabs.push(await openTab(visitor));
          await forgetAccess(visitor);
          const refreshes = tabs.map(({ page }) => countRequests(page, "/auth/refresh"));
          const answer = isBare ? await keepApart(visitor, tabs.length) : undefined;
          const settled = isBare ? settle(visitor, tabs).then(answer) : undefined;
          const asked = Promise.all(tabs.map(({ client }) => client.evaluate(async (client) => (await client.session())?.user.email)));
          const [people] = await Promise.all([asked, settled]);
          assert.deepEqual(new Set(people), new Set([world.site.user.email]));
          assert.equal(await generation(visitor), "1");
          assert.equal(refreshes.reduce((sum, { count }) => sum + count, 0), 1);
        },
        REFUSALS,
      );
    }

    visit(
      "a tab that is closed while it refreshes holds nobody up",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const [first, second] = [await openTab(visitor), await openTab(visitor)];
        await forgetAccess(visitor);
        let isRouted;
        const isAsked = new Promise((resolve) => (isRouted = first.page.route("**/auth/refresh", resolve)));
        await isRouted;
        void first.client.evaluate((client) => client.session()).catch(() => {});
        const held = await isAsked;
        const session = second.client.evaluate((client) => client.session());
        // A request that is held when its page goes may still be let out, and then this tab would have refreshed. It ends, and the tab
        // goes before it asks once more.
        await held.abort();
        await first.page.close();
        assert.equal((await session)?.user.email, world.site.user.email);
        assert.equal(await generation(visitor), "1");
      },
      new RegExp(`${REFUSALS.source}|ERR_FAILED`),
    );

    visit(
      "a sign-out, and a sign-in, in one tab are known in the others",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tabs = [await openTab(visitor), await openTab(visitor), await openTab(visitor)];
        for (const tab of tabs) await tab.client.evaluate((client) => client.session());
        const [first, ...others] = tabs;
        const asked = others.map(({ page }) => countRequests(page, "/auth/me"));
        await first.client.evaluate((client) => client.signOut());
        for (const tab of tabs) await tab.told([null]);
        assert.deepEqual(asked.map(({ count }) => count), [0, 0], "which costs no question");
        const { email, password } = world.site.admin;
        await others[0].client.evaluate((client, credentials) => client.signIn(credentials), { email, password });
        for (const tab of tabs) await tab.told([null, email]);
      },
      REFUSALS,
    );

    visit(
      "offline is not signed out, and what was due is done when the network is back",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tab = await openTab(visitor, async (page) => page.clock.install());
        const { email } = (await tab.client.evaluate((client) => client.session())).user;
        assert.equal(email, world.site.user.email);
        await visitor.context.setOffline(true);
        // Past the due moment and the end; the issuer's clock stays where it is.
        await tab.page.clock.fastForward("15:00");
        assert.equal(await generation(visitor), "0");
        await tab.changesNoteBy(() => visitor.context.setOffline(false));
        assert.equal(await generation(visitor), "1");
        await tab.told([]);

        // Whoever asks meanwhile hears that nobody answers, and who listens hears who it is when somebody does.
        await visitor.context.setOffline(true);
        const refusal = await tab.client.evaluate((client) => client.session().catch(({ code }) => code));
        assert.equal(refusal, "UNREACHABLE");
        await tab.told([]);
        await visitor.context.setOffline(false);
        await tab.client.evaluate((client) => client.session());
        await tab.told([email]);
      },
      REFUSALS,
    );

    visit("before the token expires it is refreshed, with nobody asking for anything", async (visitor) => {
      await visitor.signIn(world.site.user);
      const tab = await openTab(visitor, async (page) => page.clock.install());
      await tab.client.evaluate((client) => client.session());
      // One step to each moment: on the way, the ten seconds for an answer would pass before it can come.
      await tab.page.clock.fastForward("07:00");
      assert.equal(await generation(visitor), "0");
      await tab.changesNoteBy(() => tab.page.clock.fastForward("02:30"));
      assert.equal(await generation(visitor), "1");
    });

    visit(
      "a page that the back button brings out of memory learns that the session is over",
      async (visitor) => {
        const visitAndReturn = async () => {
          await visitor.signIn(world.site.user);
          const tab = await openTab(visitor);
          const reasons = await whyForgotten(tab);
          await tab.client.evaluate((client) => client.session());
          await tab.page.goto("/assets/demo.css");
          // What ends the session is not in this browser, so nothing tells the page but its own question.
          await visitor.context.clearCookies();
          return { tab, isRemembered: await tab.back(), reasons };
        };
        let { tab, isRemembered, reasons } = await visitAndReturn();
        const ofThePage = reasons.filter(({ type }) => type !== "Circumstantial");
        assert.deepEqual(ofThePage, [], "the client keeps no page out of that memory");
        // Chromium may have had another reason to forget it, once.
        if (!isRemembered && reasons.length > 0) ({ tab, isRemembered, reasons } = await visitAndReturn());
        assert.deepEqual({ isRemembered, reasons }, { isRemembered: true, reasons: [] });
        await tab.told([null]);
      },
      REFUSALS,
    );

    visit(
      "after a sign-out the back button brings nobody back",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tab = await openTab(visitor);
        await tab.client.evaluate((client) => client.session());
        await tab.page.goto("/assets/demo.css");
        const here = await clientIn(tab.page);
        await here.evaluate((client) => client.signOut());
        // The sign-out may have emptied that memory; then the page is a new one and knows nobody to begin with.
        if (await tab.back()) await tab.told([null]);
        assert.equal(await (await clientIn(tab.page)).evaluate((client) => client.session()), null);
      },
      REFUSALS,
    );
  });
}

/**
 * Brings tabs, whose time stands, through the moment in which each of them has written a lease. What one writes the others see in real
 * time, on a busy machine later than a client lets its lease rest. So they rest until all see the same one: whoever sees a lease writes
 * none, and this one is the last. Then each decides whether the lease is its own.
 */
async function settle({ context }, tabs) {
  const refused = Promise.all(tabs.map(({ page }) => page.waitForResponse("**/auth/me")));
  await refused;
  const lease = () => localStorage.getItem(`edgeward ${location.origin} lock`);
  const isAgreed = async () => {
    const [first, ...others] = await Promise.all(tabs.map(({ page }) => page.evaluate(lease)));
    return first !== null && others.every((other) => other === first);
  };
  for (let left = LOOKS; !(await isAgreed()); left -= 1) assert.ok(left > 0, "the tabs agree on a lease");
  await context.clock.runFor(SETTLED_MS);
  await context.clock.resume();
}

/**
 * Lets the first questions of so many tabs out together, and keeps every refresh from the issuer until the answer is called: none comes
 * so early that it spares another tab its own.
 */
async function keepApart({ context }, count) {
  let asked = 0;
  let letOut;
  const allAsked = new Promise((resolve) => (letOut = resolve));
  await context.route("**/auth/me", (route) => {
    asked += 1;
    if (asked === count) letOut();
    return allAsked.then(() => route.continue());
  });
  let answer;
  const answered = new Promise((resolve) => (answer = resolve));
  await context.route("**/auth/refresh", (route) => answered.then(() => route.continue()));
  return answer;
}
