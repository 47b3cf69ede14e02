// The site under test, as somebody gets it who types `cargo xtask dev`: issuer, edge and demo app on free ports, with a
// data folder of its own that goes away afterwards.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The longest start seen was half a minute, with everything built; a stack that does not come must end the run. */
const START_TIMEOUT_MS = 300_000;

export class Site {
  #process;
  #data;

  /** What is printed for an app of one's own: `ISSUER` and `AUDIENCE`. */
  printed = {};

  /** Starts everything and resolves when a browser may open it. `env` are further settings of the issuer, `more` options of `dev`. */
  static async start(env = {}, more = []) {
    const xtask = process.env.XTASK_BIN;
    if (!xtask) throw new Error("XTASK_BIN is not set: run these tests by `cargo xtask test`");
    const site = new Site();
    // Fresh for each run, and of every class that a password policy may ask for.
    site.password = `Aa1-${randomBytes(12).toString("hex")}`;
    site.admin = { email: "admin@example.test", name: "Ada Admin", password: site.password };
    site.user = { email: "user@example.test", name: "Uri User", password: site.password };
    site.#data = await mkdtemp(join(tmpdir(), "edgeward-browser-"));
    const options = ["--edge-port=0", "--issuer-port=0", "--app-port=0", ...more];
    site.#process = spawn(xtask, ["dev", ...options, `--data=${site.#data}`, `--seed-password=${site.password}`], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    try {
      site.origin = await site.#ready();
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  #ready() {
    const said = [];
    const child = this.#process;
    const failed = (why) => new Error(`the site did not start: ${why}\n${said.join("\n")}`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(failed("it took too long")), START_TIMEOUT_MS);
      const settle = (act, value) => {
        clearTimeout(timer);
        act(value);
      };
      child.once("error", (error) => settle(reject, failed(error.message)));
      child.once("exit", (code, signal) => settle(reject, failed(`it ended with ${code ?? signal}`)));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on("line", (line) => {
          said.push(line);
          const printed = /^(ISSUER|AUDIENCE)=(.+)$/.exec(line);
          if (printed) this.printed[printed[1]] = printed[2];
          const ready = /^ready: (http:\/\/127\.0\.0\.1:\d+)$/.exec(line);
          if (ready) settle(resolve, ready[1]);
        });
      }
    });
  }

  async stop() {
    const child = this.#process;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    }
    await rm(this.#data, { recursive: true, force: true });
  }
}
