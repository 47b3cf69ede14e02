// Cold start: a fresh workerd, and the time until its first verified answer.
//
// Both Workers have to fetch the key set from the same server on their way. Two times are taken: from the start of the
// process, which also loads and compiles what it serves, and from the first request to the process that listens.

import { inTurns, median, quantile, ratio } from "../rounds.mjs";
import { shown, table, figure } from "../table.mjs";
import { Connection, get } from "./load.mjs";
import { makeFixture, startUpstream, workers } from "./workers.mjs";

const STARTS = 30;
const NAMES = ["edgeward", "jose", "ungated", "bare"];
const GATES = ["edgeward", "jose"];

/** Prints the table and answers the ratios, and the milliseconds below which 95 of 100 first requests stay. */
export async function coldStarts() {
  const fixture = await makeFixture();
  const upstream = await startUpstream(fixture);
  const laidOut = {};
  const rounds = { process: [], request: [] };
  try {
    for (const name of NAMES) laidOut[name] = await workers[name].layOut(upstream.origin);
    const request = get("/auth/verify-token", [`authorization: Bearer ${fixture.tokens[0]}`]);
    const turn = async (name) => {
      const start = performance.now();
      const { port, stop } = await laidOut[name].start();
      const connection = await Connection.open(port);
      try {
        const asked = performance.now();
        const status = await connection.ask(request);
        const answered = performance.now();
        if (status !== (GATES.includes(name) ? 204 : 200)) throw new Error(`${name} answered ${status} at its start`);
        return { process: answered - start, request: answered - asked };
      } finally {
        connection.close();
        await stop();
      }
    };
    // The first starts read the program from the disk.
    await inTurns(NAMES, 2, turn);
    for (const round of await inTurns(NAMES, STARTS, turn)) {
      for (const part of Object.keys(rounds)) {
        rounds[part].push(Object.fromEntries(NAMES.map((name) => [name, round[name][part]])));
      }
    }
  } finally {
    upstream.stop();
    for (const each of Object.values(laidOut)) await each.remove();
  }
  const p95 = (name) => quantile(rounds.request.map((round) => round[name]), 0.95);
  const rows = NAMES.map((name) => [
    workers[name].title,
    ...["process", "request"].flatMap((part) => [
      median(rounds[part], name).toFixed(1),
      shown(ratio(rounds[part], "edgeward", name)),
    ]),
    p95(name).toFixed(1),
  ]);
  table(`Cold start, ${STARTS} fresh processes each, with the key set fetched on the way`, [
    ["", "ms from the process", "ours to it", "ms from the request", "ours to it", "p95 from the request"],
    ...rows,
  ]);
  return {
    ratios: {
      cold_process_vs_jose_gate: figure(ratio(rounds.process, "edgeward", "jose").middle),
      cold_request_vs_jose_gate: figure(ratio(rounds.request, "edgeward", "jose").middle),
    },
    milliseconds: { cold_request_p95: figure(p95("edgeward")) },
  };
}
