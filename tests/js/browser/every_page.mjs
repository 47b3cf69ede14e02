// Every page in every state, language and theme: no violation that axe knows of, none of the content policy, nothing that moves,
// nothing that is wider than the narrowest phone, and pictures for people under target/.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe } from "node:test";
import { visits } from "./browser.mjs";
import { consoleTour } from "./console.mjs";
import { MailSink } from "./mail_sink.mjs";
import { Site } from "./site.mjs";
import { mailTour, tour } from "./tour.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = process.env.PICTURES ?? join(process.cwd(), "target/pictures");
const NARROWEST = { width: 320, height: 800 };
const SIZES = { narrow: { width: 390, height: 844 }, wide: { width: 1280, height: 800 } };

/** What a page may weigh, everything that it loads included. */
const MAX_PAGE_BYTES = 50_000;

/** Refusals are lines in Chromium's console, however well the page explains them; so is the request that the tour breaks off. */
const EXPECTED = /^Failed to load resource: (the server responded with a status of 4\d\d |net::ERR_FAILED)/;

export function tourStories(world) {
  for (const locale of ["en-GB", "de-DE"]) {
    for (const colorScheme of ["light", "dark"]) {
      describe(`every page, ${locale}, ${colorScheme}`, () => {
        const visit = visits(world, { locale, colorScheme, reducedMotion: "reduce" });

        visit("is accessible, still, narrow enough, and within its content policy", async (visitor, page) => {
          const looked = await inspector(visitor, locale, colorScheme);
          await tour(page, world.site.origin, world.site.password, looked.at);
          assert.equal(looked.names.length, new Set(looked.names).size);
          assert.ok(looked.names.length >= 20, looked.names.join(", "));
        }, EXPECTED);

        visit("is so too for administrators", async (visitor, page) => {
          const looked = await inspector(visitor, locale, colorScheme);
          await consoleTour(page, world.site.origin, world.site, looked.at);
          assert.equal(looked.names.length, 6);
        }, EXPECTED);

        visit("is so too where it begins with a mail", async (visitor, page) => {
          const sink = await MailSink.open();
          const site = await Site.start({
            EDGEWARD__MAIL__SERVER: "127.0.0.1",
            EDGEWARD__MAIL__PORT: String(sink.port),
            EDGEWARD__MAIL__TLS: "none",
            EDGEWARD__MAIL__FROM: "no-reply@example.test",
          });
          try {
            const looked = await inspector(visitor, locale, colorScheme);
            await mailTour(page, site.origin, site.password, () => sink.link(site.origin), looked.at);
          } finally {
            await site.stop();
            await sink.close();
          }
        }, EXPECTED);
      });
    }
  }

  describe("what a page costs", () => {
    const visit = visits(world, {});

    visit("the sign-in page is below 50 KB, waits for no script, and does not move", async (visitor, page) => {
      const sizes = [];
      page.on("requestfinished", (request) => sizes.push(request.sizes()));
      await page.goto("/login", { waitUntil: "load" });
      const all = await Promise.all(sizes);
      const bytes = all.reduce((sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize, 0);
      console.log(`the sign-in page transfers ${bytes} bytes in ${all.length} requests`);
      assert.ok(bytes > 1000 && bytes < MAX_PAGE_BYTES, `${bytes} bytes`);
      assert.equal(await page.locator("script:not([type=module], [async], [defer])").count(), 0);
      assert.equal(await shift(page), 0);
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
  const at = async (name) => {
    await page.waitForLoadState();
    names.push(name);
    assert.equal(await page.locator("html").getAttribute("lang"), locale.slice(0, 2), name);
    assert.equal(await page.locator("h1").count(), 1, name);
    assert.equal(await shift(page), 0, `${name} moves`);
    assert.deepEqual(await page.evaluate(() => globalThis.violations), [], name);
    const found = await page.evaluate(`${AXE}; axe.run(document, { resultTypes: ["violations"] })`);
    const violations = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    assert.deepEqual(violations, [], name);
    const size = page.viewportSize();
    await page.setViewportSize(NARROWEST);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(beyond <= 0, `${name} is ${beyond} px too wide`);
    for (const [width, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
    await page.setViewportSize(size);
  };
  return { at, names };
}

/** How much has moved since the page was painted first, but for what a person has moved. */
function shift(page) {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        const add = (list) => list.getEntries().forEach((entry) => (sum += entry.hadRecentInput ? 0 : entry.value));
        new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
  );
}
