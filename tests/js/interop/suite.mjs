// The cases, written once and run in every runtime: `jose` and `edgeward` must agree on the same tokens.
//
// Nothing in here may depend on the runtime. `jwksUri` is the address of a key server that the runner started; it
// answers with the key set that was last POSTed to it.

import { createVerifier, EdgewardError } from "edgeward";
import * as jose from "jose";
import vector from "./core_signed.json" with { type: "json" };

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://app.example";

/** Runs one case by name; resolves to what went wrong, or `null`. */
export async function run(name, jwksUri) {
  try {
    await cases[name](jwksUri);
    return null;
  } catch (error) {
    return String(error?.stack ?? error);
  }
}

export const cases = {
  "a token signed by jose verifies, awaited and sync": async () => {
    const issuer = await newIssuer();
    const token = await issuer.sign();
    const verifier = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: issuer.jwks });
    equal((await verifier.verifyToken(token)).sub, "ada");
    equal(JSON.stringify(verifier.verifyTokenSync(token).roles), '["admin"]');
  },

  "a token signed by jose verifies with the public key as SPKI PEM": async () => {
    const issuer = await newIssuer();
    const publicKey = await jose.exportSPKI(issuer.publicKey);
    const verifier = await createVerifier({ issuer: ISSUER, audience: [AUDIENCE, "other"], publicKey });
    equal(verifier.verifyTokenSync(await issuer.sign()).sub, "ada");
    equal(verifier.verifyTokenSync(await issuer.sign({ header: { kid: undefined } })).sub, "ada");
  },

  "a token signed by jose verifies with keys from an address, and so does one of the rotated key": async (jwksUri) => {
    const [first, second] = [await newIssuer("first"), await newIssuer("second")];
    await publish(jwksUri, first.jwks);
    const verifier = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwksUri });
    equal(verifier.verifyTokenSync(await first.sign()).sub, "ada");
    await refused(verifier, await second.sign(), "UNKNOWN_KEY", "sync");
    await publish(jwksUri, { keys: [...first.jwks.keys, ...second.jwks.keys] });
    equal((await verifier.verifyToken(await second.sign())).sub, "ada");
  },

  "a token signed by the core verifies with jose": async () => {
    const { payload, protectedHeader } = await jose.jwtVerify(vector.token, jose.createLocalJWKSet(vector.jwks), {
      issuer: vector.claims.iss,
      audience: vector.claims.aud,
      typ: "at+jwt",
      algorithms: ["EdDSA"],
    });
    equal(canonical(payload), canonical(vector.claims));
    equal(protectedHeader.kid, vector.jwks.keys[0].kid);
  },

  "the core's key id is the thumbprint that jose computes": async () => {
    equal(await jose.calculateJwkThumbprint(vector.jwks.keys[0]), vector.jwks.keys[0].kid);
  },

  "a token signed by the core verifies": async () => {
    const { iss: issuer, aud: audience } = vector.claims;
    const verifier = await createVerifier({ issuer, audience, jwks: vector.jwks });
    equal(canonical(await verifier.verifyToken(vector.token)), canonical(vector.claims));
  },

  ...Object.fromEntries(wrongTokens().map(({ name, code, make }) => [`both refuse ${name}`, () => bothRefuse(code, make)])),
};

/** Tokens that nobody may accept; `make` gets an issuer that both sides trust. */
function wrongTokens() {
  const changed = (claims, header) => (issuer) => issuer.sign({ claims, header });
  // Asked for at the last moment: in the global scope of a Worker it is 1970.
  const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;
  return [
    { name: "an expired token", code: "TOKEN_EXPIRED", make: (issuer) => issuer.sign({ claims: { exp: inSeconds(-120) } }) },
    { name: "a token of tomorrow", code: "TOKEN_NOT_YET_VALID", make: (issuer) => issuer.sign({ claims: { nbf: inSeconds(86_400) } }) },
    { name: "a token without an end", code: "INVALID_TOKEN", make: changed({ exp: undefined }) },
    { name: "another issuer", code: "INVALID_TOKEN", make: changed({ iss: "https://other.example" }) },
    { name: "another audience", code: "INVALID_TOKEN", make: changed({ aud: "https://other.example" }) },
    { name: "another type", code: "INVALID_TOKEN", make: changed({}, { typ: "id+jwt" }) },
    { name: "no type", code: "INVALID_TOKEN", make: changed({}, { typ: undefined }) },
    { name: "a key id that nobody knows", code: "UNKNOWN_KEY", make: changed({}, { kid: "nobody" }) },
    { name: "another key under the same id", code: "INVALID_TOKEN", make: async () => (await newIssuer()).sign() },
    { name: "an unsigned token", code: "INVALID_TOKEN", make: unsigned },
    { name: "an HMAC keyed with the public key", code: "INVALID_TOKEN", make: hmacOfPublicKey },
    { name: "a changed payload", code: "INVALID_TOKEN", make: changedPayload },
    { name: "a changed signature", code: "INVALID_TOKEN", make: changedSignature },
    { name: "a token cut short", code: "INVALID_TOKEN", make: async (issuer) => (await issuer.sign()).slice(0, -4) },
    { name: "a critical extension", code: "INVALID_TOKEN", make: changed({}, { crit: ["must-know"], "must-know": true }) },
    { name: "no token at all", code: "INVALID_TOKEN", make: () => "" },
  ];
}

