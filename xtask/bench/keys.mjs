// `cargo xtask bench keys`: keys made, signing and opened in each kind of custody, and the key set at a fixed rate beside
// oidc-provider's on the same core.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { fill, oidcProvider, ours, startOurs, startPeer, versions } from "./issuer/contenders.mjs";
import { CONNECTIONS } from "./issuer/load.mjs";
import { folder, onCore, PINNED, runAlone, withServers } from "./issuer/servers.mjs";
import { inTurns, median, ratio } from "./rounds.mjs";
import { figure, shown, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const { KEYS, MOTO, PYTHON, SOFTHSM } = process.env;
const TOKEN = "edgeward bench";
const PIN = "648219";
/** The region that the stand-in of KMS is asked in; any would do. */
const REGION = "eu-central-1";
/** Credentials that no service knows, for a stand-in that asks for some and checks none. */
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "AKIDEDGEWARDBENCH",
  AWS_SECRET_ACCESS_KEY: "no-secret-of-anything",
  // Nobody is to look for a machine of EC2 around the one that measures.
  AWS_EC2_METADATA_DISABLED: "true",
};
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
console.log("Rows of a stand-in hold our client and the stand-in, on this machine: nothing of AWS, Vault or OpenBao, and of no network.");

const found = await withServers(async () => {
  const groups = await keys();
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

/** Asks the program that does it all in one process, with a device of SoftHSM and a stand-in of KMS of this run. */
async function keys() {
  const at = folder("keys");
  mkdirSync(join(at, "tokens"));
  const configuration = join(at, "softhsm2.conf");
  writeFileSync(configuration, `directories.tokendir = ${join(at, "tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  const made = spawnSync("softhsm2-util", ["--init-token", "--free", "--label", TOKEN, "--so-pin", "99817263", "--pin", PIN], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`softhsm2-util: ${made.stderr || made.error}`);
  const kms = await startKms(at);
  try {
    Object.assign(process.env, CREDENTIALS);
    return JSON.parse(runAlone(KEYS, [at, SOFTHSM, TOKEN, PIN, kms.endpoint, kms.key]).trim().split("\n").at(-1));
  } finally {
    await kms.stop();
  }
}

/** The KMS of the tests, which is moto's, on the core of the load, with one symmetric key. It ends with its standard input. */
async function startKms(at) {
  const log = join(at, "moto.log");
  const out = openSync(log, "a");
  const [command, rest] = onCore(1, PYTHON, [MOTO]);
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", out], env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } });
  closeSync(out);
  const ended = once(child, "exit");
  const [port] = await Promise.race([once(createInterface(child.stdout), "line"), ended.then(() => [])]);
  if (!Number(port)) throw new Error(`moto says no port: ${readFileSync(log, "utf8").slice(-2000)}`);
  const endpoint = `http://127.0.0.1:${port}`;
  // It reads the region out of the credentials and looks at no signature.
  const scope = `${CREDENTIALS.AWS_ACCESS_KEY_ID}/20260101/${REGION}/kms/aws4_request`;
  const made = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "TrentService.CreateKey",
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none`,
    },
    body: "{}",
  });
  if (!made.ok) throw new Error(`moto makes no key: ${made.status} ${await made.text()}`);
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { endpoint, key: (await made.json()).KeyMetadata.Arn, stop };
}

/** One group: the first row is what the others are compared to. The goal is for what is ours, and not for stand-ins. */
function acts(group, rows) {
  const [first] = rows;
  const goal = GOALS[group];
  table(TITLES[group], [
    ["", "µs", "to the first row", ...(goal === undefined ? [] : ["goal: below"])],
    ...rows.map(({ name, micros }) => [
      name,
      middle(micros).toFixed(middle(micros) < 100 ? 1 : 0),
      shown(ratio(rounds(first, { name, micros }), first.name === name ? "first" : "row", "first")),
      ...(goal === undefined ? [] : [name.includes("stand-in") ? "" : `${goal} ms`]),
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
