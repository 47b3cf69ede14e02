// A tab with the client package in it, and what stories ask of it.

import assert from "node:assert/strict";

/** Chromium writes a line for each request that is refused, told to wait (409) or cannot be sent. */
export const REFUSALS = /^Failed to load resource: (the server responded with a status of 40[139] |net::ERR_INTERNET_DISCONNECTED)/;

/** A document of this origin in which nothing runs but what a story brings. */
export const QUIET = "/assets/client/index.js";

/** A tab with a client that writes down whom it was told of. */
export async function openTab(visitor, prepare) {
  const page = await visitor.context.newPage();
  await prepare?.(page);
  await page.goto(QUIET);
  const client = await clientIn(page);
  await client.evaluate((client) => {
    globalThis.told = [];
    client.onChange((session) => globalThis.told.push(session?.user.email ?? null));
  });
  const told = async (expected) => {
    await page.waitForFunction((length) => globalThis.told.length >= length, expected.length);
    assert.deepEqual(await page.evaluate(() => globalThis.told), expected);
  };
  /** Goes back, and says whether the page of before is there again and not another one like it. */
  const back = async () => {
    // A page out of memory does not load again.
    await page.goBack({ waitUntil: "commit" });
    return page.evaluate(() => Array.isArray(globalThis.told));
  };
  /** Waits until the client has left another note after `act`. */
  const changesNoteBy = async (act) => {
    const before = await page.evaluate(() => localStorage.getItem(`edgeward ${location.origin}`));
    await act();
    await page.waitForFunction((before) => localStorage.getItem(`edgeward ${location.origin}`) !== before, before);
  };
  return { page, client, told, back, changesNoteBy };
}

/**
 * Writes down from now on why Chromium does not take a page of this tab out of its memory: what is the page's doing, and what is
 * `Circumstantial`, as a machine whose memory is short.
 */
export async function whyForgotten({ page }) {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.enable");
  const reasons = [];
  session.on("Page.backForwardCacheNotUsed", ({ notRestoredExplanations }) => {
    reasons.push(...notRestoredExplanations.map(({ type, reason }) => ({ type, reason })));
  });
  return reasons;
}

/** The time of a page, or of all pages, passes in steps of the story and not by itself: else a pause of the client's may be over too soon. */
export async function standingClock({ clock }) {
  await clock.install();
  await clock.pauseAt(Date.now() + 60_000);
}

/** A handle of a client in the page: `client.evaluate(act, argument)` runs `act(client, argument)` there. */
export async function clientIn(page) {
  const module = await page.evaluateHandle(() => import("/assets/client/index.js"));
  return module.evaluateHandle(({ createAuthClient }) => createAuthClient({ baseUrl: location.origin }));
}

/** As a browser from before both. */
export function withoutLocksAndChannels() {
  Object.defineProperty(navigator, "locks", { value: undefined });
  delete globalThis.BroadcastChannel;
}

/** So that the issuer itself says 401: it knows people by the session cookie too, and the edge refreshes for the app. */
export async function forgetAccess({ context }) {
  await context.clearCookies({ name: "edgeward-access" });
  await context.clearCookies({ name: "edgeward-session" });
}

/** How often the refresh token was rotated. */
export async function generation({ context }) {
  const cookies = await context.cookies();
  return cookies.find(({ name }) => name === "edgeward-refresh").value.split(".")[2];
}

/** Counts the requests that the page sends from now on to a path, or to those that an expression matches. */
export function countRequests(page, path) {
  const counter = { count: 0 };
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (path instanceof RegExp ? path.test(pathname) : pathname === path) counter.count += 1;
  });
  return counter;
}
