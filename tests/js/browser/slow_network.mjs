// A network on which answers take long: what people see meanwhile, what a second press does, and what the client makes of it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe } from "node:test";
import { elsewhere, register } from "./account.mjs";
import { layoutShift, visits } from "./browser.mjs";
import { Network } from "./network.mjs";
import { countRequests, forgetAccess, generation, openTab, REFUSALS, standingClock } from "./tab.mjs";

/** As long as the client and the pages wait for an answer. */
const PATIENCE = "00:10";

/** What a form's button can be: as it was, and pressed. */
const READY = { isDisabled: null, text: "", isSeen: false };
const SENT = { isDisabled: "true", text: "Sent. One moment …", isSeen: true };
const LATE = { isDisabled: null, text: "There is no answer yet. You can send it again.", isSeen: true };

/** Keys that no page of ours listens to: all timers of a recorded page end, or it comes out of the browser's memory. */
const TIME_PASSES = "F8";
const COMES_BACK = "F9";

/** Longer than the pause before a second attempt. */
const PAUSE = "00:02";

export function slowNetworkStories(world) {
  describe("on a slow network", () => {
    const visit = visits(world, {});

    visit("nothing moves while a page comes in piece by piece", async (visitor, page) => {
      await register(visitor, world.site);
      const network = await Network.of(page);
      await network.slow();
      for (const path of ["/account", "/account/sessions", "/account/password", "/account/sign-out", "/login", "/register"]) {
        if (path === "/login") await visitor.context.clearCookies();
        await page.goto(path, { waitUntil: "load" });
        assert.equal(new URL(page.url()).pathname, path);
        assert.equal(await layoutShift(page), 0, path);
      }
    });

    for (const form of forms(world)) {
      visit(`${form.name}: a form says that it is on its way, and is sent once`, async (visitor, page) => {
        await form.open(visitor, page);
        const press = await recorded(page, form.button);
        const network = await Network.of(page);
        const sent = countRequests(page, form.action);
        await network.standStill();
        await press();
        // Both ways to press a button again.
        await press();
        await page.keyboard.press("Enter");
        await network.flow();
        await form.arrives(visitor, page);
        assert.equal(sent.count, 1);
        const { states, places, clicks, moved } = await whatWasSeen(page);
        assert.deepEqual(states, [READY, SENT]);
        assert.equal(clicks, 3);
        assert.equal(new Set(places).size, 1, "the button stays where it was");
        assert.equal(moved, 0);
      });
    }

    visit("who has waited for long may send the form again", async (visitor, page) => {
      await fillSignIn(world, page);
      const press = await recorded(page, "Sign in");
      const network = await Network.of(page);
      const sent = countRequests(page, "/auth/login");
      await network.standStill();
      const first = page.waitForRequest("**/auth/login");
      await press();
      // Word of it may come late, and would pass for word of the second.
      await first;
      await page.keyboard.press(TIME_PASSES);
      // Before it is on its way, the first answer may still come.
      const second = page.waitForRequest("**/auth/login");
      await press();
      await second;
      await network.flow();
      await visitor.expectHeading("Hello, Uri User");
      assert.equal(sent.count, 2);
      const { states, waits } = await whatWasSeen(page);
      assert.deepEqual(states, [READY, SENT, LATE, SENT]);
      assert.deepEqual(waits, [10_000]);
    });

    visit("a page that comes back out of the browser's memory has its button again", async (visitor, page) => {
      await fillSignIn(world, page);
      const press = await recorded(page, "Sign in");
      const network = await Network.of(page);
      await network.standStill();
      await press();
      await page.keyboard.press(COMES_BACK);
      await network.flow();
      await visitor.expectHeading("Hello, Uri User");
      assert.deepEqual((await whatWasSeen(page)).states, [READY, SENT, READY]);
    });

    visit(
      "a session whose end nobody answers is in the list again, and nothing false is said of it",
      async (visitor, page) => {
        const user = await register(visitor, world.site);
        const other = await elsewhere(visitor, world.site, user, "Snail/1.0");
        await other.leave();
        await page.clock.install();
        await page.goto("/account/sessions");
        const row = page.getByRole("row", { name: /Snail/ });
        const network = await Network.of(page);
        await network.standStill();
        const asked = page.waitForRequest("**/auth/sessions/*");
        await row.getByRole("link").click();
        await page.getByRole("button", { name: "End the session" }).click();
        await asked;
        assert.equal(await row.count(), 0);
        await page.clock.fastForward(PATIENCE);
        await page.getByRole("status").getByText("It is not known").waitFor();
        assert.equal(await row.count(), 1);
        await network.flow();
        await row.getByRole("link").click();
        await page.getByRole("button", { name: "End the session" }).click();
        // Whether the first request had got through is not known, and both are told as they are.
        await page.getByRole("status").getByText(/^(The session is ended|That session had ended already)\.$/).waitFor();
        assert.equal(await row.count(), 0);
      },
      /^Failed to load resource: the server responded with a status of 404 /,
    );

    visit(
      "an answer that takes longer than 10 seconds says nothing of the session",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tab = await openTab(visitor, (page) => page.clock.install());
        const network = await Network.of(tab.page);
        await network.standStill();
        const asked = tab.page.waitForRequest("**/auth/me");
        const refusal = tab.client.evaluate((client) => client.session().catch(({ code, status }) => ({ code, status })));
        await asked;
        await tab.page.clock.fastForward(PATIENCE);
        assert.deepEqual(await refusal, { code: "UNREACHABLE", status: 0 });
        await network.flow();
        assert.equal((await tab.client.evaluate((client) => client.session())).user.email, world.site.user.email);
        // Whoever heard that nobody answered hears who it is.
        await tab.told([world.site.user.email]);
      },
      REFUSALS,
    );

    visit(
      "a refresh that takes longer than 10 seconds is tried once more",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tab = await openTab(visitor, standingClock);
        await forgetAccess(visitor);
        // It does not even get out: had the issuer answered it, its clock, which nobody moves, would still say that this was just now.
        const first = await heldUp(tab, () => {});
        const session = tab.client.evaluate((client) => client.session());
        await before(first, session);
        const again = countRequests(tab.page, "/auth/refresh");
        await tab.page.clock.fastForward(PATIENCE);
        await tab.page.clock.fastForward(PAUSE);
        assert.equal((await session)?.user.email, world.site.user.email);
        assert.equal(again.count, 1);
        assert.equal(await generation(visitor), "1");
        await tab.told([]);
      },
      REFUSALS,
    );

    visit(
      "two refreshes without an answer are the end of it, and of no session",
      async (visitor) => {
        await visitor.signIn(world.site.user);
        const tab = await openTab(visitor, standingClock);
        await forgetAccess(visitor);
        const network = await Network.of(tab.page);
        const refreshes = countRequests(tab.page, "/auth/refresh");
        const first = await heldUp(tab, (route) => unanswered(route, network));
        const refusal = tab.client.evaluate((client) => client.session().catch(({ code }) => code));
        await before(first, refusal);
        const firstEnd = brokenOff(tab);
        await tab.page.clock.fastForward(PATIENCE);
        await firstEnd;
        await network.flow();
        const second = await heldUp(tab, (route) => unanswered(route, network));
        await tab.page.clock.fastForward(PAUSE);
        await before(second, refusal);
        const secondEnd = brokenOff(tab);
        await tab.page.clock.fastForward(PATIENCE);
        assert.equal(await refusal, "UNREACHABLE");
        await secondEnd;
        assert.equal(refreshes.count, 2);
        await network.flow();
        await tab.page.clock.resume();
        assert.equal((await tab.client.evaluate((client) => client.session()))?.user.email, world.site.user.email);
        assert.equal(await generation(visitor), "1");
        // Whoever heard that nobody answered hears who it is.
        await tab.told([world.site.user.email]);
      },
      // And 409 where the issuer is still at the one before: then the client asks again.
      /^Failed to load resource: the server responded with a status of 40[19] /,
    );
  });
}

