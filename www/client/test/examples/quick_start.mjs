// A quick start as a person follows it: the packed packages in an empty folder, the files of the page written there, its commands
// typed in their order.

import { execFile, spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** A build of Next.js on a busy machine; whatever takes longer hangs. */
const PATIENCE_MS = 600_000;

/** A program that listens does so within this time on a busy machine. */
const START_MS = 60_000;

/** What the page says, in its order: files and commands. */
export async function stepsOf(name) {
  const page = await readFile(new URL(`../../examples/${name}/README.md`, import.meta.url), "utf8");
  return [...page.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language, file, text]) =>
    language === "sh" ? { command: text } : { file, text },
  );
}

export class QuickStart {
  #children = [];
  /** Where the program that goes on listens. */
  port;

  static async inEmptyFolder(packages) {
    const start = new QuickStart();
    start.folder = await mkdtemp(join(tmpdir(), "edgeward-quick-start-"));
    for (const folder of packages) {
      await run("npm", ["pack", "--pack-destination", start.folder, join(root, folder)], { cwd: start.folder });
    }
    return start;
  }

  /** Follows the steps; a command that starts a server, which is the last one where `serves` says so, goes on, at `port` or a free one. */
  async follow(steps, { serves = false, env = {}, port } = {}) {
    for (const [i, { command, file, text }] of steps.entries()) {
      if (file !== undefined) {
        const path = join(this.folder, file);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      } else if (serves && i === steps.length - 1) {
        // Chosen only now: what is built before takes minutes, in which a port that is free may be taken.
        this.port = port ?? (await freePort());
        await this.#serve(command, { ...env, PORT: String(this.port) });
      } else {
        await run("sh", ["-ec", command], { cwd: this.folder, env: environment(env), timeout: PATIENCE_MS, maxBuffer: 1 << 24 });
      }
    }
  }

  async #serve(command, env) {
    // A group of its own, because `npx` starts others.
    const child = spawn("sh", ["-ec", command], { cwd: this.folder, env: environment(env), detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.push(child);
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said.push(text));
    const end = Date.now() + START_MS;
    while (!(await isListening(Number(env.PORT)))) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`${command} does not listen:\n${said.join("")}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async leave() {
    for (const child of this.#children) {
      const exit = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid, "SIGKILL");
        await exit;
      }
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** npm asks the network for as little as it can, and more than once. */
const NPM = {
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_prefer_offline: "true",
  npm_config_fetch_retries: "5",
};

/** What a person has who types the commands, without what this run of tests or a workspace around it sets for npm. */
function environment(more) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") && !name.startsWith("NODE_TEST"));
  return { ...Object.fromEntries(own), NEXT_TELEMETRY_DISABLED: "1", ...NPM, ...more };
}

function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/**
 * Ports below those that the system hands out to connections on their way out (from 32768 on Linux), one of which could be gone again
 * before the program listens. Processes begin at different places.
 */
const PORTS = { from: 12_000, count: 20_000 };
let next = process.pid * 97;

/** A port that is free now, and that this process has not named before. */
export async function freePort() {
  for (let left = PORTS.count; left > 0; left -= 1) {
    const port = PORTS.from + (next++ % PORTS.count);
    const server = await listen(createServer(), port).catch(() => undefined);
    if (server === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("no port is free");
}

export async function listen(server, port = 0) {
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}
