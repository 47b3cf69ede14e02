// What a user's bundler makes of the package, under the conditions of each kind of runtime, and how much of it travels.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** What a page that verifies tokens has to load, JavaScript and WebAssembly compressed, so that it is no burden to a page. */
const MOST_BYTES = 80_000;

const RUNTIMES = {
  workerd: ["workerd", "worker", "browser"],
  deno: ["deno", "node"],
  bun: ["bun", "node"],
  browser: ["browser"],
  node: ["node"],
  none: [],
};

const folder = fileURLToPath(new URL(".", import.meta.url));

async function bundle(source, conditions) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: folder, loader: "js" },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "esm",
    // Otherwise esbuild would add the conditions of a browser.
    platform: "neutral",
    target: "es2022",
    conditions,
    external: ["*.wasm", "cloudflare:workers", "node:*"],
    logLevel: "error",
  });
  const [{ imports }] = Object.values(metafile.outputs);
  return { bytes: outputFiles[0].contents, imports: imports.map(({ path }) => path) };
}

const VERIFIER = 'import { createVerifier } from "edgeward"; export default createVerifier;';

for (const [runtime, conditions] of Object.entries(RUNTIMES)) {
  const wanted = { workerd: ["./wasm/edgeward_bg.wasm", "cloudflare:workers"], browser: [], none: [] };

  it(`imports for ${runtime} what that runtime has, and nothing else`, async () => {
    const { imports } = await bundle(VERIFIER, conditions);
    assert.deepEqual(imports.sort(), wanted[runtime] ?? ["node:fs/promises"]);
  });

  it(`leaves nothing of itself for ${runtime} when it is not used`, async () => {
    const { bytes, imports } = await bundle('import "edgeward"; import { createVerifier } from "edgeward";', conditions);
    assert.deepEqual([bytes.length, imports], [0, []]);
  });

  it(`leaves only the error for ${runtime} when only that is used`, async () => {
    const { bytes } = await bundle('export { EdgewardError } from "edgeward";', conditions);
    assert.ok(bytes.length < 600, `${bytes.length} bytes`);
  });
}

it("is no larger for a page to load than it was", async (test) => {
  const wasm = await readFile(new URL("wasm/edgeward_bg.wasm", import.meta.resolve("edgeward")));
  const { bytes } = await bundle(VERIFIER, RUNTIMES.browser);
  const [glue, core] = [bytes, wasm].map((part) => gzipSync(part, { level: 9 }).length);
  test.diagnostic(`${core} bytes of WebAssembly and ${glue} of JavaScript, compressed`);
  assert.ok(glue + core <= MOST_BYTES, `${glue} + ${core} bytes`);
});
