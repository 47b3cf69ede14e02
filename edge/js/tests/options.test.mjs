// What a programmer may get wrong, and that the answer names the option.

import assert from "node:assert/strict";
import { it } from "node:test";
import { createVerifier } from "edgeward";
import { AUDIENCE, ISSUER, refusal, SigningKey } from "./issuer.mjs";

const key = new SigningKey("k1");
const jwks = { keys: [key.jwk] };
const good = { issuer: ISSUER, audience: AUDIENCE, jwks };
const at = (jwksUri) => ({ issuer: ISSUER, audience: AUDIENCE, jwksUri });

const wrong = [
  ["nothing at all", undefined, "options"],
  ["no issuer", { ...good, issuer: undefined }, "issuer"],
  ["an empty issuer", { ...good, issuer: "" }, "issuer"],
  ["no audience", { ...good, audience: undefined }, "audience"],
  ["an empty list of audiences", { ...good, audience: [] }, "audience"],
  ["an audience that is no text", { ...good, audience: [AUDIENCE, 7] }, "audience"],
  ["an empty type", { ...good, typ: "" }, "typ"],
  ["a negative leeway", { ...good, leewaySeconds: -1 }, "leewaySeconds"],
  ["a leeway of an hour", { ...good, leewaySeconds: 3600 }, "leewaySeconds"],
  ["a leeway of no number", { ...good, leewaySeconds: Number.NaN }, "leewaySeconds"],
  ["a misspelt option", { ...good, leeway: 0 }, "leeway"],
  ["another rule for the key id", { ...good, keyId: false }, "keyId"],
  ["no keys", { issuer: ISSUER, audience: AUDIENCE }, "keys"],
  ["two sources of keys", { ...good, publicKey: key.pem }, "keys"],
  ["a key set as text", { ...good, jwks: JSON.stringify(jwks) }, "jwks"],
  ["a key set without keys", { ...good, jwks: { keys: [] } }, "jwks"],
  ["a key set with a private key", { ...good, jwks: { keys: [{ ...key.jwk, d: key.jwk.x }] } }, "jwks"],
  ["a key set that contains itself", { ...good, jwks: circular() }, "jwks"],
  ["a public key that is none", { issuer: ISSUER, audience: AUDIENCE, publicKey: "ssh-ed25519 AAAA" }, "publicKey"],
  ["a relative address", at("/jwks.json"), "jwksUri"],
  ["plain http to another machine", at("http://issuer.example/jwks.json"), "jwksUri"],
  ["a host that only looks like this machine", at("http://127.0.0.1.example/jwks.json"), "jwksUri"],
  ["a file", at("file:///etc/jwks.json"), "jwksUri"],
  ["an address with a password", at("https://ada:secret@issuer.example/jwks.json"), "jwksUri"],
];

for (const [name, options, option] of wrong) {
  it(`refuses ${name}`, async () => {
    assert.deepEqual(await refusal(() => createVerifier(options)), { code: "INVALID_OPTIONS", reason: option });
  });
}

it("says what is wrong without repeating a password", async () => {
  const error = await createVerifier(at("https://ada:secret@issuer.example/")).catch((error) => error);
  assert.match(error.message, /must not carry a user name or password/);
  assert.doesNotMatch(error.message, /secret/);
});

it("checks no audience when told so, and only then", async () => {
  const unchecked = await createVerifier({ ...good, audience: null });
  assert.equal(unchecked.verifyTokenSync(key.token({ aud: "anybody" })).aud, "anybody");
  const checked = await createVerifier(good);
  assert.equal((await refusal(() => checked.verifyToken(key.token({ aud: "anybody" })))).code, "INVALID_TOKEN");
});

it("insists on the type it was given", async () => {
  const other = await createVerifier({ ...good, typ: "dpop+jwt" });
  assert.equal((await refusal(() => other.verifyToken(key.token()))).code, "INVALID_TOKEN");
});

it("takes the leeway it was given", async () => {
  const justExpired = key.token({ exp: Math.floor(Date.now() / 1000) - 30 });
  assert.equal((await createVerifier(good)).verifyTokenSync(justExpired).sub, "ada");
  const strict = await createVerifier({ ...good, leewaySeconds: 0 });
  assert.equal((await refusal(() => strict.verifyToken(justExpired))).code, "TOKEN_EXPIRED");
});

function circular() {
  const set = { keys: [] };
  set.keys.push(set);
  return set;
}
