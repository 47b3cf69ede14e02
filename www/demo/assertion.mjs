// Who is asking? This is the part to copy into an app of one's own.
//
// The edge sends every request on with a header `Edgeward-Assertion`: a JWT of at most a minute, signed with the edge's
// own key, whose public half is in the issuer's key set. Only that signature proves that a request came through the
// gate. The readable headers beside it (`Edgeward-User`, `Edgeward-Roles`, …) are a convenience for apps that nothing
// but the edge can reach; anybody who reaches this port directly can type them, so this app never reads them.
//
// A real app would rather call `createVerifier({ issuer, audience, jwksUri, typ: "edge+jwt" })` of the npm package
// `edgeward`. Here it is spelled out, with nothing but Node.

import { createPublicKey, verify } from "node:crypto";

/** Between this machine's clock and the edge's. */
const LEEWAY_SECONDS = 30;

/** An unknown key may be a new edge, or a stranger who makes names up; the latter must not make us ask all day. */
const REFETCH_SECONDS = 5;

/** Longer than any assertion with its claims, short enough that refusing it costs nothing. */
const MAX_LENGTH = 8192;

/** The request carries no assertion, or one that proves nothing. */
export class Refused extends Error {}

/** The keys that edges sign assertions with, fetched when needed. */
export class EdgeKeys {
  #byId = new Map();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #fetching;

  constructor(url) {
    this.url = url;
  }

  /** The key called `kid`, or `undefined`. Throws if the key set cannot be fetched. */
  async get(kid) {
    if (!this.#byId.has(kid) && Date.now() - this.#fetchedAt > REFETCH_SECONDS * 1000) {
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
      await this.#fetching;
    }
    return this.#byId.get(kid);
  }

  async #fetch() {
    const response = await fetch(this.url, { signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(`${this.url} answered ${response.status}`);
    const { keys } = await response.json();
    this.#byId = new Map(
      keys
        // The issuer's other keys sign access tokens. They must not sign assertions, so they are not even kept.
        .filter((key) => key.kty === "OKP" && key.crv === "Ed25519" && key.edgeward_typ === "edge+jwt")
        .map((key) => [key.kid, createPublicKey({ key, format: "jwk" })]),
    );
    this.#fetchedAt = Date.now();
  }
}

/** The claims of a request's assertion; `leewaySeconds` is another number in tests only. Throws `Refused` unless every check holds. */
export async function verifyAssertion(token, { keys, issuer, audience, leewaySeconds = LEEWAY_SECONDS }) {
  if (token === undefined) throw new Refused("no assertion");
  if (token.length > MAX_LENGTH) throw new Refused("too long");
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token);
  if (parts === null) throw new Refused("not a compact JWS");
  const [, header, payload, signature] = parts;

  // The header says which key, never which algorithm we should believe in: that is settled here.
  const { alg, typ, kid } = parse(header);
  if (alg !== "EdDSA") throw new Refused("algorithm");
  if (typ !== "edge+jwt") throw new Refused("type");
  const key = await keys.get(kid);
  if (key === undefined) throw new Refused("unknown key");
  if (!verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))) {
    throw new Refused("signature");
  }

  const claims = parse(payload);
  if (claims.iss !== issuer) throw new Refused("issuer");
  if (![claims.aud].flat().includes(audience)) throw new Refused("audience");
  if (!(claims.exp + leewaySeconds > Date.now() / 1000)) throw new Refused("expired");
  return claims;
}

function parse(part) {
  let value;
  try {
    value = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    throw new Refused("not JSON");
  }
  if (typeof value !== "object" || value === null) throw new Refused("not an object");
  return value;
}
