/**
 * `@edgeward/client`: signs a browser in and out behind Edgeward and keeps its requests signed in.
 *
 * It never sees a token: they travel in `HttpOnly` cookies, and this package only asks for them to be set, renewed and
 * dropped. It keeps nothing in `localStorage`. Two tabs do not know of each other's refresh, and nothing is refreshed
 * before it expires.
 */
export { createAuthClient } from "./client.js";
export type { AuthClient, AuthClientOptions, Credentials, Registration } from "./client.js";
export { AuthError } from "./error.js";
export type { Session, User } from "./session.js";
