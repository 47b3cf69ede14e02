// Asking: the program of ../load, with a request and the clients that send it.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, onCore } from "./servers.mjs";

const LOAD = process.env.LOAD;

export const CONNECTIONS = 32;

/** A kind of request to a server: `lines` are its first line and headers, `{}` stands for the client. */
export class Question {
  static #count = 0;

  constructor(server, lines, { body = "", clients, next, expect = 200, again } = {}) {
    this.server = server;
    this.file = join(folder("requests"), String((Question.#count += 1)));
    writeFileSync(this.file, [...lines, "host: 127.0.0.1", "", body, ""].join("\n"));
    this.options = Object.entries({ clients, next, expect, again }).filter(([, value]) => value !== undefined);
  }

  /**
   * Asks; resolves to the figures. An answer that is not the expected one ends the run. So does a request that was never answered,
   * because no latency tells of it; with `mayMiss` who asks shows how many those are.
   */
  async ask({ connections = CONNECTIONS, mayMiss = false, ...more }) {
    const given = { to: `127.0.0.1:${this.server.port}`, request: this.file, connections, ...Object.fromEntries(this.options), ...more };
    const args = options(given);
    const before = this.server.processor();
    const { status, out, errors } = await run(1, args);
    this.server.mustLive();
    if (status !== 0) throw new Error(`${this.server.name}: ${errors}`);
    const figures = JSON.parse(out);
    if (figures.failures > 0 || (figures.unanswered > 0 && !mayMiss)) throw new Error(`${this.server.name}: ${out}${errors}${this.server.tail()}`);
    const all = figures.answered * (1 + (more.warm ?? 0) / more.seconds);
    return { ...figures, micros: (this.server.processor() - before) / all };
  }

  /** As fast as the answers come. */
  saturate(seconds, more = {}) {
    return this.ask({ warm: 0.5, seconds, ...more });
  }

  /** By a schedule of so many a second. */
  scheduled(rate, seconds, more = {}) {
    return this.ask({ warm: 0.5, seconds, rate, ...more });
  }
}

/** The disk that the servers write to, asked by the same schedule without a server, on their core. */
export class Disk {
  /** `together` is how many of those that wait may share an `fsync`. */
  constructor(together) {
    this.together = together;
  }

  async scheduled(rate, seconds) {
    const file = join(folder("disk"), "log");
    const { status, out, errors } = await run(0, ["disk", ...options({ file, together: this.together, warm: 0.5, seconds, rate })]);
    if (status !== 0) throw new Error(`the disk: ${errors}`);
    const figures = JSON.parse(out);
    if (figures.unanswered > 0) throw new Error(`the disk: ${out}`);
    return figures;
  }
}

function options(given) {
  return Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** Runs the program to its end, on this core. */
async function run(core, args) {
  const [command, rest] = onCore(core, LOAD, args);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const status = await new Promise((resolve) => child.once("close", resolve));
  return { status, out, errors };
}
