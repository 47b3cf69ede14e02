// The types of the package.

import type { Session } from "./session.js";

export interface AuthClientOptions {
  /** The site's origin, as in `location.origin`; the issuer's paths (`/auth/…`) are taken from there. */
  readonly baseUrl: string | URL;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

export interface Registration extends Credentials {
  readonly firstName: string;
  readonly lastName: string;
}

/** What to do after it has succeeded. */
export interface Afterwards {
  /** Leads the person there. Only a path of this site survives; anything else becomes `/`. */
  readonly returnTo?: string;
}

export interface AuthClient {
  /** @throws {AuthError} `INVALID_CREDENTIALS`, `ACCOUNT_LOCKED`, … */
  signIn(credentials: Credentials, afterwards?: Afterwards): Promise<Session>;
  /**
   * The new session; `null` where a mail tells how to go on, which is sent whether the address is new or not.
   * @throws {AuthError} `WEAK_PASSWORD`, …
   */
  signUp(registration: Registration, afterwards?: Afterwards): Promise<Session | null>;
  /** Ends the session on this device, in all its tabs. Having none is not an error. */
  signOut(afterwards?: Afterwards): Promise<void>;
  /**
   * Ends the person's sessions on all devices, and with `exceptCurrent` on all others.
   * @throws {AuthError} `NOT_SIGNED_IN` where the person has not been at the sign-in for half an hour, and
   * `STEP_UP_REQUIRED`: both mean to prove the password first, and nothing has ended
   */
  signOutEverywhere(options?: Afterwards & { readonly exceptCurrent?: boolean }): Promise<void>;
  /**
   * Who is signed in, or `null`. Asks the issuer; calls at the same time share one answer.
   * @throws {AuthError} if that could not be found out. It says nothing about the session: do not treat it as `null`.
   */
  session(): Promise<Session | null>;
  /**
   * Calls `listener` once each time that another answer of `session()` is known, also through another tab: a sign-in, a
   * sign-out, another person, another name or role. The first answer of `session()` is no change; the next one after a
   * failure is told, and asked for again until it is there.
   * @returns ends that
   */
  onChange(listener: (session: Session | null) => void): () => void;
  /**
   * `fetch` for the protected site: sends the cookies, adds `X-CSRF-Token` to unsafe methods, and after a 401 refreshes
   * the session once and repeats the request once; where another tab refreshes at this moment, it waits for that tab's
   * cookies instead, and refreshes itself if they do not come. Paths are resolved against `baseUrl`. As with `fetch`, a refusal
   * is an ordinary response.
   *
   * A redirect of an unsafe method is not followed, because it could take the token and the body to another site: `fetch` rejects it
   * with its `TypeError`, when the app may have acted already. With `redirect: "manual"` it is an opaque-redirect response; an app that wants
   * to say where to go on answers 2xx and names the place in it.
   * @throws {TypeError} if the address is of another origin, which must never get the CSRF token
   * @throws {AuthError} if the session could not be renewed and yet is not known to be over
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
}
