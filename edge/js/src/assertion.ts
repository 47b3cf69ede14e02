// What the adapters for frameworks share: who is asking, by the assertion that the edge signed for this app.

import { createVerifier, EdgewardError, type Claims, type JsonWebKeySet, type Verifier } from "edgeward";

export interface AppOptions {
  /** The issuer's address, as in the assertion's `iss`. */
  issuer: string;
  /** This app, as in the edge's `AUDIENCE`. */
  audience: string;
  /** Where the issuer's key set is; default: `/.well-known/jwks.json` at the issuer. */
  jwksUri?: string | URL;
  /** The key set itself, in place of its address. */
  jwks?: JsonWebKeySet;
  /** How far clocks may disagree, in whole seconds from 0 to 300. Default 60. */
  leewaySeconds?: number;
  /**
   * Lets requests without an assertion pass, as the gate forwards those of strangers on public routes; they have no
   * identity. One with a bad assertion is refused all the same. Default `false`.
   */
  optional?: boolean;
}

/** The claims of the assertion: `sub`, `sid`, `roles`, `scope`, `name`, `email` … */
export type Identity = Claims;

/** Why a request is refused; none of it is the person's fault. */
export interface Refusal {
  readonly status: 403 | 503;
  readonly code: "ASSERTION_REQUIRED" | "ASSERTION_INVALID" | "KEYS_UNAVAILABLE";
  /** The precise rule, for logs. */
  readonly reason: string;
}

/** The one header that proves who is asking. */
export const ASSERTION = "edgeward-assertion";

/** What of a request an assertion may be bound to. */
export interface Asked {
  readonly assertion: string | null | undefined;
  readonly method: string;
  /** As it was received, without the query. */
  readonly path: string;
}

export type Verdict = { readonly identity: Identity | undefined } | { readonly refusal: Refusal };

/** Judges requests. */
export class Doorkeeper {
  readonly #options: AppOptions;
  #verifier: Verifier | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
  }

  /**
   * @throws {EdgewardError} `INVALID_OPTIONS`
   */
  async judge({ assertion, method, path }: Asked): Promise<Verdict> {
    // Without a look at the options a wrong one would be found only with the first person who is signed in.
    const verifier = await this.#ready();
    if (!assertion) {
      if (this.#options.optional === true) return { identity: undefined };
      return refuse("ASSERTION_REQUIRED", "no-assertion");
    }
    let identity: Identity;
    try {
      identity = await verifier.verifyToken(assertion);
    } catch (error) {
      if (!(error instanceof EdgewardError)) throw error;
      return refuse(isSenders(error) ? "ASSERTION_INVALID" : "KEYS_UNAVAILABLE", error.reason);
    }
    // On routes with `bind = "request"` it is made for one method and path.
    const isBound = identity["method"] !== undefined || identity["path"] !== undefined;
    if (isBound && (identity["method"] !== method || identity["path"] !== path)) {
      return refuse("ASSERTION_INVALID", "another-request");
    }
    return { identity };
  }

  /** No promise is shared: a Worker forbids waiting for another request's. At worst the first few make one each. */
  async #ready(): Promise<Verifier> {
    if (this.#verifier !== undefined) return this.#verifier;
    const { issuer, audience, jwksUri, jwks, leewaySeconds, optional: _, ...unknown } = this.#options;
    // `null` would take the assertions of every app behind the same issuer.
    if (audience === null) {
      throw new EdgewardError("INVALID_OPTIONS", "audience", { message: "edgeward: \"audience\" must be that of this app" });
    }
    const expected = {
      ...unknown,
      issuer,
      audience,
      typ: "edge+jwt",
      ...(leewaySeconds === undefined ? {} : { leewaySeconds }),
    };
    const made = await (jwks === undefined
      ? createVerifier({ ...expected, jwksUri: jwksUri ?? keySetOf(issuer) })
      : createVerifier({ ...expected, jwks }));
    return (this.#verifier ??= made);
  }
}

function keySetOf(issuer: unknown): string {
  return typeof issuer === "string" ? `${issuer.replace(/\/$/, "")}/.well-known/jwks.json` : "";
}

function isSenders({ code }: EdgewardError): boolean {
  switch (code) {
    case "TOKEN_EXPIRED":
    case "TOKEN_NOT_YET_VALID":
    case "INVALID_TOKEN":
    case "UNKNOWN_KEY":
      return true;
    case "KEYS_UNAVAILABLE":
    case "WASM_UNAVAILABLE":
    case "CRYPTO_UNAVAILABLE":
    case "INVALID_OPTIONS":
      return false;
  }
}

function refuse(code: Refusal["code"], reason: string): Verdict {
  return { refusal: { status: code === "KEYS_UNAVAILABLE" ? 503 : 403, code, reason } };
}

/** A refusal as RFC 9457 has it. The reason is for logs and stays out of it. */
export function problem({ status, code }: Refusal): { body: string; headers: Record<string, string> } {
  const detail =
    status === 503 ? "Who is asking could not be found out now." : "This request does not prove that it came through the gate.";
  return {
    body: JSON.stringify({ type: "about:blank", title: status === 503 ? "Service Unavailable" : "Forbidden", status, code, detail }),
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(status === 503 ? { "retry-after": "1" } : {}),
    },
  };
}

/** The same as a `Response`. */
export function refused(refusal: Refusal): Response {
  const { body, headers } = problem(refusal);
  return new Response(body, { status: refusal.status, headers });
}

/** What there is to judge of a `Request`. */
export function askedBy(request: Request): Asked {
  return { assertion: request.headers.get(ASSERTION), method: request.method, path: new URL(request.url).pathname };
}
