// Runs one bundled Worker in a real workerd on a free loopback port.

import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bundle } from "./bundle.mjs";

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ( name = "main", worker = .worker ),
    # The key server of a test listens on loopback, which the default network refuses.
    ( name = "internet", network = ( allow = ["public", "private"] ) ),
  ],
  sockets = [ ( name = "http", address = "127.0.0.1:0", http = (), service = "main" ) ],
);

const worker :Workerd.Worker = (
  modules = [
    ( name = "main.mjs", esModule = embed "main.mjs" ),
    ( name = "wasm/edgeward_bg.wasm", wasm = embed "wasm/edgeward_bg.wasm" ),
  ],
  compatibilityDate = "2026-11-01",
);
`;

/** `{ origin, stop }` of the Worker in `entry`. `define` replaces names in it by code, for what it must know at its start. */
export async function startWorkerd(entry, define) {
  const folder = await bundle(entry, ["workerd", "worker", "browser"], define);
  const config = join(folder, "config.capnp");
  await writeFile(config, CONFIG);
  // On the descriptor 3 workerd says which port it got.
  const child = spawn(binary(), ["serve", "--control-fd=3", config], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const port = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code} before it listened`)));
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const event = JSON.parse(line);
      if (event.event === "listen" && event.socket === "http") resolve(event.port);
    });
  });
  try {
    return { origin: `http://127.0.0.1:${await port}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function binary() {
  // The package's own command may be a script around the binary, which would swallow the descriptor and the signal.
  return process.env.WORKERD ?? createRequire(import.meta.url)("workerd").default;
}
