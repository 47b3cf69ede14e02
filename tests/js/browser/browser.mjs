// Chromium, and a visitor in it: one profile that starts empty, whose console is listened to on every page and in every tab.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";

/** `more` are switches of Chromium's beside the usual ones; `home` is where it keeps what it trusts, if not where everybody's is. */
export function launchBrowser(more = [], home) {
  return chromium.launch(options(more, home));
}

/** What a browser sends third parties unless a story says otherwise: their cookies. */
const COOKIES_FOR_ALL = { block_third_party_cookies: false, cookie_controls_mode: 0 };

/**
 * A browser with a profile in a folder of its own, set to send third parties their cookies. The others are private windows, which
 * never do, and Debian's Chromium does not by default either.
 */
export async function launchProfile(folder, { more = [], home, profile = COOKIES_FOR_ALL } = {}) {
  await mkdir(join(folder, "Default"), { recursive: true });
  const preferences = { profile };
  await writeFile(join(folder, "Default/Preferences"), JSON.stringify(preferences));
  return chromium.launchPersistentContext(folder, options(more, home));
}

/**
 * For GETs that a story sends itself: one that meets a connection which rested and is just being closed at the other end is sent again,
 * as browsers do by themselves.
 */
export const AGAIN_IF_CLOSED = { maxRetries: 2 };

/** How the folder of a profile is removed: some process of Chromium's may write to it after the browser is gone. */
export const PROFILE_GOES = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };

function options(more, home) {
  return {
    env: home ? { ...process.env, HOME: home } : process.env,
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
    // Playwright switches the memory of whole pages off. What the back button shows is decided by it.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  };
}

/** Far longer than any page takes on a busy machine; a story that waits for what never comes should say so soon. */
const PATIENCE_MS = 15_000;

/**
 * A `test` whose story is one visit of somebody with an empty browser: `visit(name, story, expected)`, where `expected`
 * matches what the console may complain about.
 */
export function visits(world, options) {
  return (name, story, expected) =>
    test(name, async () => {
      const visitor = await Visitor.arrive(world.browser, { baseURL: world.site.origin, ...options });
      try {
        await story(visitor, visitor.page);
      } finally {
        await visitor.leave();
      }
      visitor.expectSilentConsole(expected);
    });
}

export class Visitor {
  #complaints;

  static async arrive(browser, options, complaints = []) {
    const visitor = new Visitor();
    visitor.#complaints = complaints;
    visitor.context = await browser.newContext(options);
    visitor.context.setDefaultTimeout(PATIENCE_MS);
    // Violations of the content security policy are console errors too.
    visitor.context.on("console", (message) => {
      if (message.type() === "error") complaints.push(`${message.text()} (${message.location().url})`);
    });
    visitor.context.on("weberror", (error) => complaints.push(String(error.error())));
    visitor.page = await visitor.context.newPage();
    return visitor;
  }

  /** Somebody else, or the same person elsewhere: another browser whose complaints fail the same story. */
  accompanied(options) {
    return Visitor.arrive(this.context.browser(), options, this.#complaints);
  }

  async leave() {
    await this.context.close();
  }

  expectSilentConsole(expected) {
    const unexpected = this.#complaints.filter((text) => !expected?.test(text));
    assert.deepEqual(unexpected, [], "the browser's console is silent");
  }

  /** Fills the sign-in page in and sends it. */
  async submitSignIn({ email, password }) {
    await this.page.getByLabel("E-mail address").fill(email);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Goes to `/app`, signs in on the way, and arrives. */
  async signIn(user) {
    await this.page.goto("/app");
    await this.submitSignIn(user);
    await this.expectHeading(`Hello, ${user.name}`);
  }

  /** Waits for the page of this heading, its script included: until that has run, a button leads the way without script. */
  async expectHeading(name) {
    await this.page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
    await this.page.waitForLoadState();
  }

  async expectSignInPage(returnTo) {
    await this.page.waitForURL((url) => url.pathname === "/login");
    await this.expectHeading("Sign in");
    assert.equal(new URL(this.page.url()).searchParams.get("returnTo"), returnTo);
  }
}

/** How much has moved since the page was painted first, or since a moment of the page's clock, but for what a person has moved. */
export function layoutShift(page, since = 0) {
  return page.evaluate(
    (since) =>
      new Promise((resolve) => {
        let sum = 0;
        const counts = ({ hadRecentInput, startTime }) => !hadRecentInput && startTime >= since;
        const add = (list) => list.getEntries().forEach((entry) => (sum += counts(entry) ? entry.value : 0));
        new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
    since,
  );
}

/** The moment, by the page's clock, at which what is there now has been painted. */
export function painted(page) {
  return page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())))),
  );
}
