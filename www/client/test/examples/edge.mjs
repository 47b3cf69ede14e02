// An edge for the examples of apps: the key set with its key, and the assertions that it signs.

import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { listen } from "./quick_start.mjs";

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export const AUDIENCE = "https://app.example";

export async function serveEdge() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = { ...publicKey.export({ format: "jwk" }), kid: "edge-1", alg: "EdDSA", use: "sig", edgeward_typ: "edge+jwt" };
  const server = await listen(
    createServer(({ url }, response) => {
      response.statusCode = url === "/.well-known/jwks.json" ? 200 : 404;
      response.end(JSON.stringify({ keys: [key] }));
    }),
  );
  const issuer = `http://127.0.0.1:${server.address().port}`;
  return {
    issuer,
    /** What the edge sends an app about Ada. */
    headers(claims = {}) {
      const now = Math.floor(Date.now() / 1_000);
      const header = encode({ alg: "EdDSA", kid: key.kid, typ: "edge+jwt" });
      const ada = { sub: "u1", name: "Ada", roles: ["admin"] };
      const payload = encode({ iss: issuer, aud: AUDIENCE, iat: now, exp: now + 60, ...ada, ...claims });
      const signature = sign(null, Buffer.from(`${header}.${payload}`), privateKey).toString("base64url");
      return { "edgeward-assertion": `${header}.${payload}.${signature}` };
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
