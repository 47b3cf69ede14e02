// Photographs the pages of a running site: SITE, EMAIL, PASSWORD and CHROMIUM from the environment, the folder as argument.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { SITE, EMAIL, PASSWORD, CHROMIUM } = process.env;
const folder = process.argv[2];
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
});
try {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await (await browser.newContext({ viewport, colorScheme })).newPage();
      const take = async (name, path) => {
        if (path) await page.goto(SITE + path);
        await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      };
      await take("home", "/");
      await take("register", "/register");
      await take("sign-in", "/login?returnTo=%2Fapp");
      await page.fill("[name=email]", EMAIL);
      await page.fill("[name=password]", "not the password");
      await Promise.all([page.waitForResponse(/\/auth\/login/), page.click("button[type=submit]")]);
      await page.waitForLoadState();
      await take("sign-in-refused");
      await page.fill("[name=password]", PASSWORD);
      await Promise.all([page.waitForURL(`${SITE}/app`), page.click("button[type=submit]")]);
      await take("app");
      await take("forbidden", "/admin");
      await take("sign-out", "/account/sign-out");
      await page.context().close();
    }
  }
} finally {
  await browser.close();
}
