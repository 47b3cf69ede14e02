// Bundles an entry with the package `edgeward` as a user's build would: by the export conditions of the runtime.

import { build } from "esbuild";
import { mkdtemp, cp, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Makes a folder with `main.mjs` and `wasm/edgeward_bg.wasm`; the caller removes it. `define` replaces names by code. */
export async function bundle(entry, conditions, define = {}) {
  const folder = await mkdtemp(join(tmpdir(), "edgeward-bundle-"));
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile: join(folder, "main.mjs"),
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions,
    define,
    mainFields: ["module", "main"],
    external: ["*.wasm", "cloudflare:workers"],
    logLevel: "error",
  });
  // Of the package that the entry sees, which may be another one than this file sees.
  const wasm = join(dirname(createRequire(entry).resolve("edgeward/package.json")), "dist/wasm/edgeward_bg.wasm");
  const target = join(folder, "wasm", "edgeward_bg.wasm");
  await mkdir(dirname(target));
  await cp(wasm, target);
  return folder;
}
