// `cargo xtask bench verify`: access tokens, verified by us and by the peers, in workerd, in Node and natively.

import { parseArgs } from "node:util";
import { measureGates } from "./gate/measure.mjs";
import { figure, shown } from "./table.mjs";
import { nodeArena, workerdArena } from "./verify/arena.mjs";
import { contenders } from "./verify/contenders.mjs";
import { native } from "./verify/native.mjs";
import { nodeContenders } from "./verify/node.mjs";
import { ratios, report } from "./verify/report.mjs";
import { compete, makeSets } from "./verify/sets.mjs";
import { DISTINCT } from "./verify/tokens.mjs";

/** Passes over the distinct tokens, sixteen rounds each. */
const PASSES = 2;

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const failures = new Set();
const sets = await makeSets();
console.log(`New tokens come from ${DISTINCT} distinct ones for each algorithm, and every turn ends with a forged one that has to be`);
console.log("refused. Times are medians; a ratio is the median of the ratios within a round, with quartiles; below 1 is faster.");

const workerd = await workerdArena();
let inWorkerd;
try {
  inWorkerd = await compete(workerd, contenders, sets, PASSES);
} finally {
  await workerd.stop();
}
report("inside one workerd", contenders, sets, inWorkerd, failures);

const inNode = await compete(nodeArena(nodeContenders), nodeContenders, sets, 1);
report(`Node ${process.versions.node}`, nodeContenders, sets, inNode, failures);

native(process.env.PEER, sets);

const lanes = ["edgeward own", "jose own"];
const gates = await measureGates(lanes);
const gated = gates.ratio(...lanes);
console.log(`\nRequests per second through our gate, to those through the gate with jose (see \`bench gate\`): ${shown(gated)}`);

for (const failure of failures) console.log(`FAILED ${failure}`);
if (flags.json) {
  console.log(JSON.stringify({ ratios: { ...ratios(inWorkerd), gated_rps_vs_jose_gate: figure(gated.middle) } }));
}
if (failures.size > 0) process.exitCode = 1;
