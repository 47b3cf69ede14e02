// Uses that must not compile; `tsc -p tests` fails when one of them does.

import { createVerifier, EdgewardError, type Verifier } from "edgeward";
import { edgeward as forExpress } from "edgeward/express";
import { edgeward as forHono, type AppOptions, type EdgewardVariables } from "edgeward/hono";
import { edgeward as forNext } from "edgeward/next";
import { Hono } from "hono";

declare const verifier: Verifier;
const keys = { jwks: { keys: [] } };

// The audience is never optional: leaving it out would accept the tokens of every other service.
// @ts-expect-error
void createVerifier({ issuer: "https://issuer.example", ...keys });

// @ts-expect-error: turning the check off is written as null
void createVerifier({ issuer: "https://issuer.example", audience: undefined, ...keys });

// @ts-expect-error: keys come from exactly one place
void createVerifier({ issuer: "i", audience: "a", jwks: { keys: [] }, jwksUri: "https://issuer.example/jwks.json" });

// @ts-expect-error: keys come from somewhere
void createVerifier({ issuer: "i", audience: "a" });

// @ts-expect-error: a misspelt option
void createVerifier({ issuer: "i", audience: "a", ...keys, leeway: 5 });

// @ts-expect-error: a missing header is not a token
void verifier.verifyToken(new Headers().get("authorization"));

// @ts-expect-error: verifyToken is awaited
void verifier.verifyToken("…").sub;

// @ts-expect-error: claims are read, not written
verifier.verifyTokenSync("…").sub = "eve";

// @ts-expect-error: an unknown claim has no known shape
void verifier.verifyTokenSync("…")["department"].name;

// @ts-expect-error: a code that does not exist
void (new EdgewardError("TOKEN_EXPIRED", "expired").code === "EXPIRED");

// @ts-expect-error: the adapters take no typ; only assertions prove an edge
forHono({ issuer: "i", audience: "a", typ: "at+jwt" });

// @ts-expect-error: where strangers may come, it may be one
new Hono().get("/", forHono({ issuer: "i", audience: "a", optional: true }), (context) => context.json(context.get("identity").sub));

// @ts-expect-error: and where it is not known whether they may
new Hono().get("/", forHono(null as unknown as AppOptions), (context) => context.json(context.get("identity").sub));

// @ts-expect-error: nor do they go without an audience
forExpress({ issuer: "i" });

// @ts-expect-error: a handler answers with a Response
forNext({ issuer: "i", audience: "a" }).handler(() => "ada");
