// Photographs every page in every state, language and theme, wide and narrow, and the letters: CHROMIUM and XTASK_BIN from the
// environment, the folder as argument. Only what needs time to pass is left to the browser suite, which has a clock for it.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launchBrowser } from "../tests/js/browser/browser.mjs";
import { consoleTour } from "../tests/js/browser/console.mjs";
import { MailSink } from "../tests/js/browser/mail_sink.mjs";
import { Site } from "../tests/js/browser/site.mjs";
import { CHALLENGING, challengeTour, mailTour, tour } from "../tests/js/browser/tour.mjs";

const folder = process.argv[2];
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };

const sink = await MailSink.open();
const sites = [];
const browser = await launchBrowser();
try {
  for (const settings of [{}, sink.settings, CHALLENGING]) sites.push(await Site.start(settings));
  const [site, mailing, challenging] = sites;
  for (const locale of ["en-GB", "de-DE"]) {
    const language = locale.slice(0, 2);
    await mkdir(join(folder, language), { recursive: true });
    for (const colorScheme of ["light", "dark"]) {
      const withPage = async (act) => {
        const context = await browser.newContext({ locale, colorScheme, reducedMotion: "reduce" });
        const page = await context.newPage();
        const take = async (name) => {
          await page.waitForLoadState();
          for (const [size, viewport] of Object.entries(SIZES)) {
            await page.setViewportSize(viewport);
            await page.screenshot({ path: join(folder, language, `${name}-${size}-${colorScheme}.png`), fullPage: true });
          }
        };
        await act(page, take);
        await context.close();
      };
      await withPage(async (page, take) => {
        await page.goto(`${site.origin}/`);
        await take("home");
        await page.goto(`${site.origin}/login?returnTo=%2Fapp`);
        await page.fill("[name=email]", site.user.email);
        await page.fill("[name=password]", site.user.password);
        await Promise.all([page.waitForURL(`${site.origin}/app`), page.click("main button[type=submit]")]);
        await take("app");
      });
      await withPage((page, take) => tour(page, site.origin, site.password, take));
      await withPage((page, take) => consoleTour(page, site, take));
      await withPage((page, take) => challengeTour(page, challenging.origin, take));
      const before = sink.pages().length;
      await withPage((page, take) => mailTour(page, mailing.origin, mailing.password, (email) => sink.link(mailing.origin, email), take));
      for (const [number, letter] of sink.pages().slice(before).entries()) {
        await withPage(async (page, take) => {
          await page.setContent(letter);
          await take(`letter-${number + 1}`);
        });
      }
    }
  }
} finally {
  await browser.close();
  for (const site of sites) await site.stop();
  await sink.close();
}
