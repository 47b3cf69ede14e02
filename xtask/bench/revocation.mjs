// `cargo xtask bench revocation`: how soon a sign-out everywhere is obeyed at another connection, and how soon a revoked signing key.
//
// It is measured on the whole stack, which the task has started: the real issuer, our Worker in workerd.

import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { Connection, get } from "./gate/load.mjs";
import { quantile } from "./rounds.mjs";
import { figure, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const { SITE, EMAIL, PASSWORD } = process.env;
/** `edgeward` and the options of this stack, as an operator types them. */
const OPERATOR = process.env.OPERATOR.split("\n");

// Less only to try the script itself out.
const ROUNDS = Number(process.env.ROUNDS ?? 100);
const KEY_ROUNDS = Number(process.env.KEY_ROUNDS ?? 30);

// An issuer may sign with the revoked key for a moment more, and makes the next one by a chore.
const UNTIL_IT_IS_SETTLED = 60_000;

const propagation = summary(await inRounds(ROUNDS, signOutEverywhere));
table(`Sign-out everywhere, ${ROUNDS} rounds: from its answer to the first refusal at another connection that asks all the time`, [
  ["", "ms"],
  ["median", propagation.median.toFixed(0)],
  ["maximum", propagation.maximum.toFixed(0)],
]);

const revoked = await inRounds(KEY_ROUNDS, revokeKey);
const keys = {
  "from the end of the command": summary(revoked.map(({ sinceEnd }) => sinceEnd)),
  "from its start": summary(revoked.map(({ sinceStart }) => sinceStart)),
};
table(`\`edgeward keys revoke\` of the key that signs, ${KEY_ROUNDS} rounds: to the first refusal of a token of it at a connection that asks all the time`, [
  ["", "median ms", "maximum ms"],
  ...Object.entries(keys).map(([name, one]) => [name, one.median.toFixed(0), one.maximum.toFixed(0)]),
]);

if (flags.json) {
  const shown = ({ median, maximum }, rounds) => ({ median: figure(median), maximum: figure(maximum), rounds });
  console.log(
    JSON.stringify({
      milliseconds: shown(propagation, ROUNDS),
      keyRevoked: shown(keys["from the end of the command"], KEY_ROUNDS),
      keyRevokedFromStart: shown(keys["from its start"], KEY_ROUNDS),
    }),
  );
}

async function inRounds(rounds, measure) {
  const taken = [];
  for (let round = 0; round < rounds; round += 1) taken.push(await measure());
  return taken;
}

function summary(taken) {
  return { median: quantile(taken, 0.5), maximum: Math.max(...taken) };
}

/** Somebody signs out everywhere but here, while another session of theirs is asking. */
async function signOutEverywhere() {
  const here = await signIn();
  const elsewhere = await signIn();
  return asking(elsewhere, async (ask) => {
    if ((await ask()) !== 204) throw new Error("a fresh session is refused");
    await atAnyMoment(ask);
    await post("/auth/logout-all", { exceptCurrent: true }, here);
    const ended = performance.now();
    while ((await ask()) !== 401);
    return performance.now() - ended;
  });
}

/** The key that signs is revoked by an operator's command, a process of its own, while somebody asks with a token of it. */
async function revokeKey() {
  const token = await goodToken();
  await until("no next key is made", async () => / published +EdDSA /.test(await operate("keys", "list")) || undefined);
  return asking(token, async (ask) => {
    if ((await ask()) !== 204) throw new Error("a session is refused");
    await atAnyMoment(ask);
    const started = performance.now();
    let ended;
    const command = operate("keys", "revoke", keyOf(token)).then(() => (ended = performance.now()));
    while ((await ask()) !== 401);
    const refused = performance.now();
    await command;
    // Whoever is refused before the command has said that it is done was not refused too late.
    return { sinceStart: refused - started, sinceEnd: Math.max(0, refused - ended) };
  });
}

/** A token that the edge takes. */
function goodToken() {
  return until("fresh sessions are refused", async () => {
    const token = await signIn();
    return (await asking(token, (ask) => ask())) === 204 ? token : undefined;
  });
}

/** What `look` finds, as soon as it finds something. */
async function until(failure, look) {
  for (const began = performance.now(); performance.now() - began < UNTIL_IT_IS_SETTLED; await aMoment()) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(failure);
}

function aMoment() {
  return new Promise((resolve) => setTimeout(resolve, 250));
}

/** Has a token ask over a connection of its own. */
async function asking(token, work) {
  const connection = await Connection.open(Number(new URL(SITE).port));
  try {
    return await work(() => connection.ask(get("/auth/verify-token", [`authorization: Bearer ${token}`])));
  } finally {
    connection.close();
  }
}

/** Waits until any moment of the edge's own rhythm, in which it is asked all the time. */
async function atAnyMoment(ask) {
  for (const until = performance.now() + Math.random() * 1_000; performance.now() < until; ) await ask();
}

/** The `kid` of a token. */
function keyOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[0], "base64url")).kid;
}

async function operate(...args) {
  const [program, ...options] = OPERATOR;
  const child = spawn(program, [...options, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const status = await new Promise((resolve) => child.once("close", resolve));
  if (status !== 0) throw new Error(`edgeward ${args.join(" ")}: ${errors}`);
  return out;
}

async function signIn() {
  const answer = await post("/auth/login", { email: EMAIL, password: PASSWORD, tokenMode: "body" });
  return (await answer.json()).accessToken;
}

async function post(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(SITE + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
