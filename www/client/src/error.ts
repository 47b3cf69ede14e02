/** What the issuer or the edge answered, or why there was no answer. */
export class AuthError extends Error {
  override readonly name = "AuthError";

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
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Reads an RFC 9457 problem document; any other body becomes `UNEXPECTED_ANSWER`. Consumes the body. */
  static async fromResponse(response: Response): Promise<AuthError> {
    const problem = await readProblem(response);
    return new AuthError(
      problem?.code ?? "UNEXPECTED_ANSWER",
      response.status,
      problem?.detail ?? problem?.title ?? `The server answered with status ${response.status}.`,
    );
  }
}

interface Problem {
  readonly code?: string | undefined;
  readonly title?: string | undefined;
  readonly detail?: string | undefined;
}

/** The problem document of a refusal, or `undefined` if the body is something else. Consumes the body. */
export async function readProblem(response: Response): Promise<Problem | undefined> {
  const type = response.headers.get("content-type") ?? "";
  if (!/^application\/problem\+json\s*(;|$)/i.test(type)) return undefined;
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  const members = body as Record<string, unknown>;
  const text = (name: string) => (typeof members[name] === "string" ? members[name] : undefined);
  return { code: text("code"), title: text("title"), detail: text("detail") };
}
