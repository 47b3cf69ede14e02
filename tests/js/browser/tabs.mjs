// The client package in several tabs of one browser, against the real edge and issuer: what its own tests say of a browser that
// they make up, Chromium keeps.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";
import { clientIn, countRequests, forgetAccess, generation, openTab, REFUSALS, withoutLocksAndChannels } from "./tab.mjs";

export function tabStories(world) {
  describe("the client package in several tabs", () => {
    const visit = visits(world, {});

    for (const [what, prepare] of [
      ["one refresh", undefined],
      ["without Web Locks and BroadcastChannel, one refresh too", withoutLocksAndChannels],
    ]) {
      visit(
        `ten tabs, ${what}`,
        async (visitor) => {
          await visitor.signIn(world.site.user);
          if (prepare) await visitor.context.addInitScript(prepare);
          const tabs = await Promise.all(Array.from({ length: 10 }, () => openTab(visitor)));
          await forgetAccess(visitor);
          const refreshes = tabs.map(({ page }) => countRequests(page, "/auth/refresh"));
          const people = await Promise.all(tabs.map(({ client }) => client.evaluate(async (client) => (await client.session())?.user.email)));
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
        await isAsked;
        const session = second.client.evaluate((client) => client.session());
        await first.page.close();
        assert.equal((await session)?.user.email, world.site.user.email);
        assert.equal(await generation(visitor), "1");
      },
      REFUSALS,
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
        const refusal = await tab.client.evaluate((client) => client.session().catch(({ code }) => code));
        assert.equal(refusal, "UNREACHABLE");
        assert.equal(await generation(visitor), "0");
        await tab.changesNoteBy(() => visitor.context.setOffline(false));
        assert.equal(await generation(visitor), "1");
        await tab.told([]);
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
        await visitor.signIn(world.site.user);
        const tab = await openTab(visitor);
        await tab.client.evaluate((client) => client.session());
        await tab.page.goto("/assets/demo.css");
        // What ends the session is not in this browser, so nothing tells the page but its own question.
        await visitor.context.clearCookies();
        const isRemembered = await tab.back();
        assert.equal(isRemembered, true, "the client keeps no page out of that memory");
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
