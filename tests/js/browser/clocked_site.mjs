// A site whose issuer and edge go by the time that each request says, and visitors who say it: minutes pass at once, and a second is
// one.

import { test } from "node:test";
import { Visitor } from "./browser.mjs";
import { Example, need } from "./example.mjs";

/** What the issuer and the edge of tests read the time from. */
const HEADER = "edgeward-test-clock";

/** A day, because the time of a story stands, and the demo app, which knows only the real one, must not see its assertions expire. */
const LEEWAY_SECONDS = 86_400;

export class ClockedSite {
  #example;

  static async start() {
    const site = new ClockedSite();
    site.#example = await Example.start("CLOCKED_SITE_BIN", [], {
      EDGEWARD_BIN: need("CLOCKED_EDGEWARD_BIN"),
      EDGEWARD_WORKER_DIR: need("CLOCKED_WORKER_DIR"),
      // Of the demo app, which it starts; no other site's is told so.
      LEEWAY_SECONDS_OF_TESTS: String(LEEWAY_SECONDS),
    });
    return Object.assign(site, site.#example.said);
  }

  stop() {
    return this.#example.stop();
  }
}

/** The time of one story, in all the browsers that it was told of. */
export class StoryClock {
  #now = Math.floor(Date.now() / 1_000);
  #contexts = [];

  async governs(context) {
    this.#contexts.push(context);
    await this.#tell(context);
  }

  /** Lets so many seconds pass. */
  wait = async (seconds) => {
    this.#now += seconds;
    await Promise.all(this.#contexts.map((context) => this.#tell(context)));
  };

  #tell(context) {
    return context.setExtraHTTPHeaders({ [HEADER]: String(this.#now) });
  }
}

/** As `visits`, at such a site; the story is handed its clock as well. */
export function clockedVisits(world, options) {
  return (name, story, expected) =>
    test(name, async () => {
      const visitor = await Visitor.arrive(world.browser, { baseURL: world.clocked.origin, ...options });
      const clock = new StoryClock();
      try {
        await clock.governs(visitor.context);
        await story(visitor, visitor.page, clock);
      } finally {
        await visitor.leave();
      }
      visitor.expectSilentConsole(expected);
    });
}
