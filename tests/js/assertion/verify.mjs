// Reads `{token, key, issuer, audience, now}` from standard input, has jose judge the assertion, and prints its claims.

import { text } from "node:stream/consumers";
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
console.log(JSON.stringify(payload));
