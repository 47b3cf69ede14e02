// ES256 and RS256: the core asks, WebCrypto answers, the core judges.

import assert from "node:assert/strict";
import { afterEach, describe, it, mock } from "node:test";
import { createVerifier } from "edgeward";
import { AUDIENCE, ISSUER, KeyServer, refusal, serve, SigningKey } from "./issuer.mjs";

const expect = { issuer: ISSUER, audience: AUDIENCE };
const keys = { EdDSA: new SigningKey("k1"), ES256: new SigningKey("k1", "ES256"), RS256: new SigningKey("k1", "RS256") };
const setOf = (...keys) => ({ keys: keys.map((key) => key.jwk) });

afterEach(() => mock.restoreAll());

for (const [alg, key] of Object.entries(keys)) {
  describe(alg, () => {
    const bad = (token) => `${token.slice(0, -20)}${"A".repeat(20)}`;

    it("verifies with a key set and with a public key in PEM", async () => {
      for (const source of [{ jwks: setOf(key) }, { publicKey: key.pem }]) {
        const verifier = await createVerifier({ ...expect, ...source });
        assert.equal((await verifier.verifyToken(key.token())).sub, "ada");
      }
    });

    it("verifies with keys from an address, and so does a rotated key", async () => {
      const next = new SigningKey("k2", alg);
      const server = await KeyServer.start(serve(key));
      try {
        const verifier = await createVerifier({ ...expect, jwksUri: server.uri });
        assert.equal((await verifier.verifyToken(key.token())).sub, "ada");
        server.answer = serve(next);
        assert.equal((await verifier.verifyToken(next.token())).sub, "ada");
        assert.equal((await refusal(() => verifier.verifyToken(key.token()))).code, "UNKNOWN_KEY");
      } finally {
        await server.stop();
      }
    });

    it("refuses a bad signature, another key and another label with their reasons", async () => {
      const verifier = await createVerifier({ ...expect, jwks: setOf(key) });
      const invalid = { code: "INVALID_TOKEN", reason: "signature-invalid" };
      assert.deepEqual(await refusal(() => verifier.verifyToken(bad(key.token()))), invalid);
      assert.deepEqual(await refusal(() => verifier.verifyToken(new SigningKey("k1", alg).token())), invalid);
      for (const [other, stranger] of Object.entries(keys)) {
        if (other === alg) continue;
        const mislabelled = { code: "INVALID_TOKEN", reason: "alg-key-mismatch" };
        assert.deepEqual(await refusal(() => verifier.verifyToken(stranger.token())), mislabelled);
      }
    });

    it("judges the claims after the signature", async () => {
      const verifier = await createVerifier({ ...expect, jwks: setOf(key) });
      assert.equal((await refusal(() => verifier.verifyToken(key.token({ exp: 1 })))).code, "TOKEN_EXPIRED");
      assert.equal((await refusal(() => verifier.verifyToken(bad(key.token({ exp: 1 }))))).reason, "signature-invalid");
    });
  });
}

for (const alg of ["ES256", "RS256"]) {
  const key = keys[alg];
  const verifierOf = () => createVerifier({ ...expect, jwks: setOf(key) });

  it(`${alg} is refused by the sync call, before and after it was verified`, async () => {
    const verifier = await verifierOf();
    const token = key.token();
    const refused = { code: "INVALID_TOKEN", reason: "alg-needs-verify-token" };
    assert.deepEqual(await refusal(() => verifier.verifyTokenSync(token)), refused);
    await verifier.verifyToken(token);
    assert.deepEqual(await refusal(() => verifier.verifyTokenSync(token)), refused);
    const error = await Promise.resolve(token).then(verifier.verifyTokenSync.bind(verifier)).catch((error) => error);
    assert.match(error.message, /need verifyToken/);
  });

  it(`${alg} imports a key once, also for many who come at once`, async () => {
    const imported = mock.method(crypto.subtle, "importKey");
    const verifier = await verifierOf();
    await Promise.all(Array.from({ length: 50 }, (_, index) => verifier.verifyToken(key.token({ jti: `${index}` }))));
    await verifier.verifyToken(key.token({ jti: "later" }));
    assert.equal(imported.mock.callCount(), 1);
    assert.deepEqual(imported.mock.calls[0].arguments.slice(3), [false, ["verify"]]);
  });

  it(`${alg} without WebCrypto is an error that blames no token`, async (test) => {
    const verifier = await verifierOf();
    test.mock.getter(globalThis, "crypto", () => ({}));
    const unavailable = { code: "CRYPTO_UNAVAILABLE", reason: "no-web-crypto" };
    assert.deepEqual(await refusal(() => verifier.verifyToken(key.token())), unavailable);
    const elsewhere = await createVerifier({ ...expect, jwks: setOf(keys.EdDSA) });
    assert.equal((await elsewhere.verifyToken(keys.EdDSA.token())).sub, "ada", "EdDSA does without");
  });

  it(`${alg} is refused when WebCrypto fails`, async () => {
    mock.method(crypto.subtle, "verify", () => Promise.reject(new DOMException("", "OperationError")));
    const verifier = await verifierOf();
    assert.equal((await refusal(() => verifier.verifyToken(key.token()))).reason, "signature-invalid");
  });
}

