// Uses that must not compile; `tsc -p test` fails when one of them does.

import { AuthError, createAuthClient, type Session } from "@edgeward/client";
import { confirmFirst, fillAgain } from "@edgeward/client/forms";
import { useAuth } from "@edgeward/client/react";

const client = createAuthClient({ baseUrl: "https://app.example" });

// @ts-expect-error: a client belongs to a site
createAuthClient();

// @ts-expect-error: a misspelt option
createAuthClient({ baseURL: "https://app.example" });

// @ts-expect-error: what tests put in the page's place is not for apps
createAuthClient({ baseUrl: "https://app.example", fetch: globalThis.fetch });

// @ts-expect-error: nor is the module that takes it
void import("@edgeward/client/dist/client.js");

// @ts-expect-error: session() is awaited
void client.session().user;

// @ts-expect-error: nobody may be signed in
void (await client.session()).user;

// @ts-expect-error: where mail is configured, a registration signs nobody in
void (await client.signUp({ email: "", password: "", firstName: "", lastName: "" })).user;

// @ts-expect-error: a password is needed
void client.signIn({ email: "ada@example.test" });

// @ts-expect-error: a session is read, not written
(null as unknown as Session).user.roles.push("admin");

// @ts-expect-error: there is no token to be had
void (null as unknown as Session).accessToken;

// @ts-expect-error: details have no known shape
void new AuthError("CODE", 400, "…").details["attemptsLeft"].toFixed();

// @ts-expect-error: whether somebody is signed in is asked first
void useAuth(client).session.user;

// @ts-expect-error: whose form it is has to be known
void fillAgain(document.forms[0]);

// @ts-expect-error: the answer decides, and not the app
void confirmFirst(client, document.createElement("form"), true);
