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

  /** Asks; resolves to the figures. An answer that is not the expected one ends the run, unless `mayFail`. */
  async ask({ connections = CONNECTIONS, mayFail = false, ...more }) {
    const options = { to: `127.0.0.1:${this.server.port}`, request: this.file, connections, ...Object.fromEntries(this.options), ...more };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const before = this.server.processor();
    const [command, rest] = onCore(1, LOAD, args);
    const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
    let [out, errors] = ["", ""];
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    const status = await new Promise((resolve) => child.once("close", resolve));
    this.server.mustLive();
    if (status !== 0) throw new Error(`${this.server.name}: ${errors}`);
    const figures = JSON.parse(out);
    if (figures.failures > 0 && !mayFail) throw new Error(`${this.server.name}: ${out}${errors}${this.server.tail()}`);
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
