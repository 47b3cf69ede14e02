// The contenders that Node has besides: those that need its own cryptography, and so verify without waiting.

import { createVerifier as createFastVerifier } from "fast-jwt";
import { awsVerifier, contenders, LEEWAY_SECONDS } from "./contenders.mjs";

const fast = (cache) => ({
  async make({ algorithm, issuer, audience, typ, publicPem }) {
    const verify = createFastVerifier({
      key: publicPem,
      algorithms: [algorithm],
      allowedIss: issuer,
      allowedAud: audience,
      checkTyp: typ,
      requiredClaims: ["exp"],
      clockTolerance: LEEWAY_SECONDS * 1000,
      cache,
    });
    return { sync: true, verify };
  },
});

export const nodeContenders = {
  edgeward: contenders.edgeward,
  edgewardSync: contenders.edgewardSync,
  jose: contenders.jose,
  fast: { title: "fast-jwt", ...fast(false) },
  fastCached: { title: "fast-jwt with its cache", enters: "seen", ...fast(true) },
  awsSync: {
    title: "aws-jwt-verify verifySync",
    async make(set) {
      const verifier = awsVerifier(set);
      return { sync: true, verify: (token) => verifier.verifySync(token) };
    },
  },
  hono: contenders.hono,
};
