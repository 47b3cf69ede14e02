import { AuthError } from "./error.js";

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
export async function readSession(response: Response): Promise<Session> {
  let body: unknown;
  try {
    body = await response.json();
  } catch (cause) {
    throw new AuthError("UNEXPECTED_ANSWER", response.status, "The server's answer is not JSON.", { cause });
  }
  const user = member(body, "user");
  const id = member(user, "id");
  const email = member(user, "email");
  const roles = member(user, "roles");
  if (typeof id !== "string" || typeof email !== "string" || !Array.isArray(roles)) {
    throw new AuthError("UNEXPECTED_ANSWER", response.status, "The server's answer names no user.");
  }
  return {
    user: {
      id,
      email,
      firstName: textOrEmpty(member(user, "firstName")),
      lastName: textOrEmpty(member(user, "lastName")),
      roles: roles.filter((role): role is string => typeof role === "string"),
    },
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textOrEmpty(value: unknown): string {
  return typeof value === "string" ? value : "";
}
