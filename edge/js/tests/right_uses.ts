// Uses that must compile: what the README shows, and what the types promise.

import { createVerifier, EdgewardError, type Claims, type EdgewardErrorCode, type Verifier, type VerifierOptions } from "edgeward";
import { edgeward as forExpress } from "edgeward/express";
import { edgeward as forHono, type EdgewardVariables } from "edgeward/hono";
import { edgeward as forNext } from "edgeward/next";
import { Hono } from "hono";

const shared = { issuer: "https://issuer.example", audience: "https://app.example" };

export const fromAddress: Promise<Verifier> = createVerifier({ ...shared, jwksUri: new URL("https://issuer.example/jwks.json") });
export const fromText: VerifierOptions = { ...shared, jwksUri: "https://issuer.example/jwks.json", typ: "JWT", leewaySeconds: 0 };
export const fromSet: VerifierOptions = { ...shared, jwks: { keys: [{ kty: "EC", crv: "P-256", x: "…", y: "…" }] } };
export const fromPem: VerifierOptions = { ...shared, publicKey: "-----BEGIN PUBLIC KEY-----…", keyId: "required" };
export const forAnyone: VerifierOptions = { ...shared, audience: null, jwks: { keys: [] } };
export const forSome: VerifierOptions = { ...shared, audience: ["one", "two"] as const, jwks: { keys: [] } };

export async function status(verifier: Verifier, header: string | null): Promise<200 | 401 | 503> {
  try {
    const claims: Claims = await verifier.verifyToken(header ?? "");
    const { iss, exp }: { iss: string; exp: number } = claims;
    const subject: string | undefined = verifier.verifyTokenSync(header ?? "").sub;
    const department: unknown = claims["department"];
    return iss === subject && exp > 0 && department === "x" ? 200 : 401;
  } catch (error) {
    if (!(error instanceof EdgewardError)) throw error;
    return blames(error.code) ? 401 : 503;
  }
}

/** Names every code: a new one must be looked at here. */
export function blames(code: EdgewardErrorCode): boolean {
  switch (code) {
    case "TOKEN_EXPIRED":
    case "TOKEN_NOT_YET_VALID":
    case "INVALID_TOKEN":
    case "UNKNOWN_KEY":
      return true;
    case "KEYS_UNAVAILABLE":
    case "WASM_UNAVAILABLE":
    case "CRYPTO_UNAVAILABLE":
    case "INVALID_OPTIONS":
      return false;
  }
}

export const app = new Hono<{ Variables: EdgewardVariables }>();
app.use("/app/*", forHono(shared));
app.get("/app", (context) => {
  const { sub, roles }: Claims = context.get("identity");
  return context.text(`${sub} ${roles?.includes("admin")}`);
});

// Where the app says nothing, its middleware does.
export const plain = new Hono();
const api = new Hono().use(forHono(shared)).get("/who", (context) => {
  const { sub, roles } = context.get("identity");
  return context.json({ sub, roles });
});
plain.route("/api", api);
plain.get("/", forHono({ ...shared, optional: true }), (context) => {
  const identity: Claims | undefined = context.get("identity");
  return context.text(`Hello, ${identity?.name ?? "stranger"}`);
});
plain.get("/who", forHono({ ...shared, optional: false }), (context) => context.text(String(context.get("identity").sub)));

// One that says that strangers may come knows more behind the middleware that lets none in.
export const open = new Hono<{ Variables: Partial<EdgewardVariables> }>();
open.use(forHono({ ...shared, optional: true }));
open.get("/", (context) => context.text(context.get("identity")?.sub ?? "stranger"));
open.get("/who", forHono(shared), (context) => context.text(String(context.get("identity").sub)));

export const middleware: (request: never, response: never, next: () => void) => void = forExpress({ ...shared, jwks: { keys: [] }, optional: true });

export const gate = forNext({ ...shared, jwksUri: new URL("https://issuer.example/jwks.json"), leewaySeconds: 0 });
export const GET = gate.handler(async (request, identity, { params }: { params: Promise<{ id: string }> }) =>
  Response.json([request.url, identity.sub, (await params).id]),
);
