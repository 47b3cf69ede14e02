// Uses that must compile: what the README shows, and what the types promise.

import {
  AuthError,
  createAuthClient,
  returnTo,
  signInPage,
  type AuthClient,
  type AuthClientOptions,
  type Credentials,
  type Registration,
  type Session,
  type User,
} from "@edgeward/client";
import { confirmFirst, fillAgain } from "@edgeward/client/forms";
import { useAuth, type AuthState } from "@edgeward/client/react";

export const options: AuthClientOptions = { baseUrl: new URL("https://app.example") };
export const client: AuthClient = createAuthClient({ baseUrl: "https://app.example" });

export async function use(credentials: Credentials, registration: Registration): Promise<string> {
  const entered: Session = await client.signIn(credentials);
  await client.signIn(credentials, { returnTo: returnTo("/app") });
  const registered: Session | null = await client.signUp(registration);
  const session: Session | null = await client.session();
  const user: User | undefined = session?.user;
  const end: () => void = client.onChange((session: Session | null) => void session?.user.roles.includes("admin"));
  end();
  const response: Response = await client.fetch("/api/orders", { method: "POST", body: "…" });
  await client.fetch(new URL("https://app.example/api"));
  await client.fetch(new Request("https://app.example/api"));
  await client.signOut();
  await client.signOut({ returnTo: "/" });
  await client.signOutEverywhere();
  await client.signOutEverywhere({ exceptCurrent: true, returnTo: "/" });
  return `${entered.user.id}${registered?.user.email}${user?.firstName}${response.status}${signInPage()}${signInPage("/app")}`;
}

export function explain(error: unknown): string {
  if (!(error instanceof AuthError)) throw error;
  const { code, status, message, retryAfter, details }: AuthError = error;
  const left: unknown = details["attemptsLeft"];
  return `${code} ${status} ${message} ${(retryAfter ?? 0) * 1_000} ${typeof left === "number" ? left : ""}`;
}

export async function send(form: HTMLFormElement): Promise<boolean> {
  const wasKept: boolean = await fillAgain(client, form);
  const response = await client.fetch(form.action, { method: "POST", body: new URLSearchParams({ to: "Bo" }) });
  const isLedAway: boolean = await confirmFirst(client, form, response);
  return wasKept || isLedAway;
}

/** Names every state: a new one must be looked at here. */
export function greeting(): string {
  const auth: AuthState = useAuth(client);
  switch (auth.status) {
    case "loading":
      return "…";
    case "signed-in":
      return auth.session.user.firstName;
    case "signed-out":
      return "Sign in";
    case "unavailable":
      return String(auth.error);
  }
}
