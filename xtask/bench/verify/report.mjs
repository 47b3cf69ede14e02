// What `bench verify` prints of one runtime.

import { figure, shown, table } from "../table.mjs";
import { ALGORITHMS, fresh, seen, VARIATIONS } from "./sets.mjs";

/** Prints the tables of a runtime; `failures`, a set, gets what we were expected to do and did not. */
export function report(runtime, contenders, sets, results, failures) {
  rounds(`A new token, ${runtime}`, contenders, results.fresh, fresh);
  varied(runtime, sets, results.fresh);
  rounds(`A token seen before, ${runtime}`, contenders, results.seen, seen);
  for (const algorithm of ALGORITHMS) {
    for (const [among, laneOf] of [[results.fresh, fresh], [results.seen, seen]]) {
      const failed = among.failure(laneOf(algorithm, "edgeward"));
      if (failed !== undefined) failures.add(`${algorithm}, ${runtime}: edgeward fails: ${failed}`);
    }
  }
}

/** One row for each contender; for each algorithm the time, and its ratio by the clock and by the processor's time. */
function rounds(title, contenders, results, laneOf) {
  const rows = [["", ...ALGORITHMS.flatMap((algorithm) => [`${algorithm} µs`, "to jose", "processor"])]];
  const notes = [];
  for (const [name, contender] of Object.entries(contenders)) {
    const cells = ALGORITHMS.map((algorithm) => laneOf(algorithm, name)).map((lane, place) => {
      if (!results.entered(lane)) return ["–", "", ""];
      const failure = results.failure(lane);
      if (failure !== undefined) return [`fails: ${failure}`.slice(0, 32), "", ""];
      const jose = laneOf(ALGORITHMS[place], "jose");
      return [
        results.micros(lane).toFixed(1),
        shown(results.ratio(lane, jose)),
        results.cost(lane, jose).middle.toFixed(2),
      ];
    });
    if (cells.every(([first]) => first === "–")) continue;
    rows.push([contender.title, ...cells.flat()]);
    const accepts = new Set(ALGORITHMS.flatMap((algorithm) => results.accepts(laneOf(algorithm, name))));
    if (accepts.size > 0) notes.push(`${contender.title} takes for good: ${[...accepts].join(", ")}`);
  }
  table(title, rows);
  for (const note of notes) console.log(`  ${note}`);
}

/** How the cost grows with the number of keys and with the size of the token. */
function varied(runtime, sets, results) {
  const rows = [["", "characters", "edgeward µs", "jose µs", "to jose", "processor", "edgeward to usual", "jose to usual"]];
  for (const set of ["EdDSA", ...Object.keys(VARIATIONS)]) {
    const [ours, jose] = ["edgeward", "jose"].map((name) => fresh(set, name));
    const [usualOurs, usualJose] = ["edgeward", "jose"].map((name) => fresh("EdDSA", name));
    const cell = (ratio) => (ratio === undefined ? "fails" : shown(ratio));
    rows.push([
      VARIATIONS[set] ?? "EdDSA, one key, usual token",
      String(sets[set].tokens[0].length),
      results.micros(ours)?.toFixed(1) ?? "fails",
      results.micros(jose)?.toFixed(1) ?? "fails",
      cell(results.ratio(ours, jose)),
      results.cost(ours, jose)?.middle.toFixed(2) ?? "",
      cell(results.ratio(ours, usualOurs)),
      cell(results.ratio(jose, usualJose)),
    ]);
  }
  table(`Number of keys and size of the token, ${runtime}`, rows);
}

/** The figures for programs, of one workerd. */
export function ratios({ fresh: results, seen: again }) {
  const against = (among, ours, theirs) => figure(among.ratio(ours, theirs)?.middle);
  const found = {};
  for (const algorithm of ALGORITHMS) {
    const name = algorithm.toLowerCase();
    found[`${name}_new_vs_jose`] = against(results, fresh(algorithm, "edgeward"), fresh(algorithm, "jose"));
    found[`${name}_new_vs_webcrypto`] = against(results, fresh(algorithm, "edgeward"), fresh(algorithm, "webcrypto"));
    found[`${name}_seen_vs_jose`] = against(again, seen(algorithm, "edgeward"), seen(algorithm, "jose"));
  }
  const usual = fresh("EdDSA", "edgeward");
  return {
    ...found,
    seen_vs_jose: found.eddsa_seen_vs_jose,
    hundred_keys_vs_one: against(results, fresh("EdDSA, 100 keys", "edgeward"), usual),
    large_vs_small: against(results, fresh("EdDSA, large", "edgeward"), fresh("EdDSA, small", "edgeward")),
  };
}
