/**
 * Why a token was refused, a key set could not be had, or an option was wrong.
 *
 * An error says who must act: `INVALID_OPTIONS` the programmer, `KEYS_UNAVAILABLE`, `WASM_UNAVAILABLE` and
 * `CRYPTO_UNAVAILABLE` whoever runs the key set, ships the files or serves the page, everything else the sender of the
 * token. It never carries token bytes.
 */
export type EdgewardErrorCode =
  /** Past its `exp`. Ask for a fresh one. */
  | "TOKEN_EXPIRED"
  /** Its `nbf` or `iat` lies in the future. */
  | "TOKEN_NOT_YET_VALID"
  /** Not a token this verifier accepts: form, algorithm, signature, issuer, audience or type. */
  | "INVALID_TOKEN"
  /** Its `kid` is not in the key set, also after the one refetch that an unknown `kid` may cause. */
  | "UNKNOWN_KEY"
  /** No usable key set is at hand. Says nothing about the token. */
  | "KEYS_UNAVAILABLE"
  /** The WebAssembly file could not be loaded. Says nothing about the token. */
  | "WASM_UNAVAILABLE"
  /**
   * ES256 and RS256 need `crypto.subtle`, and it is not there (an insecure context), or it failed before it looked at the key.
   * Says nothing about the token.
   */
  | "CRYPTO_UNAVAILABLE"
  /** `createVerifier` was called wrongly. Never depends on a token. */
  | "INVALID_OPTIONS";

/** The reasons that are the package's own; all others are the core's. docs/VERIFICATION.md tells what each means, and a test holds it to this list. */
export type PackageReason =
  | "token-not-text"
  | "alg-needs-verify-token"
  | "keys-not-loaded"
  | "key-set-unreachable"
  | "key-set-timeout"
  | "key-set-status"
  | "key-set-redirected"
  | "key-set-other-tag"
  | "key-set-fetch-failed"
  | "no-web-crypto"
  | "key-not-imported"
  | "wasm-not-loaded";

export class EdgewardError extends Error {
  override readonly name = "EdgewardError";
  /** Stable; safe to branch on. */
  readonly code: EdgewardErrorCode;
  /** The precise rule in kebab-case, for logs: `"audience-mismatch"`, `"duplicate-member"` … */
  readonly reason: string;

  constructor(code: EdgewardErrorCode, reason: string, details?: { message?: string; cause?: unknown }) {
    super(details?.message ?? `${code}: ${reason}`, details?.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = reason;
  }
}
