// `cargo xtask bench keys`: keys made, signing and opened in each kind of custody, and the key set at a fixed rate beside
// oidc-provider's on the same core.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fill, oidcProvider, ours, startOurs, startPeer, versions } from "./issuer/contenders.mjs";
import { CONNECTIONS } from "./issuer/load.mjs";
import { folder, PINNED, runAlone, withServers } from "./issuer/servers.mjs";
import { inTurns, median, ratio } from "./rounds.mjs";
import { figure, shown, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const { KEYS, SOFTHSM } = process.env;
const TOKEN = "edgeward bench";
const PIN = "648219";
/** Requests a second: what verifiers ask that keep a set for five minutes, if there are 300,000 of them. */
const RATE = 1000;
/** What the specification asks, in milliseconds. */
const GOALS = { made: 10, keySet: 5 };
const TITLES = {
  made: "A key is made",
  signed: "An access token is signed",
  opened: "A private key is sealed in its envelope, and opened",
};
const began = performance.now();

console.log(`${versions()}; ${PINNED ? "servers on core 0, the load on core 1 (taskset)" : "servers and load on the same cores: no taskset"}.`);
console.log("Medians; a ratio is the median of the ratios within a round, with quartiles.");

const found = await withServers(async () => {
  const groups = keys();
  for (const { group, rows } of groups) acts(group, rows);

  const { at } = fill("few", 1);
  const servers = { edgeward: await startOurs(at), "oidc-provider": await startPeer("oidc_provider", "FULL") };
  const questions = { edgeward: ours.keys(servers.edgeward), "oidc-provider": oidcProvider.keys(servers["oidc-provider"]) };
  const names = Object.keys(questions);
  const taken = await inTurns(names, 5, (name) => questions[name].scheduled(RATE, 3));
  const of = (figure) => taken.map((round) => Object.fromEntries(names.map((name) => [name, round[name][figure]])));
  const [p50, p95, p99, micros] = ["p50", "p95", "p99", "micros"].map(of);
  table(`GET the key set at ${RATE}/s by a schedule, ${CONNECTIONS} keep-alive connections, in turns`, [
    ["", "p50 ms", "p95 ms", "ours to it", "p99 ms", "processor µs each", "goal: p95 below"],
    ...names.map((name) => [
      name,
      milliseconds(median(p50, name)),
      milliseconds(median(p95, name)),
      shown(ratio(p95, "edgeward", name)),
      milliseconds(median(p99, name)),
      median(micros, name).toFixed(0),
      name === "edgeward" ? `${GOALS.keySet} ms` : "",
    ]),
  ]);
  return {
    micros: Object.fromEntries(groups.map(({ group, rows }) => [group, Object.fromEntries(rows.map(({ name, micros }) => [name, figure(middle(micros))]))])),
    milliseconds: { jwks_p95: figure(median(p95, "edgeward") / 1000), jwks_p95_oidc_provider: figure(median(p95, "oidc-provider") / 1000) },
    ratios: {
      jwks_p95_vs_oidc_provider: figure(ratio(p95, "edgeward", "oidc-provider").middle),
      jwks_processor_vs_oidc_provider: figure(ratio(micros, "edgeward", "oidc-provider").middle),
    },
    goals_ms: GOALS,
    seconds: Math.round((performance.now() - began) / 1000),
  };
});
if (flags.json) console.log(JSON.stringify(found));

/** Asks the program that does it all in one process, with a device of SoftHSM of this run. */
function keys() {
  const at = folder("keys");
  mkdirSync(join(at, "tokens"));
  const configuration = join(at, "softhsm2.conf");
  writeFileSync(configuration, `directories.tokendir = ${join(at, "tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  const made = spawnSync("softhsm2-util", ["--init-token", "--free", "--label", TOKEN, "--so-pin", "99817263", "--pin", PIN], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`softhsm2-util: ${made.stderr || made.error}`);
  return JSON.parse(runAlone(KEYS, [at, SOFTHSM, TOKEN, PIN]).trim().split("\n").at(-1));
}

/** One group: the first row is what the others are compared to. */
function acts(group, rows) {
  const [first] = rows;
  const goal = GOALS[group];
  table(TITLES[group], [
    ["", "µs", "to the first row", ...(goal === undefined ? [] : ["goal: below"])],
    ...rows.map(({ name, micros }) => [
      name,
      middle(micros).toFixed(middle(micros) < 100 ? 1 : 0),
      shown(ratio(rounds(first, { name, micros }), first.name === name ? "first" : "row", "first")),
      ...(goal === undefined ? [] : [`${goal} ms`]),
    ]),
  ]);
}

function rounds(first, row) {
  return first.micros.map((micros, round) => ({ first: micros, row: row.micros[round] }));
}

function middle(values) {
  return median(values.map((value) => ({ value })), "value");
}

function milliseconds(micros) {
  return (micros / 1000).toFixed(2);
}
