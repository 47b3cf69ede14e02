// The program of `xtask/bench/rules`: what a decision costs among ten rules, and among ten thousand.

import { spawnSync } from "node:child_process";
import { figure, table } from "../table.mjs";

/** Runs `program`, prints its table and answers the ratios. */
export function growth(program) {
  const run = spawnSync(program, { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the program about rules ended with ${run.status ?? run.signal}: ${run.stderr}`);
  const found = JSON.parse(run.stdout);
  const [few] = found;
  table("A decision about a public route, and the reading of the policy, in a native program", [
    ["rules", "ns a decision", "to that among 10", "ms to read"],
    ...found.map(({ rules, decide, read }) => [
      String(rules),
      String(decide),
      (decide / few.decide).toFixed(2),
      (read / 1e6).toFixed(1),
    ]),
  ]);
  const many = found.at(-1);
  return { decision_among_10000_rules_vs_10: figure(many.decide / few.decide) };
}
