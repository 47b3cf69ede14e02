// Who verifies: ours and the peers that run anywhere. Each imports its keys once and is told to check the same claims.
//
// A contender is made from `{ algorithm, issuer, audience, typ, jwks }` and gives `verify`, which throws for a bad token.
// With `read` it gets what that makes of a token beforehand, outside of the measured time. `sync` ones are not awaited.
// `enters` says in which rounds it takes part: "new" tokens if nothing is said, tokens "seen" before, or both.

import { JwtVerifier } from "aws-jwt-verify";
import { createVerifier } from "edgeward";
import { verifyWithJwks } from "hono/jwt";
import * as jose from "jose";

/** How far clocks may disagree, for everyone who can be told. */
export const LEEWAY_SECONDS = 60;

export const contenders = {
  edgeward: {
    title: "edgeward verifyToken",
    enters: "new seen",
    async make(set) {
      const verifier = await createVerifier(ourOptions(set));
      return { verify: (token) => verifier.verifyToken(token) };
    },
  },
  edgewardSync: {
    title: "edgeward verifyTokenSync",
    enters: "new seen",
    /** WebCrypto, which checks the others, only answers asynchronously. */
    only: ["EdDSA"],
    async make(set) {
      const verifier = await createVerifier(ourOptions(set));
      return { sync: true, verify: (token) => verifier.verifyTokenSync(token) };
    },
  },
  jose: {
    title: "jose jwtVerify, createLocalJWKSet",
    enters: "new seen",
    async make({ algorithm, issuer, audience, typ, jwks }) {
      const keys = jose.createLocalJWKSet(jwks);
      const expected = {
        issuer,
        audience,
        typ,
        algorithms: [algorithm],
        requiredClaims: ["exp"],
        clockTolerance: LEEWAY_SECONDS,
      };
      return { verify: (token) => jose.jwtVerify(token, keys, expected) };
    },
  },
  webcrypto: {
    title: "WebCrypto verify, the signature and nothing else",
    async make({ algorithm, jwks }) {
      const parameters = WEBCRYPTO[algorithm];
      const key = await crypto.subtle.importKey("jwk", jwks.keys.at(-1), parameters, false, ["verify"]);
      return {
        read(token) {
          const end = token.lastIndexOf(".");
          return { signed: new TextEncoder().encode(token.slice(0, end)), signature: jose.base64url.decode(token.slice(end + 1)) };
        },
        async verify({ signed, signature }) {
          if (!(await crypto.subtle.verify(parameters, key, signature, signed))) throw new Error("refused");
        },
      };
    },
  },
  hono: {
    title: "hono/jwk verifyWithJwks (imports its key each time)",
    async make({ algorithm, issuer, audience, typ, jwks }) {
      const options = {
        keys: jwks.keys,
        allowedAlgorithms: [algorithm],
        verification: { iss: issuer, aud: audience, typ, exp: true },
      };
      return { verify: (token) => verifyWithJwks(token, options) };
    },
  },
  aws: {
    title: "aws-jwt-verify verify",
    async make(set) {
      const verifier = awsVerifier(set);
      return { verify: (token) => verifier.verify(token) };
    },
  },
};

export function ourOptions({ issuer, audience, typ, jwks }) {
  return { issuer, audience, typ, jwks, leewaySeconds: LEEWAY_SECONDS };
}

export function awsVerifier({ issuer, audience, typ, jwks }) {
  const verifier = JwtVerifier.create({
    issuer,
    audience,
    jwksUri: `${issuer}/.well-known/jwks.json`,
    graceSeconds: LEEWAY_SECONDS,
    customJwtCheck({ header }) {
      if (header.typ !== typ) throw new Error("typ");
    },
  });
  verifier.cacheJwks(jwks);
  return verifier;
}

const WEBCRYPTO = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};
