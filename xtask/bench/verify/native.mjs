// The native program of `xtask/bench/native`: given the same sets of keys and tokens, and its figures made a table.

import { spawnSync } from "node:child_process";
import { median, ratio } from "../rounds.mjs";
import { shown, table } from "../table.mjs";
import { ALGORITHMS } from "./sets.mjs";

const TITLES = {
  edgeward: "edgeward_core::token::verify",
  jsonwebtoken: "jsonwebtoken decode, rust_crypto",
  "jwt-simple": "jwt-simple verify_token, pure-rust",
};

/** Runs `program` and prints its table. */
export function native(program, sets) {
  const given = Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, sets[algorithm]]));
  const run = spawnSync(program, { input: JSON.stringify(given), encoding: "utf8", maxBuffer: 2 ** 26 });
  if (run.status !== 0) throw new Error(`the native program ended with ${run.status ?? run.signal}: ${run.stderr}`);
  const found = JSON.parse(run.stdout);
  const notes = new Set();
  const rows = Object.entries(TITLES).map(([name, title]) => [
    title,
    ...ALGORITHMS.flatMap((algorithm) => {
      const { failed, accepts, micros } = found[algorithm][name] ?? {};
      if (failed !== undefined) return [`fails: ${failed}`, ""];
      if (micros === undefined) return ["–", ""];
      for (const what of accepts) notes.add(`${title} takes for good: ${what}`);
      const rounds = micros.map((mine, round) => ({ mine, peer: found[algorithm].jsonwebtoken.micros[round] }));
      return [median(rounds, "mine").toFixed(1), shown(ratio(rounds, "mine", "peer"))];
    }),
  ]);
  const head = ALGORITHMS.flatMap((algorithm) => [`${algorithm} µs`, "to jsonwebtoken"]);
  table("A new token, in a native program", [["", ...head], ...rows]);
  for (const note of notes) console.log(`  ${note}`);
}
