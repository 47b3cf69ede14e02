// Keys and tokens, made before anything is measured: distinct good ones, ones to warm up with, and bad ones.

import * as jose from "jose";
import { KeyObject, randomUUID, sign } from "node:crypto";

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "https://app.example";
export const TYPE = "at+jwt";

/** So many distinct tokens that none is still remembered when its turn comes again. */
export const DISTINCT = 4096;
/** Further tokens, for code and tables to become warm; none of them is measured. */
const WARM_UP = 512;
/** Forged tokens, one at the end of each measured batch. */
const FORGED = 16;

const SIGN = {
  EdDSA: (data, key) => sign(null, data, key),
  ES256: (data, key) => sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }),
  RS256: (data, key) => sign("sha256", data, key),
};

/** The claims beside the registered ones, by what a token is to look like. */
const SHAPES = {
  /** As the issuer writes them. */
  usual: () => ({
    jti: randomUUID(),
    nbf: seconds(),
    sid: randomUUID(),
    seq: 3,
    client_id: "edgeward-web",
    auth_time: seconds(),
    amr: ["pwd"],
    roles: ["admin"],
    scope: "openid profile",
  }),
  /** About 400 characters. */
  small: () => ({ sid: randomUUID().slice(0, 8) }),
  /** About 4,000 characters: somebody who is in many groups. */
  large: () => ({
    jti: randomUUID(),
    sid: randomUUID(),
    roles: ["admin"],
    groups: Array.from({ length: 62 }, (_, place) => `/organisation/${place}/${randomUUID().slice(0, 20)}`),
  }),
};

/** A key pair, and the set that holds its public half and nothing else. */
export async function makeKeys(algorithm) {
  const { publicKey, privateKey } = await jose.generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 });
  const jwk = { ...(await jose.exportJWK(publicKey)), alg: algorithm, use: "sig" };
  jwk.kid = await jose.calculateJwkThumbprint(jwk);
  const publicPem = await jose.exportSPKI(publicKey);
  return { algorithm, jwk, jwks: { keys: [jwk] }, publicPem, privateKey: KeyObject.from(privateKey) };
}

/** The same keys, their public half as the last in a set of `count`. */
export async function amongOthers(keys, count) {
  const others = await Promise.all(Array.from({ length: count - 1 }, () => makeKeys(keys.algorithm)));
  return { ...keys, jwks: { keys: [...others.map(({ jwk }) => jwk), keys.jwk] } };
}

/** `{ tokens, warmUp, forged, wrong }`; `wrong` has one token for each claim that must be checked. */
export function makeTokens(keys, shape, distinct = DISTINCT) {
  const make = (changes, typ) => write(keys, { ...claims(shape), ...changes }, typ);
  const many = (length) => Array.from({ length }, () => make({}));
  return {
    tokens: many(distinct),
    warmUp: many(WARM_UP),
    forged: many(FORGED).map(forge),
    wrong: {
      "a forged signature": forge(make({})),
      "a foreign issuer": make({ iss: "https://other.example" }),
      "a foreign audience": make({ aud: "https://other.example" }),
      "an expired token": make({ exp: seconds() - 3600 }),
      "no exp": make({ exp: undefined }),
      "another typ": make({}, "JWT"),
    },
  };
}

function claims(shape) {
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: randomUUID(),
    iat: seconds(),
    exp: seconds() + 3600,
    ...SHAPES[shape](),
  };
}

function write({ algorithm, jwk, privateKey }, payload, typ = TYPE) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: algorithm, kid: jwk.kid, typ })}.${part(payload)}`;
  return `${signed}.${SIGN[algorithm](Buffer.from(signed), privateKey).toString("base64url")}`;
}

/** The same token with one bit of its signature changed. */
export function forge(token) {
  const end = token.lastIndexOf(".") + 1;
  const signature = Buffer.from(token.slice(end), "base64url");
  signature[7] ^= 1;
  return token.slice(0, end) + signature.toString("base64url");
}

function seconds() {
  return Math.floor(Date.now() / 1000);
}
