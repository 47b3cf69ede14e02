/**
 * `@edgeward/client`: signs a browser in and out behind Edgeward and keeps its requests signed in, in all tabs at once.
 *
 * It never sees a token: they travel in `HttpOnly` cookies, and this package only asks for them to be set, renewed and
 * dropped. What it keeps in `localStorage` is a note of who is signed in and until when, which opens nothing.
 */
import { CookieClient } from "./client.js";
import type { AuthClient, AuthClientOptions } from "./surface.js";
import { thisPage } from "./world.js";

export { AuthError } from "./error.js";
export { returnTo, signInPage } from "./places.js";
export type { Session, User } from "./session.js";
export type { Afterwards, AuthClient, AuthClientOptions, Credentials, Registration } from "./surface.js";

/** Makes the client of this page. Make one and keep it. */
export function createAuthClient({ baseUrl }: AuthClientOptions): AuthClient {
  return new CookieClient(baseUrl, thisPage());
}
