import { CsrfToken } from "./csrf.js";
import { AuthError, readProblem } from "./error.js";
import { readSession, type Session } from "./session.js";

export interface AuthClientOptions {
  /** The site's origin, as in `location.origin`; the issuer's paths (`/auth/…`) are taken from there. */
  readonly baseUrl: string | URL;
  /** Another `fetch`, for tests. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

export interface Registration extends Credentials {
  readonly firstName: string;
  readonly lastName: string;
}

export interface AuthClient {
  /** @throws {AuthError} `INVALID_CREDENTIALS`, `ACCOUNT_LOCKED`, … */
  signIn(credentials: Credentials): Promise<Session>;
  /**
   * The new session; `null` where a mail tells how to go on, which is sent whether the address is new or not.
   * @throws {AuthError} `WEAK_PASSWORD`, …
   */
  signUp(registration: Registration): Promise<Session | null>;
  /** Ends the session on this device. Having none is not an error. */
  signOut(): Promise<void>;
  /** Who is signed in, or `null`. */
  session(): Promise<Session | null>;
  /**
   * `fetch` for the protected site: sends the cookies, adds `X-CSRF-Token` to unsafe methods, and after a 401 refreshes
   * the session once and repeats the request once; where another tab refreshes at this moment, it waits for that tab's
   * cookies instead, and refreshes itself if they do not come. Paths are resolved against `baseUrl`. As with `fetch`, a refusal is
   * an ordinary response.
   * @throws {TypeError} if the address is of another origin, which must never get the CSRF token
   * @throws {AuthError} if the session could not be renewed and yet is not known to be over
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
}

/** Longer than any honest answer of the issuer, short enough that a person still waits for it. */
const ISSUER_TIMEOUT_MS = 10_000;

/** How long to wait before the cookies of another tab's refresh are there, where the issuer does not say. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** The methods that change nothing and need no CSRF token (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** What came of a refresh: done here, being done by another tab, or the session is over. */
type Renewal = "done" | "elsewhere" | "over";

export function createAuthClient(options: AuthClientOptions): AuthClient {
  return new CookieClient(options);
}

class CookieClient implements AuthClient {
  readonly #base: URL;
  readonly #send: typeof globalThis.fetch;
  readonly #csrf = new CsrfToken(() => this.#issuer("GET", "/auth/csrf"));
  #refreshing: Promise<Renewal> | undefined;
  /** Counts the refreshes that succeeded, so that a request which began before one does not ask for another. */
  #generation = 0;

  constructor(options: AuthClientOptions) {
    this.#base = new URL(options.baseUrl);
    // `fetch` must be called on the global object, not on this one.
    this.#send = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  async signIn({ email, password }: Credentials): Promise<Session> {
    return this.#entered(await this.#ask("/auth/login", { email, password }));
  }

  async signUp({ email, password, firstName, lastName }: Registration): Promise<Session | null> {
    const response = await this.#ask("/auth/register", { email, password, firstName, lastName });
    return response.status === 202 ? null : this.#entered(response);
  }

  async signOut(): Promise<void> {
    const response = await this.#withCsrf((token) => this.#issuer("POST", "/auth/logout", token));
    this.#csrf.forget();
    // 401: there was no session to end.
    if (!response.ok && response.status !== 401) throw await AuthError.fromResponse(response);
  }

  async session(): Promise<Session | null> {
    const response = await this.#refreshedOn401(() => this.#issuer("GET", "/auth/me"));
    if (response.status === 401) return null;
    if (!response.ok) throw await AuthError.fromResponse(response);
    return readSession(response);
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input instanceof Request ? input : new URL(input, this.#base), {
      credentials: "include",
      ...init,
    });
    if (new URL(request.url).origin !== this.#base.origin) {
      throw new TypeError(`This client speaks to ${this.#base.origin} only.`);
    }
    // Each attempt sends a copy, because a body can be read only once.
    if (SAFE_METHODS.has(request.method)) return this.#refreshedOn401(() => this.#send(request.clone()));
    return this.#refreshedOn401(() =>
      this.#withCsrf((token) => {
        const attempt = request.clone();
        attempt.headers.set("x-csrf-token", token);
        return this.#send(attempt);
      }),
    );
  }

  async #ask(path: string, body: object): Promise<Response> {
    const response = await this.#withCsrf((token) => this.#issuer("POST", path, token, body));
    if (!response.ok) throw await AuthError.fromResponse(response);
    return response;
  }

  #entered(response: Response): Promise<Session> {
    // The token is bound to the session, and the session is another one now.
    this.#csrf.forget();
    return readSession(response);
  }

  /**
   * Runs `attempt`; after a 401 refreshes and runs it once more. The second answer stands, whatever it is, unless another
   * tab was said to refresh and left no new cookies: its answer may be lost, so then this one asks once more.
   */
  async #refreshedOn401(attempt: () => Promise<Response>): Promise<Response> {
    const generation = this.#generation;
    const first = await attempt();
    if (first.status !== 401) return first;
    const renewal = generation === this.#generation ? await this.#refresh() : "done";
    if (renewal === "over") return first;
    const second = await attempt();
    if (renewal === "done" || second.status !== 401) return second;
    const again = await this.#refresh();
    if (again === "elsewhere") {
      throw new AuthError("REFRESH_IN_PROGRESS", 409, "The session is being renewed elsewhere.");
    }
    return again === "done" ? attempt() : second;
  }

  /** One refresh at a time: whoever comes meanwhile waits for its outcome. */
  #refresh(): Promise<Renewal> {
    this.#refreshing ??= this.#refreshNow().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refreshNow(): Promise<Renewal> {
    const response = await this.#withCsrf((token) => this.#issuer("POST", "/auth/refresh", token));
    // A refresh sets a new CSRF cookie, another tab's too, and an ended session leaves no use for the old one.
    this.#csrf.forget();
    if (response.ok) {
      this.#generation += 1;
      return "done";
    }
    // Only a 401 says that the session is over. A person must not be sent to sign in because a server was busy.
    if (response.status === 401) return "over";
    if (response.status !== 409) throw await AuthError.fromResponse(response);
    await new Promise((resolve) => setTimeout(resolve, retryAfter(response)));
    return "elsewhere";
  }

  /** Runs `attempt` with the CSRF token; if the token is refused as stale, once more with a fresh one. */
  async #withCsrf(attempt: (token: string) => Promise<Response>): Promise<Response> {
    const token = await this.#csrf.get();
    const response = await attempt(token);
    if (response.status !== 403) return response;
    const problem = await readProblem(response.clone());
    if (problem?.code !== "CSRF_INVALID") return response;
    await this.#csrf.forgetValue(token);
    return attempt(await this.#csrf.get());
  }

  async #issuer(method: string, path: string, csrf?: string, body?: object): Promise<Response> {
    const headers = new Headers({ accept: "application/json" });
    if (csrf !== undefined) headers.set("x-csrf-token", csrf);
    if (body !== undefined) headers.set("content-type", "application/json");
    try {
      return await this.#send(new URL(path, this.#base), {
        method,
        headers,
        credentials: "include",
        cache: "no-store",
        signal: AbortSignal.timeout(ISSUER_TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new AuthError("UNREACHABLE", 0, "The sign-in service could not be reached.", { cause });
    }
  }
}

/** `Retry-After` in milliseconds, at most as long as an answer may take. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds * 1_000, ISSUER_TIMEOUT_MS) : DEFAULT_RETRY_AFTER_MS;
}
