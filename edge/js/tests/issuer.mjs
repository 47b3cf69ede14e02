// An issuer for the tests: an Ed25519 key, and a key server on loopback that answers what a test tells it to.

import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { AUDIENCE, ISSUER } from "./names.mjs";

export { AUDIENCE, ISSUER };

/** How Node makes keys and signatures of each algorithm. */
const ALGORITHMS = {
  EdDSA: { type: "ed25519", digest: null },
  ES256: { type: "ec", options: { namedCurve: "P-256" }, digest: "sha256" },
  RS256: { type: "rsa", options: { modulusLength: 2048 }, digest: "sha256" },
};

export class SigningKey {
  constructor(kid, alg = "EdDSA") {
    const { type, options } = ALGORITHMS[alg];
    const { publicKey, privateKey } = generateKeyPairSync(type, options);
    this.kid = kid;
    this.alg = alg;
    this.privateKey = privateKey;
    this.pem = publicKey.export({ type: "spki", format: "pem" });
    this.jwk = { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
  }

  /** A good access token at `Date.now()`, with claims replaced. */
  token(claims = {}) {
    const now = Math.floor(Date.now() / 1000);
    const header = encode({ alg: this.alg, kid: this.kid, typ: "at+jwt" });
    const payload = encode({ iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 600, ...claims });
    const input = Buffer.from(`${header}.${payload}`);
    const key = { key: this.privateKey, dsaEncoding: "ieee-p1363" };
    return `${input}.${sign(ALGORITHMS[this.alg].digest, input, key).toString("base64url")}`;
  }
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Answers every request with `answer(response, request)` and counts them. */
export class KeyServer {
  requests = 0;
  /** What the requests were conditional on. */
  conditions = [];

  static async start(answer) {
    const server = new KeyServer();
    server.answer = answer;
    server.http = createServer((request, response) => {
      server.requests += 1;
      server.conditions.push(request.headers["if-none-match"]);
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

/** A key server that knows whether its set has changed. */
export function serveTagged(entityTag, ...keys) {
  const whole = serve(...keys);
  return (response, request) => {
    if (request.headers["if-none-match"] === entityTag) return response.writeHead(304, { etag: entityTag }).end();
    response.setHeader("etag", entityTag);
    return whole(response);
  };
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
