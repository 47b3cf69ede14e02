// The adapters in their real frameworks: who gets in, who does not, and who is to blame.

import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { once } from "node:events";
import { after, describe, it } from "node:test";
import { edgeward as forExpress } from "edgeward/express";
import { edgeward as forHono } from "edgeward/hono";
import { edgeward as forNext } from "edgeward/next";
import express from "express";
import { Hono } from "hono";
import { AUDIENCE, ISSUER, KeyServer, SigningKey, serve } from "./issuer.mjs";

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An edge's key, as it stands in the issuer's key set. */
const edge = new SigningKey("edge-1");
edge.jwk.edgeward_typ = "edge+jwt";
const issuersOwn = new SigningKey("key-1");
const stranger = new SigningKey("edge-1");

/** An assertion as the edge makes it, with claims replaced. */
function assertion(claims = {}, { key = edge, typ = "edge+jwt" } = {}) {
  const now = Math.floor(Date.now() / 1_000);
  const header = encode({ alg: "EdDSA", kid: key.kid, typ });
  const payload = encode({ iss: ISSUER, aud: AUDIENCE, sub: "ada", roles: ["user"], edge: "e", iat: now, exp: now + 60, ...claims });
  return `${header}.${payload}.${sign(null, Buffer.from(`${header}.${payload}`), key.privateKey).toString("base64url")}`;
}

const servers = [];
after(() => Promise.all(servers.map((server) => server.stop())));

async function keysFrom(...keys) {
  const server = await KeyServer.start(serve(...keys));
  servers.push(server);
  return server;
}

/** How each framework is asked for `/app/who`, `/app/bound` and, where strangers may come, `/open`. */
const FRAMEWORKS = {
  async express(options) {
    const app = express();
    const who = (request, response) => response.json({ sub: request.identity?.sub ?? null });
    app.use("/app", forExpress(options), express.Router().get("/who", who).get("/bound", who));
    app.get("/open", forExpress({ ...options, optional: true }), who);
    app.use((error, request, response, next) => (response.headersSent ? next(error) : response.status(500).json({ code: error.code })));
    const http = app.listen(0, "127.0.0.1");
    await once(http, "listening");
    servers.push({
      stop() {
        http.closeAllConnections();
        http.close();
      },
    });
    return (path, headers) => fetch(`http://127.0.0.1:${http.address().port}${path}`, { headers });
  },
  hono(options) {
    const app = new Hono();
    const who = (context) => context.json({ sub: context.get("identity")?.sub ?? null });
    app.use("/app/*", forHono(options));
    app.get("/app/who", who).get("/app/bound", who);
    app.get("/open", forHono({ ...options, optional: true }), who);
    app.onError((error, context) => context.json({ code: error.code }, 500));
    return (path, headers) => app.request(`http://app.internal${path}`, { headers });
  },
  next(options) {
    const gate = forNext(options);
    const open = forNext({ ...options, optional: true });
    const answer = async (path, headers) => {
      const request = new Request(`http://app.internal${path}`, { headers });
      const { pathname } = new URL(request.url);
      if (pathname === "/open") {
        const refusal = await open.middleware(request);
        return refusal ?? Response.json({ sub: (await open.identity(request.headers))?.sub ?? null });
      }
      const who = gate.handler((_, { sub }, { params }) => Response.json({ sub, params }));
      return (await gate.middleware(request)) ?? who(request, { params: "as Next gives them" });
    };
    return async (path, headers) => answer(path, headers).catch(({ code }) => Response.json({ code }, { status: 500 }));
  },
};

for (const [name, framework] of Object.entries(FRAMEWORKS)) {
  describe(name, () => {
    const ask = keysFrom(edge, issuersOwn).then(({ uri }) => framework({ issuer: ISSUER, audience: AUDIENCE, jwksUri: uri }));
    const answers = async (path, token, status, expected) => {
      const response = await (await ask)(path, token === undefined ? {} : { "edgeward-assertion": token });
      const { sub, code } = await response.json();
      assert.deepEqual([response.status, sub ?? code], [status, expected]);
      return response;
    };

    it("knows who is asking", () => answers("/app/who", assertion(), 200, "ada"));

    it("answers whoever proves nothing with a problem that is not kept", async () => {
      const response = await answers("/app/who", undefined, 403, "ASSERTION_REQUIRED");
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      assert.equal(response.headers.get("cache-control"), "no-store");
    });

    it("refuses what does not prove it", async () => {
      const past = Math.floor(Date.now() / 1_000) - 3_600;
      for (const token of [
        "x",
        assertion({ iss: "https://evil.example" }),
        assertion({ aud: "https://other.example" }),
        assertion({ iat: past, exp: past + 60 }),
        assertion({}, { key: stranger }),
        // An access token, signed as such and as an assertion: the issuer's keys sign no assertions, edges no tokens.
        assertion({}, { key: issuersOwn, typ: "at+jwt" }),
        assertion({}, { key: issuersOwn }),
        assertion({}, { typ: "at+jwt" }),
        `${assertion()}, ${assertion()}`,
      ]) {
        await answers("/app/who", token, 403, "ASSERTION_INVALID");
        await answers("/open", token, 403, "ASSERTION_INVALID");
      }
    });

    it("does not read the plain headers", async () => {
      const response = await (await ask)("/open", { "edgeward-user": "ada", "edgeward-roles": "admin" });
      assert.deepEqual(await response.json(), { sub: null });
    });

    it("lets strangers in where it was told to, and knows the others there", async () => {
      await answers("/open", undefined, 200, undefined);
      await answers("/open", assertion(), 200, "ada");
    });

    it("takes an assertion that is bound to a request for that request only", async () => {
      const bound = assertion({ method: "GET", path: "/app/bound" });
      await answers("/app/bound?tab=two", bound, 200, "ada");
      await answers("/app/who", bound, 403, "ASSERTION_INVALID");
      await answers("/app/bound", assertion({ method: "POST", path: "/app/bound" }), 403, "ASSERTION_INVALID");
    });

    it("says that it cannot tell while there are no keys", async () => {
      const down = await KeyServer.start((response) => response.writeHead(500).end());
      servers.push(down);
      const ask = await framework({ issuer: ISSUER, audience: AUDIENCE, jwksUri: down.uri });
      const response = await ask("/app/who", { "edgeward-assertion": assertion() });
      assert.deepEqual([response.status, (await response.json()).code], [503, "KEYS_UNAVAILABLE"]);
      assert.equal(response.headers.get("retry-after"), "1");
    });

    it("hands a wrong option to the framework, with the first request", async () => {
      // With `null`, createVerifier takes tokens for anybody; an app takes those for itself.
      for (const audience of [undefined, null]) {
        const ask = await framework({ issuer: ISSUER, audience, jwks: { keys: [] } });
        const response = await ask("/app/who", {});
        assert.deepEqual([response.status, (await response.json()).code], [500, "INVALID_OPTIONS"], String(audience));
      }
    });

    it("finds the key set at the issuer if nothing else is said", async () => {
      const { uri } = await keysFrom(edge);
      const issuer = new URL(uri).origin;
      let asked;
      servers.at(-1).answer = (response, { url }) => {
        asked = url;
        serve(edge)(response);
      };
      const ask = await framework({ issuer, audience: AUDIENCE });
      const response = await ask("/app/who", { "edgeward-assertion": assertion({ iss: issuer }) });
      assert.deepEqual([response.status, asked], [200, "/.well-known/jwks.json"]);
    });
  });
}
