// A token is verified once, and every way in which remembering it could let a bad one pass.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { createVerifier } from "edgeward";
import { MOST_CHARACTERS, MOST_TOKENS, SeenTokens } from "../dist/seen_tokens.js";
import { Verifier as Core } from "../dist/wasm/edgeward.js";
import { AUDIENCE, ISSUER, KeyServer, refusal, serve, serveTagged, SigningKey } from "./issuer.mjs";

const NOW = 1_800_000_000;
const expect = { issuer: ISSUER, audience: AUDIENCE };
const key = new SigningKey("k1");
const pointKey = new SigningKey("ec", "ES256");
const jwks = { keys: [key.jwk, pointKey.jwk] };

describe("a token that was seen before", () => {
  let verified;

  beforeEach(() => {
    mock.timers.enable({ apis: ["Date"], now: NOW * 1000 });
    verified = mock.method(Core.prototype, "verify");
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
  });

  const at = (seconds) => mock.timers.setTime(seconds * 1000);
  const cost = () => verified.mock.callCount();

  for (const signer of [key, pointKey]) {
    it(`is not verified again, ${signer.alg}`, async () => {
      const verifier = await createVerifier({ ...expect, jwks });
      const token = signer.token();
      const claims = await verifier.verifyToken(token);
      for (let round = 0; round < 100; round += 1) assert.equal(await verifier.verifyToken(`${token}`), claims);
      assert.equal(cost(), 1);
    });

    it(`is refused from the second on in which it expires, ${signer.alg}`, async () => {
      const verifier = await createVerifier({ ...expect, jwks });
      const token = signer.token({ exp: NOW + 10 });
      await verifier.verifyToken(token);
      at(NOW + 10 + 59.999);
      await verifier.verifyToken(token);
      assert.equal(cost(), 1);
      at(NOW + 10 + 60);
      assert.deepEqual(await refusal(() => verifier.verifyToken(token)), { code: "TOKEN_EXPIRED", reason: "expired" });
    });

    it(`is refused while the clock is set back to before its time, ${signer.alg}`, async () => {
      const verifier = await createVerifier({ ...expect, jwks });
      const token = signer.token({ nbf: NOW - 5 });
      await verifier.verifyToken(token);
      at(NOW - 60);
      await verifier.verifyToken(token);
      at(NOW - 60.001);
      assert.equal((await refusal(() => verifier.verifyToken(token))).code, "TOKEN_NOT_YET_VALID");
      at(NOW);
      await verifier.verifyToken(token);
    });
  }

  it("is refused while the clock stands at the beginning of time", async () => {
    const verifier = await createVerifier({ ...expect, jwks });
    const token = key.token({ iat: undefined });
    await verifier.verifyToken(token);
    for (const moment of [0, 0.999, Number.NaN]) {
      mock.method(Date, "now", () => moment * 1000);
      assert.equal((await refusal(() => verifier.verifyToken(token))).code, "TOKEN_EXPIRED");
    }
  });

  it("is another one when a single character differs", async () => {
    const verifier = await createVerifier({ ...expect, jwks });
    const token = key.token();
    await verifier.verifyToken(token);
    for (let place = 0; place < token.length; place += 1) {
      const changed = `${token.slice(0, place)}${token[place] === "A" ? "B" : "A"}${token.slice(place + 1)}`;
      assert.notEqual(await refusal(() => verifier.verifyToken(changed)), "accepted");
      assert.notEqual(await refusal(() => verifier.verifyTokenSync(changed)), "accepted");
    }
    for (const changed of [`${token} `, ` ${token}`, `${token}=`, `${token}\n`, `${token}\0`, token.toUpperCase(), Object(token)]) {
      assert.notEqual(await refusal(() => verifier.verifyToken(changed)), "accepted");
    }
  });

  it("is known to the verifier that saw it and to no other", async () => {
    const token = key.token();
    await (await createVerifier({ ...expect, jwks })).verifyToken(token);
    const elsewhere = await createVerifier({ ...expect, audience: "https://other.example", jwks });
    assert.equal((await refusal(() => elsewhere.verifyToken(token))).reason, "audience-mismatch");
  });

  it("has claims that nobody can change for the next", async () => {
    const verifier = await createVerifier({ ...expect, jwks });
    const token = key.token({ roles: ["user"], nested: { list: [{ deep: 1 }] } });
    const claims = await verifier.verifyToken(token);
    assert.throws(() => (claims.sub = "eve"), TypeError);
    assert.throws(() => claims.roles.push("admin"), TypeError);
    assert.throws(() => delete claims.nested.list[0].deep, TypeError);
    assert.throws(() => Object.setPrototypeOf(claims.nested, { admin: true }), TypeError);
    assert.throws(() => Object.defineProperty(claims, "admin", { value: true }), TypeError);
    const again = await verifier.verifyToken(token);
    assert.deepEqual([again.sub, again.roles, again.nested], ["ada", ["user"], { list: [{ deep: 1 }] }]);
  });

  it("leaves no trace when it was refused", async () => {
    const verifier = await createVerifier({ ...expect, jwks });
    const tomorrow = key.token({ nbf: NOW + 1000, exp: NOW + 2000 });
    for (let round = 1; round <= 3; round += 1) {
      assert.equal((await refusal(() => verifier.verifyToken(tomorrow))).code, "TOKEN_NOT_YET_VALID");
      assert.equal(cost(), round);
    }
    at(NOW + 1000);
    assert.equal((await verifier.verifyToken(tomorrow)).sub, "ada");
  });

  describe("with keys from an address", () => {
    let server;
    beforeEach(async () => {
      server = await KeyServer.start(serve(key, pointKey));
    });
    afterEach(() => server.stop());
    const verifierOf = () => createVerifier({ ...expect, jwksUri: server.uri });
    /** Makes the verifier ask for its keys, by a token of a key that nobody published. */
    const refresh = (verifier) => refusal(() => verifier.verifyToken(new SigningKey("made-up").token()));

    for (const signer of [key, pointKey]) {
      it(`is refused once its key has left the set, ${signer.alg}`, async () => {
        const verifier = await verifierOf();
        const token = signer.token();
        await verifier.verifyToken(token);
        server.answer = serve(...[key, pointKey].filter((other) => other !== signer));
        await refresh(verifier);
        assert.equal((await refusal(() => verifier.verifyToken(token))).code, "UNKNOWN_KEY");
        if (signer === key) assert.equal((await refusal(() => verifier.verifyTokenSync(token))).code, "UNKNOWN_KEY");
      });
    }

    it("is refused once another key has its key's name", async () => {
      const verifier = await verifierOf();
      const token = key.token();
      await verifier.verifyToken(token);
      server.answer = serve(new SigningKey(key.kid));
      await refresh(verifier);
      assert.equal((await refusal(() => verifier.verifyToken(token))).reason, "signature-invalid");
    });

    it("is still known after a refresh that brought the same keys", async () => {
      const verifier = await verifierOf();
      const token = key.token();
      await verifier.verifyToken(token);
      server.answer = serveTagged('"same"', key, pointKey);
      await refresh(verifier);
      const before = cost();
      await verifier.verifyToken(token);
      assert.equal(cost(), before);
    });

    it("is refused when the key set is too old to be used", async () => {
      const verifier = await verifierOf();
      const token = key.token({ exp: NOW + 1_000_000 });
      await verifier.verifyToken(token);
      server.answer = (response) => response.writeHead(500).end();
      at(NOW + 24 * 3600);
      assert.equal((await refusal(() => verifier.verifyToken(token))).code, "KEYS_UNAVAILABLE");
      assert.equal((await refusal(() => verifier.verifyTokenSync(token))).code, "KEYS_UNAVAILABLE");
    });

    it("is not remembered when its key left the set while WebCrypto was thinking", async () => {
      const verifier = await verifierOf();
      const token = pointKey.token();
      const { verify } = crypto.subtle;
      let changed;
      mock.method(crypto.subtle, "verify", async (...args) => {
        server.answer = serve(key);
        changed ??= refresh(verifier);
        await changed;
        return verify.apply(crypto.subtle, args);
      });
      assert.equal((await verifier.verifyToken(token)).sub, "ada", "it was good when it came");
      assert.equal((await refusal(() => verifier.verifyToken(token))).code, "UNKNOWN_KEY");
    });
  });
});

