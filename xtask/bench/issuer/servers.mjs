// The servers: each in a folder of its own below target/, on a free port of loopback, on the first core if `taskset` is there.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../../target/xtask/bench/issuer", import.meta.url));

/** A server has so long to begin to answer, filling its database included. */
const PATIENCE = 120_000;

/** Servers have one core and the load another, so that neither takes the other's time. */
export const PINNED = availableParallelism() > 1 && spawnSync("taskset", ["-c", "0,1", "true"]).status === 0;

const running = new Set();

/** Runs `work`, and stops every server whatever becomes of it. */
export async function withServers(work) {
  rmSync(FOLDER, { recursive: true, force: true });
  const stop = () => running.forEach((server) => server.child.kill("SIGKILL"));
  process.once("exit", stop);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  try {
    return await work();
  } finally {
    await Promise.all([...running].map((server) => server.stop()));
    rmSync(FOLDER, { recursive: true, force: true });
  }
}

/** A new folder. */
export function folder(name) {
  const path = join(FOLDER, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** A program and its arguments, on a core of its own: 0 for servers, 1 for the load. */
export function onCore(core, program, args) {
  return PINNED ? ["taskset", ["-c", String(core), program, ...args]] : [program, args];
}

/** Runs a program to its end on the servers' core; resolves to what it printed. */
export function runAlone(program, args) {
  const [command, rest] = onCore(0, program, args);
  const done = spawnSync(command, rest, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr || done.error}`);
  return done.stdout;
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that was started and answers. */
export class Server {
  constructor(child, port, log, startedIn) {
    Object.assign(this, { child, port, log, startedIn });
  }

  /** Starts a program; `ready` is the path that it answers with 200 when it can serve. `env` is what it finds in variables besides. */
  static async start({ name, program, args, port, ready, at, env = {} }) {
    const log = join(at, "log");
    const out = openSync(log, "a");
    const [command, rest] = onCore(0, program, args);
    const started = performance.now();
    const child = spawn(command, rest, { stdio: ["ignore", out, out], env: { ...process.env, ...env } });
    closeSync(out);
    const server = new Server(child, port, log, undefined);
    running.add(server);
    const request = `GET ${ready} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`;
    for (;;) {
      server.mustLive(name);
      if (await answers(port, request)) break;
      if (performance.now() - started > PATIENCE) throw new Error(`${name} does not answer: ${server.tail()}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    server.startedIn = performance.now() - started;
    server.name = name;
    return server;
  }

  mustLive(name = this.name) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`${name} has ended: ${this.tail()}`);
  }

  tail() {
    return readFileSync(this.log, "utf8").slice(-2000);
  }

  /** Resident memory in MB (1,000,000 bytes), now and at most. */
  memory() {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const megabytes = (name) => (Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]) * 1024) / 1e6;
    return { now: megabytes("VmRSS"), most: megabytes("VmHWM") };
  }

  /** Makes `memory().most` begin anew. */
  forgetMost() {
    writeFileSync(`/proc/${this.child.pid}/clear_refs`, "5");
  }

  /** A histogram of ours for a route, as its numbers tell it: bounds in seconds, and how many took that long at most. */
  async histogram(name, route) {
    const text = await (await fetch(`http://127.0.0.1:${this.metrics}/metrics`)).text();
    const of = (end) => text.split("\n").filter((line) => line.startsWith(`${name}_${end}{`) && line.includes(`route="${route}"`));
    const value = (line) => Number(line.slice(line.lastIndexOf(" ") + 1));
    const buckets = of("bucket").map((line) => ({ bound: Number(/le="([^"]+)"/.exec(line)[1].replace("+Inf", "Infinity")), below: value(line) }));
    const only = (end) => of(end).map(value)[0] ?? 0;
    return { buckets: buckets.toSorted((one, other) => one.bound - other.bound), sum: only("sum"), count: only("count") };
  }

  /** Processor time so far, in microseconds. */
  processor() {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }

  async stop() {
    running.delete(this);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  }
}

function answers(port, request) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.write(request));
    socket.once("data", (chunk) => {
      resolve(chunk.toString("latin1").startsWith("HTTP/1.1 200"));
      socket.destroy();
    });
    socket.once("close", () => resolve(false));
  });
}
