// The network of one page as Chromium slows it down: not made up, but the real answers, later.

/** What Chromium's own tools call a slow mobile network: 400 ms for each answer, 50 KB in a second. */
const SLOW = { latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };

/** Nobody waits for an answer that long; a story lets it come, or does not. */
const STANDING_STILL = { latency: 3_600_000, downloadThroughput: -1, uploadThroughput: -1 };

const FLOWING = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };

export class Network {
  #session;

  static async of(page) {
    const network = new Network();
    network.#session = await page.context().newCDPSession(page);
    await network.#session.send("Network.enable");
    return network;
  }

  slow = () => this.#become(SLOW);

  /** Requests go out, and no answer comes. */
  standStill = () => this.#become(STANDING_STILL);

  /** What was held up comes at once. */
  flow = () => this.#become(FLOWING);

  async #become(conditions) {
    await this.#session.send("Network.emulateNetworkConditions", { offline: false, ...conditions });
  }
}
