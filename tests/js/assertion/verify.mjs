// Reads `{token, key, issuer, audience, now}` from standard input, has jose and our own package judge the assertion, and prints the claims
// that both found.

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { createVerifier } from "edgeward";
import { importJWK, jwtVerify } from "jose";

const { token, key, issuer, audience, now } = JSON.parse(await text(process.stdin));
const { payload } = await jwtVerify(token, await importJWK(key, "EdDSA"), {
  issuer,
  audience,
  typ: "edge+jwt",
  algorithms: ["EdDSA"],
  requiredClaims: ["sub", "iat", "exp"],
  currentDate: new Date(now * 1000),
});

// It goes by the machine's clock and takes no other; a story that has this judged begins at the present and stays there.
const ours = { issuer, audience, jwks: { keys: [{ ...key, edgeward_typ: "edge+jwt" }] } };
const verifier = await createVerifier({ ...ours, typ: "edge+jwt" });
const claims = await verifier.verifyToken(token);
assert.deepEqual({ ...claims }, payload);
// As an access token it is none.
const other = await createVerifier(ours);
await assert.rejects(other.verifyToken(token));
console.log(JSON.stringify(payload));
