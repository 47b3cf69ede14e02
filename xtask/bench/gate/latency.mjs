// How long a request takes when nothing else is asked, and what of it is ours: the same of a Worker that gates nothing, and
// of the app without a Worker, taken off within the round.

import { median, quantile } from "../rounds.mjs";
import { figure, table } from "../table.mjs";
import { measureAlone } from "./measure.mjs";
import { workers } from "./workers.mjs";

const QUESTIONS = {
  own: "verify-token, a token seen before",
  new: "verify-token, a new token",
  forward: "forwarded with an identity",
};

const LANES = ["ungated own", "edgeward own", "jose own", "edgeward new", "jose new", "socket forward", "edgeward forward", "jose forward"];

/** What the Workers add to: a Worker that does nothing, or, where they forward, the app itself. */
const ADDED_TO = { own: "ungated own", new: "ungated own", forward: "socket forward" };

/** Measures, prints the table, and returns what ours adds at p95. */
export async function latencies() {
  const rounds = await measureAlone(LANES);
  const of = (lane, share) => median(rounds.map((round) => ({ [lane]: round[lane][share] })), lane);
  const added = (lane, share) => {
    const other = ADDED_TO[lane.split(" ")[1]];
    return quantile(rounds.map((round) => round[lane][share] - round[other][share]), 0.5);
  };
  table("One request at a time over one connection, milliseconds", [
    ["", "", "p50", "p95", "added at p50", "added at p95"],
    ...LANES.map((lane) => {
      const [name, question] = lane.split(" ");
      const base = lane === ADDED_TO[question];
      const more = ["p50", "p95"].map((share) => (base ? "" : added(lane, share).toFixed(3)));
      return [
        workers[name]?.title ?? "the app itself",
        name === "ungated" ? "`ok`" : name === "socket" ? "" : QUESTIONS[question],
        ...["p50", "p95"].map((share) => of(lane, share).toFixed(3)),
        ...more,
      ];
    }),
  ]);
  return {
    added_p95_seen: figure(added("edgeward own", "p95")),
    added_p95_new: figure(added("edgeward new", "p95")),
    added_p95_forwarded: figure(added("edgeward forward", "p95")),
  };
}
