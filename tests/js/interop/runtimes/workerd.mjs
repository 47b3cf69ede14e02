// Runs one bundled Worker in a real workerd on a free loopback port.

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configuration, serve } from "../../../../xtask/workerd.mjs";
import { bundle } from "./bundle.mjs";

const CONFIG = configuration({
  modules: { "main.mjs": "esModule", "wasm/edgeward_bg.wasm": "wasm" },
  compatibilityDate: "2026-11-01",
});

/** `{ origin, stop }` of the Worker in `entry`. `define` replaces names in it by code, for what it must know at its start. */
export async function startWorkerd(entry, define) {
  const folder = await bundle(entry, ["workerd", "worker", "browser"], define);
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const config = join(folder, "config.capnp");
    await writeFile(config, CONFIG);
    const { origin, stop } = await serve(config, "inherit");
    return { origin, stop: () => stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
