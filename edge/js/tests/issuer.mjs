// An issuer for the tests: an Ed25519 key, and a key server on loopback that answers what a test tells it to.

import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { AUDIENCE, ISSUER } from "./names.mjs";

export { AUDIENCE, ISSUER };

export class SigningKey {
  constructor(kid) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.kid = kid;
    this.privateKey = privateKey;
    this.pem = publicKey.export({ type: "spki", format: "pem" });
    this.jwk = { ...publicKey.export({ format: "jwk" }), kid, alg: "EdDSA", use: "sig" };
  }

  /** A good access token at `Date.now()`, with claims replaced. */
  token(claims = {}) {
    const now = Math.floor(Date.now() / 1000);
    const header = encode({ alg: "EdDSA", kid: this.kid, typ: "at+jwt" });
    const payload = encode({ iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 600, ...claims });
    const signature = sign(null, Buffer.from(`${header}.${payload}`), this.privateKey).toString("base64url");
    return `${header}.${payload}.${signature}`;
  }
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Answers every request with `answer(response)` and counts them. */
export class KeyServer {
  requests = 0;

  static async start(answer) {
    const server = new KeyServer();
    server.answer = answer;
    server.http = createServer((request, response) => {
      server.requests += 1;
      server.answer(response, request);
    });
    await new Promise((resolve) => server.http.listen(0, "127.0.0.1", resolve));
    server.uri = `http://127.0.0.1:${server.http.address().port}/jwks.json`;
    return server;
  }

  async stop() {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}

/** The answer of a healthy key server. */
export function serve(...keys) {
  const body = JSON.stringify({ keys: keys.map((key) => key.jwk) });
  return (response) => response.end(body);
}

/** The error that `work` ends with, as `{ code, reason }`. */
export async function refusal(work) {
  try {
    await work();
  } catch (error) {
    if (error?.name !== "EdgewardError") throw error;
    return { code: error.code, reason: error.reason };
  }
  return "accepted";
}
