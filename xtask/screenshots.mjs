// Photographs every page of a running site in every state: SITE, PASSWORD and CHROMIUM from the environment, the folder as argument.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { tour } from "../tests/js/browser/tour.mjs";

const { SITE, EMAIL, PASSWORD, CHROMIUM } = process.env;
const folder = process.argv[2];
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
});
try {
  for (const colorScheme of ["light", "dark"]) {
    const page = await (await browser.newContext({ colorScheme, reducedMotion: "reduce" })).newPage();
    const take = async (name) => {
      await page.waitForLoadState();
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      }
    };
    // What is the app's and the edge's comes first: the tour ends signed in as somebody else.
    await page.goto(`${SITE}/`);
    await take("home");
    await page.goto(`${SITE}/login?returnTo=%2Fapp`);
    await page.fill("[name=email]", EMAIL);
    await page.fill("[name=password]", PASSWORD);
    await Promise.all([page.waitForURL(`${SITE}/app`), page.click("main button[type=submit]")]);
    await take("app");
    await page.goto(`${SITE}/admin`);
    await take("forbidden");
    await page.context().clearCookies();
    await tour(page, SITE, PASSWORD, take);
    await page.context().close();
  }
} finally {
  await browser.close();
}