async function fillSignIn(world, page) {
  await page.goto("/login?returnTo=/app");
  await page.getByLabel("E-mail address").fill(world.site.user.email);
  await page.getByLabel("Password").fill(world.site.user.password);
}

/**
 * Has the page write down what becomes of the button of this name, because Chromium lets nobody look into a page that waits for the
 * next one. Keys and the mouse get there, and so keys are the clock as well. The answer presses the button as a hand does.
 */
async function recorded(page, name) {
  const button = page.getByRole("button", { name, exact: true });
  await button.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await button.boundingBox();
  await button.evaluate(
    (button, { timePasses, comesBack }) => {
      const said = document.querySelector("main > [role=status]");
      const seen = { states: [], places: [], clicks: 0, moved: 0, waits: [] };
      const keep = () => sessionStorage.setItem("seen", JSON.stringify(seen));
      const look = () => {
        const { height, bottom } = said.getBoundingClientRect();
        const isClipped = getComputedStyle(said).clipPath !== "none";
        const isSeen = height > 16 && bottom <= innerHeight && !isClipped;
        seen.states.push({ isDisabled: button.getAttribute("aria-disabled"), text: said.textContent, isSeen });
        seen.places.push(JSON.stringify(button.getBoundingClientRect()));
        keep();
      };
      look();
      new MutationObserver(look).observe(document.body, { subtree: true, attributes: true, childList: true });
      new PerformanceObserver((list) => {
        for (const { value } of list.getEntries()) seen.moved += value;
        keep();
      }).observe({ type: "layout-shift", buffered: true });
      button.addEventListener("click", () => {
        seen.clicks += 1;
        keep();
      });
      const timers = [];
      globalThis.setTimeout = (act, delay) => timers.push({ act, delay });
      addEventListener("keydown", ({ key }) => {
        if (key === comesBack) dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        if (key !== timePasses) return;
        for (const { act, delay } of timers.splice(0)) {
          seen.waits.push(delay);
          act();
        }
      });
    },
    { timePasses: TIME_PASSES, comesBack: COMES_BACK },
  );
  return () => page.mouse.click(x + width / 2, y + height / 2);
}

