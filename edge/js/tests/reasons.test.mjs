// Reasons of the package's own that need a failure which no server and no token makes.

import assert from "node:assert/strict";
import { afterEach, beforeEach, it, mock } from "node:test";
import { createVerifier } from "edgeward";
import { createVerifierIn } from "../dist/verifier.js";
import { Verifier as Core } from "../dist/wasm/edgeward.js";
import { AUDIENCE, ISSUER, KeyServer, refusal, serve, serveTagged, SigningKey } from "./issuer.mjs";

const DAY = 24 * 60 * 60 * 1_000;
const key = new SigningKey("k1");
const expect = { issuer: ISSUER, audience: AUDIENCE };
let server;

beforeEach(async () => {
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  server = await KeyServer.start(serve(key));
});
afterEach(async () => {
  mock.restoreAll();
  mock.timers.reset();
  await server.stop();
});

it("WebAssembly that cannot be loaded is told, with its cause", async () => {
  const cause = new Error("no such file");
  const runtime = { load: () => Promise.reject(cause) };
  const made = () => createVerifierIn(runtime, { ...expect, jwks: { keys: [key.jwk] } });
  assert.deepEqual(await refusal(made), { code: "WASM_UNAVAILABLE", reason: "wasm-not-loaded" });
  assert.equal((await made().catch((error) => error)).cause, cause);
});

it("a set at which the core itself fails is no set", async () => {
  mock.method(Core.prototype, "useKeySet", () => {
    throw new RangeError("memory access out of bounds");
  });
  const verifier = await createVerifier({ ...expect, jwksUri: server.uri });
  assert.deepEqual(await refusal(() => verifier.verifyToken(key.token())), { code: "KEYS_UNAVAILABLE", reason: "key-set-fetch-failed" });
});

it("a confirmation of another set is none, and the last reason when the set has ended", async () => {
  server.answer = serveTagged('"one"', key);
  const verifier = await createVerifier({ ...expect, jwksUri: server.uri });
  server.answer = (response) => response.writeHead(304, { etag: '"two"' }).end();
  mock.timers.setTime(Date.now() + DAY);
  const token = key.token();
  assert.deepEqual(await refusal(() => verifier.verifyToken(token)), { code: "KEYS_UNAVAILABLE", reason: "key-set-other-tag" });
});

it("a set that ended while nobody came by is not loaded, and nothing else is wrong", async () => {
  const verifier = await createVerifier({ ...expect, jwksUri: server.uri });
  mock.timers.setTime(Date.now() + DAY);
  const token = key.token();
  assert.deepEqual(await refusal(() => verifier.verifyTokenSync(token)), { code: "KEYS_UNAVAILABLE", reason: "keys-not-loaded" });
  assert.equal((await verifier.verifyToken(token)).sub, "ada");
});
