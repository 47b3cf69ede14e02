// Mounts the suite in Node, in Chromium and in workerd.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startKeyServer } from "./key_server.mjs";
import { startChromium } from "./runtimes/chromium.mjs";
import { startWorkerd } from "./runtimes/workerd.mjs";
import { cases, run } from "./suite.mjs";

const runtimes = {
  node: async () => ({ run, stop() {} }),

  chromium: async () => {
    const { page, stop } = await startChromium(new URL("page.mjs", import.meta.url));
    await page.addScriptTag({ url: "/main.mjs", type: "module" });
    await page.waitForFunction("window.run");
    return { run: (name, jwksUri) => page.evaluate(([name, jwksUri]) => window.run(name, jwksUri), [name, jwksUri]), stop };
  },

  workerd: async () => {
    const { origin, stop } = await startWorkerd(new URL("worker.mjs", import.meta.url));
    return {
      run: async (name, jwksUri) => {
        const response = await fetch(origin, { method: "POST", body: JSON.stringify({ name, jwksUri }) });
        assert.equal(response.status, 200);
        return (await response.json()).wrong;
      },
      stop,
    };
  },
};

for (const [name, start] of Object.entries(runtimes)) {
  describe(`jose and edgeward in ${name}`, () => {
    let keyServer;
    let runtime;
    before(async () => {
      keyServer = await startKeyServer();
      runtime = await start();
    });
    after(async () => {
      await runtime?.stop();
      await keyServer?.stop();
    });
    for (const caseName of Object.keys(cases)) {
      it(caseName, async () => {
        assert.equal(await runtime.run(caseName, `${keyServer.origin}/keys.json`), null);
      });
    }
  });
}