/** What the page before this one has written down. */
function whatWasSeen(page) {
  return page.evaluate(() => JSON.parse(sessionStorage.getItem("seen")));
}

/** Has `meet` take the next refresh of the tab; resolves to a promise of its having been taken. */
async function heldUp({ page }, meet) {
  let isOut;
  const out = new Promise((resolve) => (isOut = resolve));
  await page.route("**/auth/refresh", (route) => Promise.resolve(meet(route)).then(isOut), { times: 1 });
  return { out };
}

/** The request goes out, and no answer comes. */
async function unanswered(route, network) {
  await network.standStill();
  await route.continue();
}

/** Resolves when the tab has given a refresh up: a network that flows before would still bring the answer. */
function brokenOff({ page }) {
  return page.waitForEvent("requestfailed", (request) => new URL(request.url()).pathname === "/auth/refresh");
}

/** Waits for `out`; that `outcome` comes before it is a failure, and no story hangs. */
async function before({ out }, outcome) {
  await Promise.race([out, outcome.then((value) => assert.fail(`it ended before: ${JSON.stringify(value)}`))]);
}

/** Forms that would do harm, or tell something false, if they were sent twice. */
function forms(world) {
  const fill = async (page, fields) => {
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  };
  return [
    {
      name: "signing in",
      action: "/auth/login",
      button: "Sign in",
      open: async (visitor, page) => {
        await page.goto("/login?returnTo=/app");
        await fill(page, { "E-mail address": world.site.user.email, Password: world.site.user.password });
      },
      arrives: (visitor) => visitor.expectHeading("Hello, Uri User"),
    },
    {
      name: "registering",
      action: "/auth/register",
      button: "Create account",
      open: async (visitor, page) => {
        await page.goto("/register?returnTo=/app");
        const email = `slow-${randomUUID()}@example.test`;
        await fill(page, { "First name": "Sloe", "Last name": "Gin", "E-mail address": email, Password: world.site.password });
      },
      arrives: (visitor) => visitor.expectHeading("Hello, Sloe Gin"),
    },
    {
      name: "confirming one's identity",
      action: "/auth/step-up",
      button: "Confirm",
      open: async (visitor, page) => {
        await visitor.signIn(world.site.user);
        await page.goto("/account/step-up?returnTo=/app");
        await fill(page, { Password: world.site.user.password });
      },
      arrives: (visitor) => visitor.expectHeading("Hello, Uri User"),
    },
    {
      name: "changing the password",
      action: "/auth/password",
      button: "Change the password",
      open: async (visitor, page) => {
        const { password } = await register(visitor, world.site);
        await page.goto("/account/password");
        await fill(page, { "Present password": password, "New password": "Another-Mule-8-engine" });
      },
      arrives: (visitor, page) => page.getByRole("status").getByText("Your password is changed.").waitFor(),
    },
    {
      name: "signing out everywhere else",
      action: "/auth/logout-all",
      button: "Everywhere else",
      open: async (visitor, page) => {
        await register(visitor, world.site);
        await page.goto("/account/sessions/end-all");
      },
      arrives: (visitor, page) => page.getByRole("status").getByText("Every other device was signed out.").waitFor(),
    },
    {
      name: "an administrator's act",
      action: /^\/auth\/console\/users\/[^/]+\/roles$/,
      button: "Save roles",
      open: async (visitor, page) => {
        const { email } = await register(visitor, world.site);
        await visitor.context.clearCookies();
        await visitor.signIn(world.site.admin);
        await page.goto(`/auth/console/users?query=${email}`);
        await page.getByRole("link", { name: "Mia Müller" }).click();
        await visitor.expectHeading("Mia Müller");
        await page.getByLabel("Further roles").fill("slow");
      },
      // Twice, the second would be told that somebody has changed it meanwhile.
      arrives: (visitor, page) => page.getByRole("status").getByText("The roles are saved.").waitFor(),
    },
  ];
}