it("a point off its curve is refused as a key, and tried once", async () => {
  const { y, ...point } = keys.ES256.jwk;
  const jwk = { ...point, y: `${y.slice(0, 5)}${y[5] === "A" ? "B" : "A"}${y.slice(6)}` };
  const imported = mock.method(crypto.subtle, "importKey");
  const verifier = await createVerifier({ ...expect, jwks: { keys: [jwk] } });
  for (let round = 0; round < 2; round += 1) {
    const said = await refusal(() => verifier.verifyToken(keys.ES256.token()));
    assert.deepEqual(said, { code: "INVALID_TOKEN", reason: "key-refused" });
  }
  assert.equal(imported.mock.callCount(), 1);
});

describe("a key that WebCrypto could not import", () => {
  const { importKey } = crypto.subtle;
  const unavailable = { code: "CRYPTO_UNAVAILABLE", reason: "key-not-imported" };
  const failing = (fail) => mock.method(crypto.subtle, "importKey", fail);

  for (const [what, fail] of Object.entries({
    "an OperationError": () => Promise.reject(new DOMException("", "OperationError")),
    "no memory": () => Promise.reject(new RangeError("out of memory")),
    "an error at once": () => {
      throw new TypeError("not a function");
    },
    nothing: () => Promise.reject(),
  })) {
    it(`because of ${what} is tried again with the next token`, async () => {
      const verifier = await createVerifier({ ...expect, jwks: setOf(keys.ES256) });
      const imported = failing(fail);
      const token = keys.ES256.token();
      const answers = await Promise.all([1, 2, 3].map(() => refusal(() => verifier.verifyToken(token))));
      assert.deepEqual(answers, [unavailable, unavailable, unavailable]);
      assert.equal(imported.mock.callCount(), 1, "those who come at once share the attempt");
      imported.mock.mockImplementation(importKey);
      assert.equal((await verifier.verifyToken(token)).sub, "ada");
      assert.equal((await verifier.verifyToken(keys.ES256.token({ jti: "2" }))).sub, "ada");
      assert.equal(imported.mock.callCount(), 2);
    });
  }

  for (const name of ["DataError", "NotSupportedError"]) {
    it(`because of a ${name} is refused from then on`, async () => {
      const verifier = await createVerifier({ ...expect, jwks: setOf(keys.RS256) });
      const imported = failing(() => Promise.reject(new DOMException("", name)));
      for (let round = 0; round < 3; round += 1) {
        const said = await refusal(() => verifier.verifyToken(keys.RS256.token()));
        assert.deepEqual(said, { code: "INVALID_TOKEN", reason: "key-refused" });
      }
      assert.equal(imported.mock.callCount(), 1);
    });
  }
});

it("tokens that WebCrypto judges in another order than they came keep their own answers", async () => {
  const verifier = await createVerifier({ ...expect, jwks: setOf(keys.ES256) });
  await verifier.verifyToken(keys.ES256.token());
  const { verify } = crypto.subtle;
  const waiting = [];
  mock.method(crypto.subtle, "verify", async function (...given) {
    const said = await verify.apply(this, given);
    await new Promise((resolve) => waiting.push(resolve));
    return said;
  });
  const names = Array.from({ length: 100 }, (_, index) => `user ${index}`);
  const tokens = names.map((sub, index) => {
    const token = keys.ES256.token({ sub });
    return index % 3 === 0 ? `${token.slice(0, -20)}${"A".repeat(20)}` : token;
  });
  const answers = Promise.all(tokens.map((token) => verifier.verifyToken(token).then(({ sub }) => sub, ({ reason }) => reason)));
  while (waiting.length < names.length) await new Promise(setImmediate);
  for (const resolve of waiting.reverse()) resolve();
  assert.deepEqual(await answers, names.map((sub, index) => (index % 3 === 0 ? "signature-invalid" : sub)));
});

it("a token that expires while WebCrypto thinks is refused", async () => {
  const verifier = await createVerifier({ ...expect, leewaySeconds: 0, jwks: setOf(keys.ES256) });
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  try {
    const token = keys.ES256.token({ exp: 1_800_000_001 });
    const saying = refusal(() => verifier.verifyToken(token));
    mock.timers.setTime(1_800_000_002_000);
    assert.equal((await saying).code, "TOKEN_EXPIRED");
  } finally {
    mock.timers.reset();
  }
});