async function unsigned(issuer) {
  const [, payload] = (await issuer.sign()).split(".");
  return `${encode({ alg: "none", typ: "at+jwt", kid: "k1" })}.${payload}.`;
}

async function hmacOfPublicKey(issuer) {
  const secret = new TextEncoder().encode(await jose.exportSPKI(issuer.publicKey));
  const [, payload] = (await issuer.sign()).split(".");
  return new jose.CompactSign(jose.base64url.decode(payload))
    .setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid: "k1" })
    .sign(secret);
}

async function changedPayload(issuer) {
  const [header, payload, signature] = (await issuer.sign()).split(".");
  const claims = JSON.parse(new TextDecoder().decode(jose.base64url.decode(payload)));
  return `${header}.${encode({ ...claims, sub: "eve" })}.${signature}`;
}

async function changedSignature(issuer) {
  const [header, payload, signature] = (await issuer.sign()).split(".");
  const octets = jose.base64url.decode(signature);
  octets[0] ^= 1;
  return `${header}.${payload}.${jose.base64url.encode(octets)}`;
}

async function bothRefuse(code, make) {
  const issuer = await newIssuer();
  const verifier = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: issuer.jwks });
  const good = await issuer.sign();
  await verifier.verifyToken(good);
  await joseVerify(good, issuer.jwks);

  const token = await make(issuer);
  await refused(verifier, token, code, "sync");
  await refused(verifier, token, code, "awaited");
  const joseSays = await joseVerify(token, issuer.jwks).then(() => "accepted", (error) => error);
  if (!(joseSays instanceof jose.errors.JOSEError)) throw new Error(`jose: ${joseSays}`);
}

async function refused(verifier, token, code, way) {
  let said = "accepted";
  try {
    await (way === "sync" ? verifier.verifyTokenSync(token) : verifier.verifyToken(token));
  } catch (error) {
    if (!(error instanceof EdgewardError)) throw error;
    said = error.code;
    for (const part of token.split(".").filter((part) => part.length > 8)) {
      if (`${error.message} ${error.reason}`.includes(part)) throw new Error("the error repeats token bytes");
    }
  }
  equal(said, code);
}

function joseVerify(token, jwks) {
  return jose.jwtVerify(token, jose.createLocalJWKSet(jwks), {
    issuer: ISSUER,
    audience: AUDIENCE,
    typ: "at+jwt",
    algorithms: ["EdDSA"],
    requiredClaims: ["exp"],
    clockTolerance: 60,
  });
}

/** An issuer with a fresh Ed25519 key that signs with jose. */
async function newIssuer(kid = "k1") {
  const { publicKey, privateKey } = await jose.generateKeyPair("EdDSA", { extractable: true });
  const jwk = { ...(await jose.exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" };
  const now = Math.floor(Date.now() / 1000);
  return {
    publicKey,
    jwks: { keys: [jwk] },
    /** A good access token, with members replaced; `undefined` takes one away. */
    sign: ({ claims = {}, header = {} } = {}) =>
      new jose.CompactSign(
        new TextEncoder().encode(
          JSON.stringify({ iss: ISSUER, aud: AUDIENCE, sub: "ada", roles: ["admin"], iat: now, exp: now + 600, ...claims }),
        ),
      )
        .setProtectedHeader(JSON.parse(JSON.stringify({ alg: "EdDSA", kid, typ: "at+jwt", ...header })))
        .sign(privateKey, { crit: { "must-know": true } }),
  };
}

async function publish(jwksUri, jwks) {
  const response = await fetch(jwksUri, { method: "POST", body: JSON.stringify(jwks) });
  equal(response.status, 204);
}

function encode(value) {
  return jose.base64url.encode(new TextEncoder().encode(JSON.stringify(value)));
}

/** JSON text with members in order of their names. */
function canonical(value) {
  const sorted = (_, inner) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner;
  return JSON.stringify(value, sorted);
}

function equal(actual, expected) {
  if (actual !== expected) throw new Error(`expected ${expected}, got ${actual}`);
}
