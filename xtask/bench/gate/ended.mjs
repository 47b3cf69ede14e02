// What the set of ended sessions costs a request: `/auth/verify-token` of two Workers in turns, one of which knows of a
// hundred thousand.

import { figure, shown, table } from "../table.mjs";
import { measureSets } from "./measure.mjs";

const MANY = 100_000;

/** Measures, prints the table, and returns the ratios of many to none. */
export async function endedSessions() {
  const rates = await measureSets({ none: 0, many: MANY });
  const cost = rates.cost("many own", "none own");
  const perSecond = rates.ratio("many own", "none own");
  table("GET /auth/verify-token by how many sessions have ended", [
    ["", "requests/s", "processor µs each"],
    ["0", rates.perSecond("none own").toFixed(0), rates.micros("none own").toFixed(1)],
    [String(MANY), rates.perSecond("many own").toFixed(0), rates.micros("many own").toFixed(1)],
    ["ratio", shown(perSecond), shown(cost)],
  ]);
  return {
    rps_100000_ended_sessions_vs_0: figure(perSecond.middle),
    processor_100000_ended_sessions_vs_0: figure(cost.middle),
  };
}
