// Starts workerd with one Worker on a free loopback port, for the tests in JavaScript and for the bench.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

/**
 * The configuration of one Worker.
 * `modules`: name to kind (`esModule`, `wasm`, `text`), the main module first; each is a file of this name beside the
 * configuration. `bindings`: name to text.
 */
export function configuration({ modules, bindings = {}, compatibilityDate }) {
  const embedded = Object.entries(modules).map(([name, kind]) => `    (name = ${quoted(name)}, ${kind} = embed ${quoted(name)}),`);
  const bound = Object.entries(bindings).map(([name, text]) => `    (name = ${quoted(name)}, text = ${quoted(text)}),`);
  return `using Workerd = import "/workerd/workerd.capnp";

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
${embedded.join("\n")}
  ],
  compatibilityDate = ${quoted(compatibilityDate)},
  globalOutbound = "outbound",
  bindings = [
${bound.join("\n")}
  ],
);
`;
}

/**
 * `{ origin, port, pid, stop }` of a process that listens. `config`: the path of a configuration. `output`: where what the Worker
 * says goes, as in the option `stdio` of Node.
 */
export async function serve(config, output) {
  // On the descriptor 3 workerd says which port it got.
  const child = spawn(binary(), ["serve", "--control-fd=3", config], { stdio: ["ignore", output, output, "pipe"] });
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

function binary() {
  // The package's own command may be a script around the binary, which would swallow the descriptor and the signal.
  return process.env.WORKERD ?? createRequire(import.meta.url)("workerd").default;
}

function quoted(text) {
  return JSON.stringify(text);
}
