// The browser suite: a site, one with a clock of its own, and one Chromium for all of it, because starting them takes longer than any story.

import { after, before } from "node:test";
import { accountStories } from "./account.mjs";
import { badInputStories } from "./bad_input.mjs";
import { launchBrowser } from "./browser.mjs";
import { clientStories } from "./client.mjs";
import { ClockedSite } from "./clocked_site.mjs";
import { consoleStories } from "./console.mjs";
import { crossSiteStories } from "./cross_site.mjs";
import { endedStories } from "./ended.mjs";
import { expiredStories } from "./expired.mjs";
import { leavingStories } from "./leaving.mjs";
import { pageStories } from "./pages.mjs";
import { previewStories } from "./previews.mjs";
import { tourStories } from "./every_page.mjs";
import { quickStartStories } from "./quick_starts.mjs";
import { signInStories } from "./sign_in.mjs";
import { Site } from "./site.mjs";
import { slowNetworkStories } from "./slow_network.mjs";
import { stepUpStories } from "./step_up.mjs";
import { tabStories } from "./tabs.mjs";

/** `site`, `clocked` (with a clock of its own) and `browser`, from the moment the first story begins. */
const world = {};

before(async () => {
  [world.site, world.clocked, world.browser] = await Promise.all([Site.start(), ClockedSite.start(), launchBrowser()]);
});

after(async () => {
  await Promise.all([world.site?.stop(), world.clocked?.stop(), world.browser?.close()]);
});

signInStories(world);
pageStories(world);
accountStories(world);
badInputStories(world);
tourStories(world);
clientStories(world);
tabStories(world);
slowNetworkStories(world);
leavingStories(world);
consoleStories(world);
crossSiteStories(world);
stepUpStories(world);
endedStories(world);
expiredStories(world);
quickStartStories(world);
previewStories();
