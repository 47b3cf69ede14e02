// Where contenders meet: inside one workerd, timed from outside, or in this Node.

import { Bout } from "./bout.mjs";
import { bundled, layOut } from "../workerd.mjs";

/**
 * One workerd. A Worker's clock stands still between IO, so the time is that of an HTTP request which makes the Worker
 * verify many times over; the cost of a request that does nothing is measured as often and taken off.
 */
export async function workerdArena() {
  const wasm = new URL("wasm/edgeward_bg.wasm", import.meta.resolve("edgeward"));
  const worker = await layOut({
    "main.mjs": { esModule: await bundled(new URL("worker.mjs", import.meta.url)) },
    "wasm/edgeward_bg.wasm": { wasm },
  });
  const { origin, stop } = await worker.start();
  const order = async (path, body) => {
    const response = await fetch(origin + path, { method: "POST", body: JSON.stringify(body) });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${path} ${body.name ?? ""}: ${response.status} ${answer}`);
    return JSON.parse(answer);
  };
  return {
    bring: (set) => order("/set", set),
    reset: (set) => order("/reset", { set }),
    async time(run) {
      const start = performance.now();
      await order("/run", run);
      return performance.now() - start;
    },
    async timeNothing() {
      const start = performance.now();
      await order("/nothing", {});
      return performance.now() - start;
    },
    async stop() {
      await stop();
      await worker.remove();
    },
  };
}

/** This Node, with a clock that runs. */
export function nodeArena(contenders) {
  const bouts = new Map();
  return {
    async bring(set) {
      const competing = Object.entries(contenders).filter(([name]) => set.names.includes(name));
      bouts.set(set.set, new Bout(set, Object.fromEntries(competing)));
    },
    reset: (set) => bouts.get(set).reset(),
    async time(run) {
      const start = performance.now();
      await bouts.get(run.set).run(run);
      return performance.now() - start;
    },
    timeNothing: async () => 0,
    async stop() {},
  };
}
