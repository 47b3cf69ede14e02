// What every page of the sign-in has to be, whatever is on it.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";

const PAGES = ["/login?returnTo=/app", "/register?returnTo=/app", "/account/sign-out"];

/** The narrowest phone that is still sold, a tablet, and a wide screen. */
const WIDTHS = [320, 768, 1920];

/** A page must be there before anybody on a slow phone looks away. */
const MAX_PAGE_BYTES = 50_000;

export function pageStories(world) {
  for (const colorScheme of ["light", "dark"]) {
    describe(`pages, ${colorScheme}`, () => {
      const visit = visits(world, { colorScheme });

      visit("fit every width, and nothing moves after the first paint", async (visitor, page) => {
        await visitor.signIn(world.site.user);
        const signedOut = ["/login?returnTo=/app", "/register"];
        for (const path of ["/account/sign-out", "/app", "/", ...signedOut]) {
          if (path === signedOut[0]) await visitor.context.clearCookies();
          for (const width of WIDTHS) {
            await page.setViewportSize({ width, height: 800 });
            await page.goto(path);
            assert.equal(new URL(page.url()).pathname, path.split("?")[0]);
            const { beyond, shift } = await page.evaluate(async () => ({
              beyond: document.documentElement.scrollWidth - document.documentElement.offsetWidth,
              shift: await new Promise((resolve) => {
                let sum = 0;
                new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.value))).observe({
                  type: "layout-shift",
                  buffered: true,
                });
                requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
              }),
            }));
            assert.ok(beyond <= 0, `${path} at ${width}: ${beyond} px too wide`);
            assert.equal(shift, 0, `${path} at ${width}`);
          }
        }
      });

      visit("text stands out from its ground by 4.5 to 1, and the fields' borders by 3 to 1", async (visitor, page) => {
        await visitor.signIn(world.site.user);
        for (const path of [...PAGES].reverse()) {
          if (path === PAGES[1]) await visitor.context.clearCookies();
          await page.goto(path);
          for (const { what, ratio, least } of await page.evaluate(contrasts)) {
            assert.ok(ratio >= least, `${path}: ${what} has ${ratio.toFixed(2)}, needs ${least}`);
          }
        }
      });
    });
  }

  describe("pages", () => {
    const visit = visits(world, {});

    visit("carry the strict headers, are never stored, and run no script but their one module", async (visitor, page) => {
      for (const path of ["/login", "/register"]) {
        const response = await page.goto(path);
        const headers = response.headers();
        const policy = headers["content-security-policy"];
        assert.match(policy, /default-src 'none'/, path);
        assert.match(policy, /frame-ancestors 'none'/, path);
        assert.match(policy, /form-action 'self'/, path);
        assert.doesNotMatch(policy, /unsafe|\*/, path);
        // By its digest: nothing else of this origin is let in, which is the app's too.
        assert.match(policy, /; script-src 'sha256-[A-Za-z0-9+/]{43}='(;|$)/, path);
        assert.match(headers["cache-control"], /no-store/, path);
        assert.equal(headers["x-frame-options"], "DENY", path);
        assert.equal(headers["x-content-type-options"], "nosniff", path);
        assert.equal(headers["referrer-policy"], "no-referrer", path);
        assert.equal(await page.locator("[style], style, [onclick]").count(), 0, path);
        assert.equal(await page.locator("script").count(), 1, path);
        assert.match(await page.locator("script").getAttribute("src"), /^\/auth\/assets\/once\.js\?v=/, path);
      }
    });

    visit(
      "fail their story by what is refused or thrown in any tab of it",
      async (visitor) => {
        const other = await visitor.context.newPage();
        await other.goto("/login");
        const violation = visitor.context.waitForEvent("console", (message) => /Content Security Policy/.test(message.text()));
        await other.evaluate(() => document.body.append(Object.assign(document.createElement("script"), { textContent: "0" })));
        await violation;
        const thrown = visitor.context.waitForEvent("weberror");
        await other.evaluate(() => void setTimeout(() => { throw new Error("thrown in another tab"); }));
        await thrown;
        assert.throws(() => visitor.expectSilentConsole(/thrown/), /Content Security Policy/);
        assert.throws(() => visitor.expectSilentConsole(/Content Security Policy/), /thrown in another tab/);
      },
      /Content Security Policy|thrown in another tab/,
    );

    visit("are small", async (visitor, page) => {
      for (const path of ["/login", "/register"]) {
        const requests = [];
        page.on("request", (request) => requests.push(request));
        await page.goto(path, { waitUntil: "load" });
        const bodies = requests.map(async (request) => (await request.response()).body());
        const bytes = (await Promise.all(bodies)).reduce((sum, { length }) => sum + length, 0);
        page.removeAllListeners("request");
        assert.ok(bytes > 1000 && bytes < MAX_PAGE_BYTES, `${path}: ${bytes} bytes`);
      }
    });

    visit("name every field for people and for password managers", async (visitor, page) => {
      for (const [path, expected] of [
        ["/login", { "E-mail address": "username", Password: "current-password" }],
        [
          "/register",
          {
            "First name": "given-name",
            "Last name": "family-name",
            "E-mail address": "username",
            Password: "new-password",
          },
        ],
      ]) {
        await page.goto(path);
        const fields = await page.locator("input:not([type=hidden])").evaluateAll((inputs) =>
          inputs.map((input) => [input.labels[0].innerText, input.autocomplete]),
        );
        assert.deepEqual(Object.fromEntries(fields), expected, path);
        assert.equal(await page.locator("html").getAttribute("lang"), "en");
        assert.equal(await page.locator("main h1").count(), 1);
      }
    });
  });
}

/** In the page: each text with its own ground, each field with its border, by the formula of WCAG 2.2. */
function contrasts() {
  const rgba = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.a === 1) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const results = [];
  for (const element of document.body.querySelectorAll("*")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
    const style = getComputedStyle(element);
    if (text) {
      results.push({ what: `"${element.innerText}"`, ratio: ratio(rgba(style.color), ground(element)), least: 4.5 });
    }
    if (element.matches("input:not([type=hidden])")) {
      const border = ratio(rgba(style.borderTopColor), ground(element.parentElement));
      results.push({ what: `the border of ${element.name}`, ratio: border, least: 3 });
      results.push({ what: `the text in ${element.name}`, ratio: ratio(rgba(style.color), ground(element)), least: 4.5 });
    }
  }
  return results;
}
