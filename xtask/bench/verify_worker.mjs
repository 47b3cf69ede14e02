// The Worker of `bench verify`: `POST /` with the fixture, a contender and how many times.

import { createVerifier } from "edgeward";
import * as jose from "jose";

/** Made by the first request: keys are imported once, as a service would. */
let contenders;

export default {
  async fetch(request) {
    const { contender, times, ...fixture } = await request.json();
    contenders ??= await prepare(fixture);
    const verify = contenders[contender];
    if (verify !== undefined) await verify(fixture.token, times);
    return new Response("done");
  },
};

async function prepare({ issuer, audience, jwks, token }) {
  const verifier = await createVerifier({ issuer, audience, jwks });
  const keySet = jose.createLocalJWKSet(jwks);
  const expected = { issuer, audience, typ: "at+jwt", algorithms: ["EdDSA"], requiredClaims: ["exp"], clockTolerance: 60 };
  const key = await crypto.subtle.importKey("jwk", jwks.keys[0], { name: "Ed25519" }, false, ["verify"]);
  const made = {
    async edgeward(token, times) {
      for (let time = 0; time < times; time += 1) verifier.verifyTokenSync(token);
    },
    async jose(token, times) {
      for (let time = 0; time < times; time += 1) await jose.jwtVerify(token, keySet, expected);
    },
    async webcrypto(token, times) {
      const end = token.lastIndexOf(".");
      const signed = new TextEncoder().encode(token.slice(0, end));
      const signature = jose.base64url.decode(token.slice(end + 1));
      for (let time = 0; time < times; time += 1) {
        if (!(await crypto.subtle.verify("Ed25519", key, signature, signed))) throw new Error("refused");
      }
    },
  };
  await proveThatEachVerifies(made, token);
  return made;
}

/** A contender that accepted anything would win every race. */
async function proveThatEachVerifies(made, token) {
  const end = token.lastIndexOf(".");
  const signature = jose.base64url.decode(token.slice(end + 1));
  signature[0] ^= 1;
  const forged = `${token.slice(0, end)}.${jose.base64url.encode(signature)}`;
  for (const [name, verify] of Object.entries(made)) {
    await verify(token, 1);
    const accepted = await verify(forged, 1).then(() => true, () => false);
    if (accepted) throw new Error(`${name} accepts a forged token`);
  }
}
