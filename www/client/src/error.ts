import type { Answer } from "./http.js";

/** What the issuer or the edge answered, or why there was no answer. */
export class AuthError extends Error {
  override readonly name = "AuthError";
  /** In how many seconds to ask again, where the answer said so (`Retry-After`). */
  readonly retryAfter: number | undefined;
  /** The other members of the problem document, such as `attemptsLeft`. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param code   the stable code of the problem document (`INVALID_CREDENTIALS`, `ACCOUNT_LOCKED`, …), or one of this
   *               package's own: `UNREACHABLE` (no answer at all) and `UNEXPECTED_ANSWER` (not what the API promises)
   * @param status the HTTP status; 0 when there was no answer
   * @param message a sentence in English that may be shown to people
   */
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    more: ErrorOptions & { readonly retryAfter?: number | undefined; readonly details?: Readonly<Record<string, unknown>> | undefined } = {},
  ) {
    super(message, more);
    this.retryAfter = more.retryAfter;
    this.details = more.details ?? {};
  }
}

/** The error that a refusal is: its problem document (RFC 9457), or `UNEXPECTED_ANSWER` for any other body. */
export function refusal({ status, problem, retryAfter }: Answer): AuthError {
  const text = (name: string) => (typeof problem?.[name] === "string" ? problem[name] : undefined);
  return new AuthError(
    text("code") ?? "UNEXPECTED_ANSWER",
    status,
    text("detail") ?? text("title") ?? `The server answered with status ${status}.`,
    { retryAfter, details: problem },
  );
}

/** An answer of success that is not what the API promises. */
export function unexpected(status: number, message: string): AuthError {
  return new AuthError("UNEXPECTED_ANSWER", status, message);
}
