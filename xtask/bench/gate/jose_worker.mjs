// The peer of our Worker: the same gate, as somebody would write it with jose.
//
// It takes the same credentials, checks the same claims, answers `/auth/verify-token` with the same statuses and headers and
// forwards the rest with an identity header. Ours does more: a policy of routes, canonical paths, a signed assertion.

import * as jose from "jose";

const SECURITY = {
  "cache-control": "no-store",
  vary: "Cookie, Authorization",
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "permissions-policy": "geolocation=(), microphone=(), camera=()",
};

const COOKIE = "edgeward-access";

let keys;

export default {
  async fetch(request, env) {
    const id = crypto.randomUUID();
    keys ??= jose.createRemoteJWKSet(new URL("/.well-known/jwks.json", env.ISSUER_ORIGIN));
    let claims;
    try {
      claims = await caller(request, env);
    } catch {
      return refusal(id);
    }
    const { pathname, search } = new URL(request.url);
    if (pathname === "/auth/verify-token") return new Response(null, { status: 204, headers: { ...SECURITY, "x-request-id": id } });
    return forward(request, env.APP_ORIGIN + pathname + search, claims, id);
  },
};

async function caller(request, env) {
  const authorization = request.headers.get("authorization");
  const cookie = fromCookies(request.headers.get("cookie"));
  if (authorization !== null && cookie !== undefined) throw new Error("two credentials");
  const token = cookie ?? /^Bearer ([\w.-]+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) throw new Error("no credential");
  const { payload } = await jose.jwtVerify(token, keys, {
    issuer: env.ISSUER,
    audience: env.AUDIENCE,
    typ: "at+jwt",
    algorithms: ["EdDSA", "ES256", "RS256"],
    requiredClaims: ["exp"],
    clockTolerance: 60,
  });
  return payload;
}

function fromCookies(header) {
  const prefix = `${COOKIE}=`;
  return header
    ?.split("; ")
    .find((pair) => pair.startsWith(prefix))
    ?.slice(prefix.length);
}

function refusal(id) {
  return new Response(JSON.stringify({ type: "about:blank", title: "Sign in.", status: 401, code: "INVALID_TOKEN" }), {
    status: 401,
    headers: { ...SECURITY, "content-type": "application/problem+json", "www-authenticate": "Bearer", "x-request-id": id },
  });
}

async function forward(request, url, claims, id) {
  const headers = new Headers(request.headers);
  headers.delete("cookie");
  headers.set("edgeward-user", claims.sub);
  headers.set("x-request-id", id);
  const answer = await fetch(url, { method: request.method, headers, body: request.body, redirect: "manual" });
  const response = new Response(answer.body, answer);
  for (const [name, value] of Object.entries(SECURITY)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  response.headers.set("cache-control", "private, no-store");
  response.headers.set("x-request-id", id);
  return response;
}
