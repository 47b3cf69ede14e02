// Somebody goes on to another page while the client of this one refreshes: nobody is signed out by it, the session is renewed once,
// and nothing is thrown that nobody catches (a page's uncaught errors fail its visit).

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";
import { forgetAccess, generation, openTab, QUIET, clientIn, REFUSALS, withoutLocksAndChannels } from "./tab.mjs";

export function leavingStories(world) {
  describe("a page that is left while its client refreshes", () => {
    const visit = visits(world, {});

    for (const [when, meets] of [
      ["before the issuer is asked", async () => {}],
      ["and the answer is lost on the way", async (route, visitor) => void (await answerOf(route.request(), visitor))],
      // Playwright's request takes the cookies of the browser along and puts the new ones there.
      ["and the cookies arrive, but no script is left to know it", async (route) => void (await route.fetch())],
    ]) {
      for (const [where, goOn] of GOING_ON) {
        visit(
          `${when}; it goes on ${where}`,
          async (visitor) => {
            await visitor.signIn(world.site.user);
            const tab = await leftWhileRefreshing(visitor, meets);
            await goOn(visitor, tab, world.site.user);
            assert.equal(await generation(visitor), "1");
          },
          REFUSALS,
        );
      }
    }

    visit(
      "nor does an old browser's lease keep the next page waiting",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        await visitor.context.addInitScript(withoutLocksAndChannels);
        const tab = await leftWhileRefreshing(visitor, async () => {});
        const [[, goOn]] = GOING_ON;
        await goOn(visitor, tab, world.site.user);
        assert.equal(await generation(visitor), "1");
        assert.equal(await tab.page.evaluate(() => localStorage.getItem(`edgeward ${location.origin} lock`)), null);
      },
      REFUSALS,
    );

    visit(
      "and that comes back by the back button goes on as it was",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tab = await leftWhileRefreshing(visitor, async () => {});
        await tab.page.goto("/assets/demo.css");
        // Chromium may have kept the page; otherwise it is a new one with a client of its own.
        if (await tab.back()) await tab.told([]);
        const session = await (await clientIn(tab.page)).evaluate((client) => client.session());
        assert.equal(session?.user.email, world.site.user.email);
        assert.equal(await generation(visitor), "1");
      },
      REFUSALS,
    );
  });
}

/** Where to, and that the person is signed in there. */
const GOING_ON = [
  [
    "to a page that asks who is signed in",
    async (visitor, { page }, { email }) => {
      await page.goto(`${QUIET}?next`);
      const client = await clientIn(page);
      const { session, told } = await client.evaluate(async (client) => {
        const told = [];
        client.onChange((session) => told.push(session));
        return { session: await client.session(), told };
      });
      assert.equal(session?.user.email, email);
      assert.deepEqual(told, []);
    },
  ],
  [
    "to a page that only the gate lets it see, which refreshes too",
    async (visitor, { page }, { name }) => {
      await page.goto("/app");
      assert.equal(new URL(page.url()).pathname, "/app");
      await page.getByRole("heading", { level: 1, name: `Hello, ${name}` }).waitFor();
    },
  ],
];

/** A tab whose client has asked for a refresh. What the issuer makes of it is up to `meets`; the page hears nothing. */
async function leftWhileRefreshing(visitor, meets) {
  const tab = await openTab(visitor);
  await forgetAccess(visitor);
  let isRouted;
  const met = new Promise((resolve, reject) => {
    // Only the first one: those of the pages that follow are nobody's business here.
    isRouted = tab.page.route("**/auth/refresh", (route) => meets(route, visitor).then(resolve, reject), { times: 1 });
  });
  await isRouted;
  // The page is gone before this comes to anything.
  void tab.client.evaluate((client) => void client.session()).catch(() => {});
  await met;
  return tab;
}

/** What the issuer answers to a request of the page, taken past the browser, which so never sees the new cookies. */
async function answerOf(request, { context }) {
  const cookies = await context.cookies(request.url());
  const answer = await fetch(request.url(), {
    method: request.method(),
    headers: {
      ...request.headers(),
      cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "),
    },
  });
  assert.equal(answer.status, 200);
}
