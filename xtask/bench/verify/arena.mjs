// Where contenders meet: inside one workerd, timed from outside, or in this Node.

import { Bout } from "./bout.mjs";
import { bundled, layOut, processorTime } from "../workerd.mjs";

/**
 * Each arena tells the `{ wall, processor }` milliseconds of a run. The processor's time is the steadier of the two on a
 * machine that does other things as well; it has the threads that compile and collect garbage in it.
 */

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
  const { origin, pid, stop } = await worker.start();
  const order = async (path, body) => {
    const response = await fetch(origin + path, { method: "POST", body: JSON.stringify(body) });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${path} ${body.name ?? ""}: ${response.status} ${answer}`);
    return JSON.parse(answer);
  };
  return {
    bring: (set) => order("/set", set),
    reset: (set) => order("/reset", { set }),
    time: (run) => time(() => order("/run", run), () => processorTime(pid)),
    timeNothing: () => time(() => order("/nothing", {}), () => processorTime(pid)),
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
    time: (run) => time(() => bouts.get(run.set).run(run), ownProcessorTime),
    timeNothing: async () => ({ wall: 0, processor: 0 }),
    async stop() {},
  };
}

async function time(work, processor) {
  const before = await processor();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  return { wall, processor: (await processor()) - before };
}

function ownProcessorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
