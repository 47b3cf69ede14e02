// `cargo xtask bench revocation`: how soon a sign-out everywhere is obeyed at another connection.
//
// It is measured on the whole stack, which the task has started: the real issuer, our Worker in workerd.

import { parseArgs } from "node:util";
import { Connection, get } from "./gate/load.mjs";
import { figure, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const { SITE, EMAIL, PASSWORD } = process.env;

const ROUNDS = 100;

const propagation = await propagate();
table(`Sign-out everywhere, ${ROUNDS} rounds: from its answer to the first refusal at another connection that asks all the time`, [
  ["", "ms"],
  ["median", propagation.median.toFixed(0)],
  ["maximum", propagation.maximum.toFixed(0)],
]);

if (flags.json) {
  const milliseconds = { median: figure(propagation.median), maximum: figure(propagation.maximum), rounds: ROUNDS };
  console.log(JSON.stringify({ milliseconds }));
}

/** Somebody signs out everywhere but here, while another session of theirs is asking. */
async function propagate() {
  const here = await signIn();
  const taken = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const elsewhere = await signIn();
    const connection = await Connection.open(Number(new URL(SITE).port));
    try {
      const ask = () => connection.ask(get("/auth/verify-token", [`authorization: Bearer ${elsewhere}`]));
      if ((await ask()) !== 204) throw new Error("a fresh session is refused");
      // At any moment of the edge's own rhythm, in which it asks all the time.
      for (const until = performance.now() + Math.random() * 1_000; performance.now() < until; ) await ask();
      await post("/auth/logout-all", { exceptCurrent: true }, here);
      const ended = performance.now();
      while ((await ask()) !== 401);
      taken.push(performance.now() - ended);
    } finally {
      connection.close();
    }
  }
  const sorted = taken.toSorted((one, other) => one - other);
  return { median: (sorted[ROUNDS / 2 - 1] + sorted[ROUNDS / 2]) / 2, maximum: sorted[ROUNDS - 1] };
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
