import { unexpected } from "./error.js";
import { members, type Answer } from "./http.js";

/** The person who is signed in. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly roles: readonly string[];
}

/** What the issuer says about the present session. */
export interface Session {
  readonly user: User;
}

/** Takes the `user` member of an answer of the issuer; anything else in the answer is left out. */
export function readSession({ body, status }: Answer): Session {
  const { id, email, roles, firstName, lastName } = members(members(body)?.["user"]) ?? {};
  if (typeof id !== "string" || typeof email !== "string" || !Array.isArray(roles)) {
    throw unexpected(status, "The server's answer names no user.");
  }
  return {
    user: {
      id,
      email,
      firstName: typeof firstName === "string" ? firstName : "",
      lastName: typeof lastName === "string" ? lastName : "",
      roles: roles.filter((role): role is string => typeof role === "string"),
    },
  };
}

/** For how long the access token counts from the answer on, in milliseconds; `undefined` where the answer does not say. */
export function readLife({ body }: Answer): number | undefined {
  const seconds = members(body)?.["expiresIn"];
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}
