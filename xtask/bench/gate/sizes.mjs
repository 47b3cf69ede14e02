// How large what ships is: as it is, and as gzip makes it.

import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { table } from "../table.mjs";
import { joseGate } from "./workers.mjs";

const ROOT = new URL("../../../", import.meta.url);

/** Prints the table and answers `{ [name]: { raw, gzipped } }` in bytes. */
export async function sizes() {
  const wasm = new URL("wasm/edgeward_bg.wasm", import.meta.resolve("edgeward"));
  const measured = {
    worker: sizeOf([
      await readFile(new URL("edge/build/index_bg.wasm", ROOT)),
      await readFile(new URL("edge/build/index.js", ROOT)),
      await readFile(new URL("edge/worker.mjs", ROOT)),
    ]),
    ungated_worker: sizeOf([
      await readFile(new URL("../ungated/build/index_bg.wasm", import.meta.url)),
      await readFile(new URL("../ungated/build/index.js", import.meta.url)),
    ]),
    jose_gate: sizeOf([Buffer.from(await joseGate(true))]),
    npm_verifier: sizeOf([await readFile(wasm), await minified('export { createVerifier } from "edgeward";')]),
    jose_verifier: sizeOf([await minified('export { jwtVerify, createLocalJWKSet } from "jose";')]),
  };
  const titles = {
    worker: "edgeward Worker",
    ungated_worker: "ungated Worker of the worker crate",
    jose_gate: "the gate with jose, minified",
    npm_verifier: "npm verifier: createVerifier, minified, and its wasm",
    jose_verifier: "jose: jwtVerify and createLocalJWKSet, minified",
  };
  const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
  const rows = Object.entries(measured).map(([name, { raw, gzipped }]) => [titles[name], kilobytes(raw), kilobytes(gzipped)]);
  table("Sizes in KB (1,000 bytes)", [["", "raw", "gzipped"], ...rows]);
  return measured;
}

function sizeOf(files) {
  const sum = (lengths) => lengths.reduce((all, length) => all + length, 0);
  return {
    raw: sum(files.map((file) => file.length)),
    gzipped: sum(files.map((file) => gzipSync(file, { level: 9 }).length)),
  };
}

/** What a user's bundler makes of the export, for a Worker. */
async function minified(contents) {
  const result = await build({
    stdin: { contents, resolveDir: new URL(".", import.meta.url).pathname },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    external: ["*.wasm", "cloudflare:workers"],
    logLevel: "error",
  });
  return Buffer.from(result.outputFiles[0].contents);
}
