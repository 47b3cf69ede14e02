// An access token that expires while somebody is there: they notice nothing. The clock is the story's, so the cookie stays, and its token
// is really over.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { register } from "./account.mjs";
import { clockedVisits } from "./clocked_site.mjs";
import { countRequests, generation } from "./tab.mjs";

/** Longer than an access token lives, and shorter than a session cookie does without a request. */
const EXPIRED_SECONDS = 11 * 60;

const TABS = 10;

export function expiredStories(world) {
  describe("an access token that has expired", () => {
    const visit = clockedVisits(world, {});

    visit("is exchanged once for ten tabs that are opened at once, and nobody sees the sign-in page", async (visitor, page, clock) => {
      const user = await register(visitor, world.clocked);
      await page.goto("/app");
      await visitor.expectHeading(`Hello, ${user.name}`);
      assert.equal(await generation(visitor), "0");
      await clock.wait(EXPIRED_SECONDS);
      const tabs = await Promise.all(Array.from({ length: TABS }, () => visitor.context.newPage()));
      const asides = tabs.map((tab) => countRequests(tab, /^\/(login|auth)(\/|$)/));
      await Promise.all(tabs.map((tab) => tab.goto("/app")));
      for (const tab of tabs) {
        assert.equal(new URL(tab.url()).pathname, "/app");
        await tab.getByRole("heading", { name: `Hello, ${user.name}` }).waitFor();
      }
      assert.deepEqual(asides.map(({ count }) => count), Array(TABS).fill(0));
      assert.equal(await generation(visitor), "1");
    });
  });
}
