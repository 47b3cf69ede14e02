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
const PATIENCE_MS = 240_000;

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

  static async inEmptyFolder(packages) {
    const start = new QuickStart();
    start.folder = await mkdtemp(join(tmpdir(), "edgeward-quick-start-"));
    for (const folder of packages) {
      await run("npm", ["pack", "--pack-destination", start.folder, join(root, folder)], { cwd: start.folder });
    }
    return start;
  }

  /** Follows the steps; a command that starts a server, which is the last one where `serves` says so, goes on. */
  async follow(steps, { serves = false, env = {} } = {}) {
    for (const [i, { command, file, text }] of steps.entries()) {
      if (file !== undefined) {
        const path = join(this.folder, file);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      } else if (serves && i === steps.length - 1) {
        await this.#serve(command, env);
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

/** What a person has who types the commands, without what this run of tests or a workspace around it sets for npm. */
function environment(more) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") && !name.startsWith("NODE_TEST"));
  return { ...Object.fromEntries(own), NEXT_TELEMETRY_DISABLED: "1", npm_config_audit: "false", npm_config_fund: "false", ...more };
}

function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** A port that is free now. */
export async function freePort() {
  const server = await listen(createServer());
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
