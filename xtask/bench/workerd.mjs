// Workers that are laid out once and started many times, and the processor's time that they take.

import { build } from "esbuild";
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configuration, serve } from "../workerd.mjs";

/** The date whose runtime behaviour is measured; the same as in `wrangler.toml`. */
const COMPATIBILITY_DATE = "2026-10-01";

/** The text of one Worker, bundled from `entry` as a user's build would. */
export async function bundled(entry, minify = false) {
  const result = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    minify,
    write: false,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["module", "main"],
    external: ["*.wasm", "cloudflare:workers"],
    logLevel: "error",
  });
  return result.outputFiles[0].text;
}

/**
 * A Worker laid out in a folder, ready to be started many times.
 * `modules`: name to `{ esModule | wasm | text }`, the main module first, each a text or the path of a file as a `URL`.
 */
export async function layOut(modules, bindings = {}) {
  const folder = await mkdtemp(join(tmpdir(), "edgeward-bench-"));
  const kinds = {};
  for (const [name, module] of Object.entries(modules)) {
    const [[kind, content]] = Object.entries(module);
    const target = join(folder, name);
    await mkdir(dirname(target), { recursive: true });
    await (content instanceof URL ? copyFile(content, target) : writeFile(target, content));
    kinds[name] = kind;
  }
  const config = join(folder, "config.capnp");
  await writeFile(config, configuration({ modules: kinds, bindings, compatibilityDate: COMPATIBILITY_DATE }));
  return {
    // A gate logs each refusal, and every turn has some.
    start: () => serve(config, "ignore"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Milliseconds of processor time that a process has taken with all its threads, or `NaN` where the system does not tell. */
export async function processorTime(pid) {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const times = await Promise.all(
      threads.map(async (thread) => {
        const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
        return Number(text.split(" ")[0]) / 1e6;
      }),
    );
    return times.reduce((sum, time) => sum + time, 0);
  } catch {
    return Number.NaN;
  }
}