describe("the memory of tokens", () => {
  const accepted = { claims: '{"sub":"ada"}', from: 1, until: 2_000_000_000 };
  const remembered = (length, count) => {
    const seen = new SeenTokens();
    const tokens = Array.from({ length: count }, (_, index) => String(index).padStart(length, "0"));
    for (const token of tokens) seen.remember(token, accepted, "core", seen.generation);
    return tokens.filter((token) => seen.recall(token, NOW) !== undefined);
  };

  it("is bounded in number, and the oldest goes", () => {
    const tokens = remembered(10, 3 * MOST_TOKENS);
    assert.equal(tokens.length, MOST_TOKENS);
    assert.equal(tokens[0], String(2 * MOST_TOKENS).padStart(10, "0"));
  });

  it("is bounded in characters", () => {
    assert.equal(remembered(8192, 300).length, MOST_CHARACTERS / 8192);
  });

  it("stays bounded after it was emptied", () => {
    const seen = new SeenTokens();
    const fill = (length) => {
      for (let index = 0; index < 2 * MOST_TOKENS; index += 1) {
        seen.remember(`${index}`.padStart(length, "0"), accepted, "core", seen.generation);
      }
    };
    fill(10);
    seen.forgetAll();
    fill(11);
    const kept = Array.from({ length: 2 * MOST_TOKENS }, (_, index) => seen.recall(`${index}`.padStart(11, "0"), NOW));
    assert.deepEqual(kept.map((found) => found !== undefined), kept.map((_, index) => index >= MOST_TOKENS));
  });

  it("tells tokens apart that end alike", () => {
    const seen = new SeenTokens();
    const end = "e".repeat(86);
    const claimsOf = (token) => seen.recall(token, NOW)?.claims.sub;
    seen.remember(`h.ada.${end}`, accepted, "core", seen.generation);
    for (const token of [`h.eve.${end}`, `h.ada.d${end.slice(1)}`, end, end.slice(-43), `.${end}`, ""]) {
      assert.equal(claimsOf(token), undefined, token);
    }
    seen.remember(`h.eve.${end}`, { ...accepted, claims: '{"sub":"eve"}' }, "core", seen.generation);
    assert.deepEqual([claimsOf(`h.eve.${end}`), claimsOf(`h.ada.${end}`)], ["eve", undefined]);
  });

  it("counts a token once, however often it comes", () => {
    const seen = new SeenTokens();
    for (let round = 0; round < 1000; round += 1) seen.remember("x".repeat(8192), accepted, "core", seen.generation);
    for (let index = 0; index < 100; index += 1) seen.remember(`${index}`, accepted, "core", seen.generation);
    assert.notEqual(seen.recall("x".repeat(8192), NOW), undefined);
  });

  it("takes nothing that was judged under other keys", () => {
    const seen = new SeenTokens();
    const { generation } = seen;
    seen.forgetAll();
    seen.remember("token", accepted, "core", generation);
    assert.equal(seen.recall("token", NOW), undefined);
  });

  it("forgets everything with another key set", () => {
    const seen = new SeenTokens();
    seen.remember("token", accepted, "core", seen.generation);
    seen.forgetAll();
    assert.equal(seen.recall("token", NOW), undefined);
  });
});
