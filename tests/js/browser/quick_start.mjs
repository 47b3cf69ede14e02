// A quick start as a person follows it, in an empty folder: the files of the page written there, its commands typed in their order, those
// for the checkout there.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { Site } from "./site.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The folder of the quick starts. */
export const EXAMPLES = join(root, "www/client/examples");

/** A build of Next.js on a busy machine; whatever takes longer hangs. */
const PATIENCE_MS = 600_000;

/** A program that listens says so within this time on a busy machine. */
const START_MS = 60_000;

export class QuickStart {
  #child;

  /** The site that the gate opens, as soon as the gate runs. */
  site;

  /** What the page has had built. */
  #parts = new Set();

  /** Where the app listens, in the place of the page's 3000. */
  port;

  /** Follows the page of this name to its end, when the app says that it is ready. */
  static async follow(name) {
    const start = new QuickStart();
    start.folder = await mkdtemp(join(tmpdir(), "edgeward-quick-start-"));
    try {
      await start.#follow(await stepsOf(name));
    } catch (error) {
      await start.leave();
      throw error;
    }
    return start;
  }

  async #follow(steps) {
    const last = steps.pop();
    for (const { command, checkout, file, text } of steps) {
      if (file !== undefined) {
        const path = join(this.folder, file);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      } else if (checkout) {
        for (const line of command.trim().split("\n")) await this.#inCheckout(line);
      } else {
        await typed(command, this.folder);
      }
    }
    await this.#startApp(last.command);
  }

  async #inCheckout(line) {
    const words = line.trim().split(/\s+/);
    const [cargo, xtask, task, ...options] = words.map((word) => word.replace("FOLDER", this.folder));
    if (cargo !== "cargo") {
      for (const word of words.filter((word) => word.startsWith("./"))) assert.ok(this.#parts.has(PACKED[word]), `${word} was built before`);
      return typed(line.replace("FOLDER", `'${this.folder}'`), root);
    }
    assert.equal(xtask, "xtask");
    if (task === "build") {
      for (const part of options) {
        await built(part);
        this.#parts.add(part);
      }
      return;
    }
    assert.equal(task, "dev");
    this.port = await freePort();
    this.site = await Site.start({}, options.map((word) => word.replace(/:3000$/, `:${this.port}`)));
  }

  async #startApp(command) {
    const env = environment({ ...this.site.printed, PORT: String(this.port) });
    // A group of its own, because `npx` starts others.
    const child = spawn("sh", ["-ec", command], { cwd: this.folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const said = [];
    await new Promise((resolve, reject) => {
      const failed = (why) => reject(new Error(`${command.trim()} ${why}:\n${said.join("\n")}`));
      const timer = setTimeout(() => failed("is not ready in time"), START_MS);
      const ends = (what, act) => child.once(what, act).once(what, () => clearTimeout(timer));
      ends("error", ({ message }) => failed(`does not start, ${message}`));
      ends("exit", (code, signal) => failed(`ended with ${code ?? signal}`));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on("line", (line) => {
          said.push(line);
          if (!/\bready\b/i.test(line)) return;
          clearTimeout(timer);
          resolve();
        });
      }
    });
  }

  async leave() {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      process.kill(-child.pid, "SIGKILL");
      await exit;
    }
    await this.site?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What the page says, in its order: files, and commands for its own folder or for the checkout. */
async function stepsOf(name) {
  const page = await readFile(join(EXAMPLES, name, "README.md"), "utf8");
  return [...page.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language, place, text]) =>
    language === "sh" ? { command: text, checkout: place === "checkout" } : { file: place, text },
  );
}

/** A command to its end. */
function typed(command, cwd) {
  return run("sh", ["-ec", command], { cwd, env: environment({}), timeout: PATIENCE_MS, maxBuffer: 1 << 24 });
}

/** What `cargo xtask build` calls the part that is packed from a folder. */
const PACKED = { "./edge/js": "npm", "./www/client": "client" };

const builds = new Map();

/** What one page has built is not built again for the next. */
function built(part) {
  if (!builds.has(part)) {
    const options = { cwd: root, env: environment({}), timeout: PATIENCE_MS, maxBuffer: 1 << 24 };
    builds.set(part, run(process.env.XTASK_BIN, ["build", part], options));
  }
  return builds.get(part);
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

/**
 * Ports below those that the system hands out to connections on their way out (from 32768 on Linux), one of which could be gone again
 * before the program listens. Processes begin at different places.
 */
const PORTS = { from: 12_000, count: 20_000 };
let next = process.pid * 97;

/** A port that is free now, and that this process has not named before. */
async function freePort() {
  for (let left = PORTS.count; left > 0; left -= 1) {
    const port = PORTS.from + (next++ % PORTS.count);
    const server = createServer();
    const listens = await new Promise((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!listens) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("no port is free");
}
