// A session that is ended is refused elsewhere a second later, by a clock that the story owns.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { register } from "./account.mjs";
import { AGAIN_IF_CLOSED } from "./browser.mjs";
import { clockedVisits } from "./clocked_site.mjs";

/** What is promised to people. */
const PROMISED = 1;

/** Each waits for the feed as long as an edge waits. */
const TRIES = 3;

const isRefused = /^Failed to load resource: the server responded with a status of 401 /;

/** The same person at another browser, whom the edge has just let through. */
async function elsewhere(visitor, clock, site, user) {
  const other = await visitor.accompanied({ baseURL: site.origin, userAgent: "Toaster/1.0" });
  await clock.governs(other.context);
  await other.signIn(user);
  assert.equal(await asked(other), 200);
  return other;
}

/** What the edge says to them now. */
async function asked(other) {
  const answer = await other.context.request.get("/api/echo", AGAIN_IF_CLOSED);
  return answer.status();
}

/** How many requests the edge has let pass because the feed did not answer in time. */
async function passedUnconfirmed(other) {
  const answer = await other.context.request.get("/_edgeward/health", AGAIN_IF_CLOSED);
  return (await answer.json()).revocations.passedUnconfirmed;
}

/**
 * By then it must be known. The feed of ended sessions crosses the machine in real time, and an edge that has waited 0.9 s for it lets a
 * request pass and counts it; what comes later than that, on a busy machine, is there for the next request at the same second of the story.
 */
async function expectRefused(other, clock) {
  await clock.wait(PROMISED);
  for (let left = TRIES; ; left -= 1) {
    const before = await passedUnconfirmed(other);
    const status = await asked(other);
    if (status === 401) break;
    assert.equal(status, 200);
    assert.ok(left > 1 && (await passedUnconfirmed(other)) > before, "it passed, and nobody was late");
  }
  await other.page.goto("/app");
  await other.expectSignInPage("/app");
}

export function endedStories(world) {
  describe("a second after its end, a session is refused elsewhere", () => {
    const visit = clockedVisits(world, {});

    visit("one that is ended in the list", async (visitor, page, clock) => {
      const site = world.clocked;
      const user = await register(visitor, site);
      const other = await elsewhere(visitor, clock, site, user);
      await page.goto("/account/sessions");
      await page.getByRole("link", { name: "End: Toaster" }).click();
      await page.getByRole("button", { name: "End the session" }).click();
      await page.getByRole("status").getByText("The session is ended.").waitFor();
      await expectRefused(other, clock);
      await other.leave();
    });

    visit("all others of the person", async (visitor, page, clock) => {
      const site = world.clocked;
      const user = await register(visitor, site);
      const other = await elsewhere(visitor, clock, site, user);
      await page.goto("/account/sessions/end-all");
      await page.getByRole("button", { name: "Everywhere else" }).click();
      await page.getByRole("status").getByText("Every other device was signed out.").waitFor();
      await expectRefused(other, clock);
      await other.leave();
    });

    visit("those that an administrator ends, and those of before another role", async (visitor, page, clock) => {
      const site = world.clocked;
      const user = await register(visitor, site);
      const other = await elsewhere(visitor, clock, site, user);
      await visitor.context.clearCookies();
      await visitor.signIn(site.admin);
      await page.goto(`/auth/console/users?query=${user.email}`);
      await page.getByRole("link", { name: user.name }).click();
      await visitor.expectHeading(user.name);
      await page.getByRole("checkbox", { name: "admin" }).check();
      await page.getByRole("button", { name: "Save roles" }).click();
      await page.getByRole("status").getByText("The roles are saved.").waitFor();
      await expectRefused(other, clock);

      await other.submitSignIn(user);
      await other.expectHeading(`Hello, ${user.name}`);
      await page.reload();
      await page.getByText("End this session").click();
      await page.getByRole("button", { name: "End the session" }).click();
      await page.getByText("This person is not signed in anywhere.").waitFor();
      await expectRefused(other, clock);
      await other.leave();
    }, isRefused);
  });
}
