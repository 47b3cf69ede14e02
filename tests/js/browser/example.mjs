// A program of tests/examples: it says on one line that it is ready, and ends with its input.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** The line must come within this, or the run ends. */
const START_TIMEOUT_MS = 120_000;

export class Example {
  #process;

  /** Starts what the variable names and resolves when its line is there; `said` is what it says, read as JSON. */
  static async start(variable, args = [], env = {}) {
    const example = new Example();
    const options = { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } };
    example.#process = spawn(need(variable), args, options);
    try {
      example.said = JSON.parse(await firstLine(example.#process));
    } catch (error) {
      await example.stop();
      throw error;
    }
    return example;
  }

  async stop() {
    const child = this.#process;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.stdin.end();
    await exit;
  }
}

export function need(variable) {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run these tests by \`cargo xtask test\``);
  return value;
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("it did not start in time")), START_TIMEOUT_MS);
    const settle = (act, value) => {
      clearTimeout(timer);
      act(value);
    };
    child.once("error", (error) => settle(reject, error));
    child.once("exit", (code) => settle(reject, new Error(`it ended with ${code}`)));
    createInterface(child.stdout).once("line", (line) => settle(resolve, line));
  });
}
