// `cargo xtask bench verify`: one access token, verified by three contenders inside one workerd.
//
// A Worker's clock stands still between IO, so the time is taken from outside: one HTTP request makes the Worker verify
// many times over. The contenders take turns in every round, and the ratios are medians of the ratios within a round,
// so that whatever else the machine does hits all of them alike. The cost of a request itself is measured the same way
// and taken off.

import * as jose from "jose";
import { parseArgs } from "node:util";
import { startWorkerd } from "../../tests/js/interop/runtimes/workerd.mjs";

const ROUNDS = 31;
const PER_REQUEST = 400;
const WARM_UP_REQUESTS = 5;

const CONTENDERS = {
  edgeward: "edgeward   verifyTokenSync",
  jose: "jose       jwtVerify, local key set",
  webcrypto: "WebCrypto  Ed25519 verify, nothing else",
};

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const fixture = await makeFixture();
const { origin, stop } = await startWorkerd(new URL("verify_worker.mjs", import.meta.url));
try {
  const rounds = await measure();
  report(rounds);
} finally {
  await stop();
}

async function makeFixture() {
  const issuer = "https://issuer.example";
  const audience = "https://app.example";
  const { publicKey, privateKey } = await jose.generateKeyPair("EdDSA", { extractable: true });
  const jwk = { ...(await jose.exportJWK(publicKey)), alg: "EdDSA", use: "sig" };
  jwk.kid = await jose.calculateJwkThumbprint(jwk);
  // The claims of an access token as the issuer writes them.
  const token = await new jose.SignJWT({
    sid: crypto.randomUUID(),
    seq: 3,
    client_id: "edgeward-web",
    auth_time: Math.floor(Date.now() / 1000),
    amr: ["pwd"],
    roles: ["admin"],
    scope: "openid profile",
  })
    .setProtectedHeader({ alg: "EdDSA", kid: jwk.kid, typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(crypto.randomUUID())
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setNotBefore("0s")
    .setExpirationTime("1h")
    .sign(privateKey);
  return { issuer, audience, jwks: { keys: [jwk] }, token };
}

/** Milliseconds of a request that verifies `times` times with `contender`. */
async function time(contender, times) {
  const body = JSON.stringify({ ...fixture, contender, times });
  const start = performance.now();
  const response = await fetch(origin, { method: "POST", body });
  const answer = await response.text();
  const duration = performance.now() - start;
  if (answer !== "done") throw new Error(`${contender}: ${response.status} ${answer}`);
  return duration;
}

async function measure() {
  const names = Object.keys(CONTENDERS);
  for (let request = 0; request < WARM_UP_REQUESTS; request += 1) {
    for (const name of names) await time(name, PER_REQUEST);
  }
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Nobody always goes first, or always after the same other.
    const order = names.map((_, place) => names[(place + round) % names.length]);
    if (round % 2 === 1) order.reverse();
    const request = await time("nothing", 0);
    const micros = {};
    for (const name of order) micros[name] = ((await time(name, PER_REQUEST)) - request) * (1_000 / PER_REQUEST);
    rounds.push(micros);
  }
  return rounds;
}

function report(rounds) {
  const ratio = (one, other) => median(rounds.map((round) => round[one] / round[other]));
  console.log(`EdDSA access token of ${fixture.token.length} characters, inside one workerd, ${ROUNDS} rounds of ${PER_REQUEST}`);
  console.log(`${"".padEnd(42)}${"µs each".padStart(10)}${"to jose".padStart(10)}${"to WebCrypto".padStart(14)}`);
  for (const [name, title] of Object.entries(CONTENDERS)) {
    const cells = [
      median(rounds.map((round) => round[name])).toFixed(1).padStart(10),
      ratio(name, "jose").toFixed(2).padStart(10),
      ratio(name, "webcrypto").toFixed(2).padStart(14),
    ];
    console.log(title.padEnd(42) + cells.join(""));
  }
  console.log("Medians; a ratio below 1 is faster. Not measured: ES256, RS256, a token seen before, requests per second");
  console.log("through the gate. The package does not verify ES256 and RS256 yet and remembers no tokens.");
  if (flags.json) {
    const ratios = { eddsa_new_vs_jose: ratio("edgeward", "jose"), eddsa_new_vs_webcrypto: ratio("edgeward", "webcrypto") };
    for (const name of Object.keys(ratios)) ratios[name] = Number(ratios[name].toFixed(3));
    console.log(JSON.stringify({ ratios }));
  }
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
