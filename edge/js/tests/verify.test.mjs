// The front's own part of a verification; what a good token is, the core's tests and `tests/js/interop` say.

import assert from "node:assert/strict";
import { it } from "node:test";
import { createVerifier, EdgewardError } from "edgeward";
import { initSync } from "../dist/wasm/edgeward.js";
import { AUDIENCE, ISSUER, refusal, SigningKey } from "./issuer.mjs";

const key = new SigningKey("k1");
const verifier = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [key.jwk] } });

for (const [name, token] of [
  ["undefined", undefined],
  ["null", null],
  ["a number", 7],
  ["an object", {}],
  ["a String object", Object(key.token())],
]) {
  it(`refuses ${name} as a token, not as misuse`, async () => {
    assert.deepEqual(await refusal(() => verifier.verifyToken(token)), { code: "INVALID_TOKEN", reason: "token-not-text" });
    assert.equal((await refusal(() => verifier.verifyTokenSync(token))).code, "INVALID_TOKEN");
  });
}

it("refuses a long token for its length, however long", async () => {
  const token = key.token({ filler: "x".repeat(9_000) });
  const long = await refusal(() => verifier.verifyToken(token));
  assert.equal(long.code, "INVALID_TOKEN");
  assert.deepEqual(await refusal(() => verifier.verifyToken("x".repeat(50_000_000))), long);
  // WebAssembly memory never shrinks, so a stranger must not be able to make it grow.
  assert.ok(initSync().memory.buffer.byteLength < 4_000_000);
});

it("refuses a token with lone surrogates and with a NUL", async () => {
  for (const addition of ["\ud800", "\0"]) {
    assert.equal((await refusal(() => verifier.verifyToken(key.token() + addition))).code, "INVALID_TOKEN");
  }
});

it("keeps names and nested values of claims as they are", async () => {
  const odd = { name: "Zoë \u2028 \ud83d\ude80", nested: { list: [1, 2.5, null, true, { a: "b" }] } };
  const claims = await verifier.verifyToken(key.token(odd));
  assert.deepEqual({ name: claims.name, nested: claims.nested }, odd);
});

it("throws errors that can be told apart and say no token byte", async () => {
  const token = key.token({ exp: 1_000_000_000 });
  const error = await verifier.verifyToken(token).catch((error) => error);
  assert.ok(error instanceof EdgewardError && error instanceof Error);
  assert.equal(error.name, "EdgewardError");
  assert.equal(error.message, `TOKEN_EXPIRED: ${error.reason}`);
  for (const part of token.split(".")) assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(part));
});

it("survives a thousand refusals and goes on accepting", async () => {
  const bad = `${key.token().slice(0, -10)}AAAAAAAAAA`;
  for (let round = 0; round < 1_000; round += 1) assert.throws(() => verifier.verifyTokenSync(bad), EdgewardError);
  assert.equal(verifier.verifyTokenSync(key.token()).sub, "ada");
});

it("refuses everything while the clock stands at the beginning of time", async (test) => {
  const token = key.token();
  test.mock.timers.enable({ apis: ["Date"], now: 0 });
  assert.equal((await refusal(() => verifier.verifyToken(token))).code, "TOKEN_EXPIRED");
});
