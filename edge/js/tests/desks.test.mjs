// Where tokens are judged in wasm: who may sit there, and that nobody sits where a trap may have left something locked.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { createVerifier } from "edgeward";
import { Verifier as Core } from "../dist/wasm/edgeward.js";
import { AUDIENCE, ISSUER, KeyServer, refusal, serve, SigningKey } from "./issuer.mjs";

const ed25519 = new SigningKey("ed25519");
const p256 = new SigningKey("p256", "ES256");
const jwks = { keys: [ed25519.jwk, p256.jwk] };

/** More than are kept free. */
const MANY = 100;

/** Calls of a method of the core, with the question that each was about; `instead` may stand in for it. */
function watch(method, instead = (go) => go()) {
  const original = Core.prototype[method];
  return mock.method(Core.prototype, method, function (...given) {
    return instead(() => original.apply(this, given));
  });
}

function questionsOf(watched) {
  return watched.mock.calls.map(({ arguments: [question] }) => question);
}

describe("a desk", { timeout: 60_000 }, () => {
  let verifier;

  beforeEach(async () => {
    verifier = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks });
  });
  afterEach(() => mock.restoreAll());

  it("is used again after good and bad tokens of every algorithm", async () => {
    const watched = watch("verify");
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await refusal(() => verifier.verifyToken(ed25519.token({ jti: `${round}` }))), "accepted");
      assert.equal(await refusal(() => verifier.verifyToken(p256.token({ jti: `${round}` }))), "accepted");
      assert.equal((await refusal(() => verifier.verifyToken(p256.token({ exp: 1 })))).code, "TOKEN_EXPIRED");
      assert.equal((await refusal(() => verifier.verifyToken("x"))).code, "INVALID_TOKEN");
      assert.equal((await refusal(() => verifier.verifyTokenSync(p256.token()))).reason, "alg-needs-verify-token");
    }
    assert.equal(watched.mock.callCount(), 15);
    assert.equal(new Set(questionsOf(watched)).size, 1);
  });

  it("is not shared while WebCrypto is waited for", async () => {
    const watched = watch("verify");
    const tokens = Array.from({ length: MANY }, (_, index) => p256.token({ jti: `${index}`, sub: `person ${index}` }));
    const claims = await Promise.all(tokens.map((token) => verifier.verifyToken(token)));
    assert.deepEqual(claims.map(({ sub }) => sub), tokens.map((_, index) => `person ${index}`));
    assert.equal(new Set(questionsOf(watched)).size, MANY);
  });

  it("is left while keys are waited for", async () => {
    const server = await KeyServer.start(serve(ed25519));
    try {
      const remote = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwksUri: server.uri });
      const watched = watch("verify");
      const asked = new Promise((resolve) => {
        server.answer = resolve;
      });
      const waiting = Array.from({ length: MANY }, () => refusal(() => remote.verifyToken(p256.token())));
      const response = await asked;
      assert.equal(watched.mock.callCount(), MANY);
      assert.equal(new Set(questionsOf(watched)).size, 1);
      serve(ed25519, p256)(response);
      assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["accepted"]));
    } finally {
      await server.stop();
    }
  });

  for (const method of ["verify", "settle"]) {
    it(`is not used again when \`${method}\` was trapped`, async () => {
      let trapped = false;
      const watched = watch(method, (go) => {
        if (trapped) return go();
        trapped = true;
        throw new WebAssembly.RuntimeError("unreachable");
      });
      await assert.rejects(verifier.verifyToken(p256.token()), WebAssembly.RuntimeError);
      assert.equal(await refusal(() => verifier.verifyToken(p256.token({ jti: "2" }))), "accepted");
      assert.equal(await refusal(() => verifier.verifyToken(p256.token({ jti: "3" }))), "accepted");
      const [first, second, third] = questionsOf(watched);
      assert.notEqual(second, first);
      assert.equal(third, second);
    });
  }

  it("is not used again when a synchronous call was trapped", () => {
    let trapped = false;
    const watched = watch("verify", (go) => {
      if (trapped) return go();
      trapped = true;
      throw new WebAssembly.RuntimeError("unreachable");
    });
    assert.throws(() => verifier.verifyTokenSync(ed25519.token()), WebAssembly.RuntimeError);
    assert.equal(verifier.verifyTokenSync(ed25519.token()).sub, "ada");
    const [first, second] = questionsOf(watched);
    assert.notEqual(second, first);
  });
});
