// Starts workerd with one Worker on a free loopback port and knows its process.

import { build } from "esbuild";
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

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
  const lines = [];
  for (const [name, module] of Object.entries(modules)) {
    const [[kind, content]] = Object.entries(module);
    const target = join(folder, name);
    await mkdir(dirname(target), { recursive: true });
    await (content instanceof URL ? copyFile(content, target) : writeFile(target, content));
    lines.push(`    (name = ${quoted(name)}, ${kind} = embed ${quoted(name)}),`);
  }
  const bound = Object.entries(bindings).map(([name, text]) => `    (name = ${quoted(name)}, text = ${quoted(text)}),`);
  const config = join(folder, "config.capnp");
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    # Key server and upstream are on this machine, which the default network refuses.
    (name = "outbound", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [
${lines.join("\n")}
  ],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  globalOutbound = "outbound",
  bindings = [
${bound.join("\n")}
  ],
);
`,
  );
  return {
    start: () => start(config),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `{ origin, port, pid, stop }` of a process that listens. */
async function start(config) {
  // On the descriptor 3 workerd says which port it got.
  const child = spawn(process.env.WORKERD, ["serve", "--control-fd=3", config], {
    // A gate logs each refusal, and every turn has some.
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  const listens = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code} before it listened`)));
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const event = JSON.parse(line);
      if (event.event === "listen" && event.socket === "http") resolve(event.port);
    });
  });
  try {
    const port = await listens;
    return { origin: `http://127.0.0.1:${port}`, port, pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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

function quoted(text) {
  return JSON.stringify(text);
}
