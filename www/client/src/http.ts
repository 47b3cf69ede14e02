import { AuthError } from "./error.js";
import type { World } from "./world.js";

/** Longer than any honest answer of the issuer, short enough that a person still waits for it. */
const TIMEOUT_MS = 10_000;

/** An answer of the issuer, read to its end. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  /** The JSON of the body; `undefined` if it is none. */
  readonly body: unknown;
  /** The body as a problem document (RFC 9457), if it is one. */
  readonly problem: Problem | undefined;
  /** In how many seconds the answer says to come back, counted from its arrival. */
  readonly retryAfter: number | undefined;
}

/** The members of a problem document; `code` is the one to branch on. */
export type Problem = Readonly<Record<string, unknown>>;

/** Asks the issuer. */
export class Issuer {
  constructor(
    private readonly base: URL,
    private readonly world: World,
  ) {}

  /** @throws {AuthError} `UNREACHABLE`, also when the answer is not there to its last byte in time */
  async ask(method: string, path: string, csrf?: string, body?: object): Promise<Answer> {
    const headers = new Headers({ accept: "application/json" });
    if (csrf !== undefined) headers.set("x-csrf-token", csrf);
    if (body !== undefined) headers.set("content-type", "application/json");
    const timeout = new AbortController();
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.world.after(TIMEOUT_MS, () => {
        const cause = new DOMException("The answer took too long.", "TimeoutError");
        timeout.abort(cause);
        reject(cause);
      });
    });
    const init: RequestInit = {
      method,
      headers,
      credentials: "include",
      cache: "no-store",
      // None of these resources leads elsewhere; a network that wants to be signed in to does.
      redirect: "error",
      signal: timeout.signal,
      // Of no body this makes none.
      body: JSON.stringify(body),
    };
    try {
      return await Promise.race([this.#read(new URL(path, this.base), init), late]);
    } catch (cause) {
      throw new AuthError("UNREACHABLE", 0, "The sign-in service could not be reached.", { cause });
    } finally {
      cancel();
    }
  }

  async #read(address: URL, init: RequestInit): Promise<Answer> {
    const response = await this.world.fetch(address, init);
    const body = parse(await response.text());
    return {
      ok: response.ok,
      status: response.status,
      body,
      problem: isProblem(response) ? members(body) : undefined,
      retryAfter: retryAfter(response, this.world.now()),
    };
  }
}

/** The problem document of a refusal, or `undefined` if the body is something else. Consumes the body. */
export async function readProblem(response: Response): Promise<Problem | undefined> {
  return isProblem(response) ? members(parse(await response.text().catch(() => ""))) : undefined;
}

/** The members of an object; nothing of anything else. */
export function members(value: unknown): Problem | undefined {
  return typeof value === "object" && value !== null ? (value as Problem) : undefined;
}

function isProblem({ headers }: Response): boolean {
  return /^application\/problem\+json\s*(;|$)/i.test(headers.get("content-type") ?? "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3), in seconds from now. */
function retryAfter({ headers }: Response, now: number): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  const delay = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1_000;
  return Number.isFinite(delay) ? Math.max(delay, 0) : undefined;
}
