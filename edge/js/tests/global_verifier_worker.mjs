// A Worker that makes its verifier in the global scope, as users do. `JWKS_URI` is put in by the test.

import { createVerifier } from "edgeward";
import { AUDIENCE, ISSUER } from "./names.mjs";

const verifier = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwksUri: JWKS_URI });

export default {
  /** `POST /` with a token; answers `accepted` or the code. `POST /sync` does not wait for keys. */
  async fetch(request) {
    const token = await request.text();
    try {
      if (new URL(request.url).pathname === "/sync") verifier.verifyTokenSync(token);
      else await verifier.verifyToken(token);
      return new Response("accepted");
    } catch (error) {
      return new Response(error.code ?? String(error));
    }
  },
};
