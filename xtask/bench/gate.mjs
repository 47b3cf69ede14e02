// `cargo xtask bench gate`: requests per second through our Worker, beside the same gate written with jose, an ungated
// Worker of the `worker` crate and a bare one in JavaScript; the cold start; the sizes; and what more rules and more
// ended sessions cost.

import { parseArgs } from "node:util";
import { coldStarts } from "./gate/cold_start.mjs";
import { endedSessions } from "./gate/ended.mjs";
import { CONNECTIONS } from "./gate/load.mjs";
import { latencies } from "./gate/latency.mjs";
import { measureGates } from "./gate/measure.mjs";
import { growth } from "./gate/rules.mjs";
import { workers } from "./gate/workers.mjs";
import { sizes } from "./gate/sizes.mjs";
import { figure, shown, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const OWN = ["edgeward own", "jose own", "ungated own", "bare own", "socket own"];
const NEW = ["edgeward new", "jose new"];
const FORWARD = ["edgeward forward", "jose forward"];

console.log(`${CONNECTIONS} keep-alive connections over loopback, each Worker in its own workerd with one isolate, 64 tokens that were seen before.`);
console.log("Medians; a ratio is the median of the ratios within a round, with quartiles. Processor time is that of workerd.");
const rates = await measureGates([...OWN, ...NEW, ...FORWARD]);

table("GET /auth/verify-token, or `ok` where there is no gate", [
  ["", "requests/s", "ours to it", "processor µs each", "ours to it"],
  ...OWN.map((lane) => row(lane, "edgeward own")),
]);
table("GET /auth/verify-token with a token that was not seen before", [
  ["", "requests/s", "ours to it", "processor µs each", "ours to it"],
  ...NEW.map((lane) => row(lane, "edgeward new")),
]);
table("GET /app/page, forwarded with an identity", [
  ["", "requests/s", "ours to it", "processor µs each", "ours to it"],
  ...FORWARD.map((lane) => row(lane, "edgeward forward")),
]);
const latency = await latencies();
const cold = await coldStarts();
const size = await sizes();
const grown = growth(process.env.RULES);
const ended = await endedSessions();

if (flags.json) {
  const against = (other, question = "own") => figure(rates.ratio(`edgeward ${question}`, `${other} ${question}`).middle);
  const ratios = {
    gated_rps_vs_jose_gate: against("jose"),
    gated_rps_vs_jose_gate_new_tokens: against("jose", "new"),
    gated_rps_vs_ungated_worker: against("ungated"),
    gated_rps_vs_bare_worker: against("bare"),
    forwarded_rps_vs_jose_gate: against("jose", "forward"),
    ...cold.ratios,
    ...grown,
    ...ended,
  };
  console.log(JSON.stringify({ ratios, milliseconds: { ...latency, ...cold.milliseconds }, size }));
}

function row(lane, ours) {
  const [name] = lane.split(" ");
  return [
    workers[name]?.title ?? "a plain socket: what the load itself can do",
    rates.perSecond(lane).toFixed(0),
    shown(rates.ratio(ours, lane)),
    rates.micros(lane).toFixed(1),
    shown(rates.cost(ours, lane)),
  ];
}
