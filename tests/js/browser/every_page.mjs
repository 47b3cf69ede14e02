// Every page in every state, language and theme: no violation that axe knows of, none of the content policy, nothing that moves,
// nothing that is wider than the narrowest phone, and pictures for people under target/.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { layoutShift, visits } from "./browser.mjs";
import { clockedVisits } from "./clocked_site.mjs";
import { consoleTour } from "./console.mjs";
import { MailSink } from "./mail_sink.mjs";
import { Site } from "./site.mjs";
import { CHALLENGING, challengeTour, mailTour, tour } from "./tour.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = process.env.PICTURES ?? join(process.cwd(), "target/pictures");
const NARROWEST = { width: 320, height: 800 };
const SIZES = { narrow: { width: 390, height: 844 }, wide: { width: 1280, height: 800 } };

/** What a page may weigh, everything that it loads included. */
const MAX_PAGE_BYTES = 50_000;

/** Refusals are lines in Chromium's console, however well the page explains them; so is the request that the tour breaks off. */
const EXPECTED = /^Failed to load resource: (the server responded with a status of 4\d\d |net::ERR_FAILED)/;

export function tourStories(world) {
  describe("every page", () => {
    const others = {};

    before(async () => {
      others.sink = await MailSink.open();
      // One after the other: each looks whether what it starts is built, and puts it where the other takes it from.
      others.mailing = await Site.start(others.sink.settings);
      others.challenging = await Site.start(CHALLENGING);
    });

    after(async () => {
      await Promise.all([others.mailing?.stop(), others.challenging?.stop()]);
      await others.sink?.close();
    });

    for (const locale of ["en-GB", "de-DE"]) {
      for (const colorScheme of ["light", "dark"]) {
        describe(`${locale}, ${colorScheme}`, () => {
          const options = { locale, colorScheme, reducedMotion: "reduce" };
          const [visit, clockedVisit] = [visits(world, options), clockedVisits(world, options)];

          visit("is accessible, still, narrow enough, and within its content policy", async (visitor, page) => {
            const looked = await inspector(visitor, locale, colorScheme);
            await tour(page, world.site.origin, world.site.password, looked.at);
            looked.expectNames(27);
          }, EXPECTED);

          clockedVisit("is so too for administrators", async (visitor, page, clock) => {
            const looked = await inspector(visitor, locale, colorScheme);
            await consoleTour(page, world.clocked, looked.at, clock.wait);
            looked.expectNames(15);
          }, EXPECTED);

          visit("is so too where it begins with a mail", async (visitor, page) => {
            const looked = await inspector(visitor, locale, colorScheme);
            const { mailing, sink } = others;
            await mailTour(page, mailing.origin, mailing.password, (email) => sink.link(mailing.origin, email), looked.at);
            looked.expectNames(12);
          }, EXPECTED);

          visit("is so too where a challenge has to be solved", async (visitor, page) => {
            const looked = await inspector(visitor, locale, colorScheme);
            await challengeTour(page, others.challenging.origin, looked.at);
            looked.expectNames(2);
          }, EXPECTED);
        });
      }
    }
  });

  describe("what a page costs", () => {
    const visit = visits(world, {});

    visit("the sign-in page is below 50 KB, waits for no script, and does not move", async (visitor, page) => {
      const requests = [];
      page.on("request", (request) => requests.push(request));
      await page.goto("/login", { waitUntil: "load" });
      // Whatever was asked for counts, also what ends after the page is there.
      const all = await Promise.all(requests.map((request) => request.sizes()));
      const bytes = all.reduce((sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize, 0);
      console.log(`the sign-in page transfers ${bytes} bytes in ${all.length} requests`);
      assert.ok(bytes > 1000 && bytes < MAX_PAGE_BYTES, `${bytes} bytes`);
      assert.equal(await page.locator("script:not([type=module], [async], [defer])").count(), 0);
      assert.equal(await layoutShift(page), 0);
    });
  });
}

/** Watches the pages of a visitor; `at(name)` looks at the one that is there. */
async function inspector(visitor, locale, colorScheme) {
  const { page } = visitor;
  const names = [];
  await visitor.context.addInitScript(() => {
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", (event) => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const folder = join(PICTURES, locale.slice(0, 2));
  await mkdir(folder, { recursive: true });
  const at = async (name, { language = locale.slice(0, 2), since } = {}) => {
    await page.waitForLoadState();
    names.push(name);
    assert.equal(await page.locator("html").getAttribute("lang"), language, name);
    assert.equal(await page.locator("h1").count(), 1, name);
    assert.equal(await layoutShift(page, since), 0, `${name} moves`);
    assert.deepEqual(await page.evaluate(() => globalThis.violations), [], name);
    await expectAccessible(page, name);
    const size = page.viewportSize();
    await page.setViewportSize(NARROWEST);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(beyond <= 0, `${name} is ${beyond} px too wide`);
    // Another layout, in the same colours as the wide one: once for each language is enough.
    if (colorScheme === "light") await expectAccessible(page, `${name}, narrow`);
    for (const [width, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
    await page.setViewportSize(size);
  };
  const expectNames = (count) => {
    assert.equal(names.length, new Set(names).size);
    assert.equal(names.length, count, names.join(", "));
  };
  return { at, expectNames };
}

/** No violation that axe knows of. */
async function expectAccessible(page, name) {
  const found = await page.evaluate(`${AXE}; axe.run(document, { resultTypes: ["violations"] })`);
  const violations = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(violations, [], name);
}
