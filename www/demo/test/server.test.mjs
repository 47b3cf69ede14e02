// The demo app against an issuer's key set of its own: what it shows to whom, and every assertion that it must refuse.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

const SERVER = new URL("../server.mjs", import.meta.url).pathname;
const ISSUER = "https://site.example";
const AUDIENCE = "https://app.example";

const newKey = () => generateKeyPairSync("ed25519");
const edge = newKey();
const issuerKey = newKey();
const stranger = newKey();

const jwk = ({ publicKey }, kid, more) => ({ ...publicKey.export({ format: "jwk" }), kid, alg: "EdDSA", ...more });
const KEYS = { keys: [jwk(edge, "edge-1", { edgeward_typ: "edge+jwt" }), jwk(issuerKey, "issuer-1")] };

const now = () => Math.floor(Date.now() / 1000);
const claims = (more) => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: "u1",
  sid: "s1",
  name: "Ada <script>alert(1)</script>",
  email: "ada@example.test",
  roles: ["user"],
  exp: now() + 60,
  ...more,
});

const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

function assertion({ key = edge, header, ...more } = {}) {
  const signed = `${part({ alg: "EdDSA", typ: "edge+jwt", kid: "edge-1", ...header })}.${part(claims(more))}`;
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString("base64url")}`;
}

/** The app with further settings, when it listens. */
async function startApp(more = {}) {
  const app = spawn(process.execPath, [SERVER], {
    env: { PORT: "0", ISSUER, AUDIENCE, JWKS_URL: `http://127.0.0.1:${keySet.address().port}/`, ...more },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(createInterface(app.stdout), "line");
  return { app, base: line.slice("demo app: ".length) };
}

let app;
let base;
let keySet;

before(async () => {
  keySet = createServer((_, response) => response.end(JSON.stringify(KEYS)));
  keySet.listen(0, "127.0.0.1");
  await once(keySet, "listening");
  ({ app, base } = await startApp());
});

after(async () => {
  app.kill("SIGTERM");
  const [code] = await once(app, "exit");
  keySet.close();
  assert.equal(code, 0, "SIGTERM ends it cleanly");
});

const get = (path, token, headers = {}) =>
  fetch(base + path, { headers: { ...(token !== undefined ? { "edgeward-assertion": token } : {}), ...headers } });

test("a good assertion opens the pages, and its names are escaped", async () => {
  const page = await get("/app", assertion());
  assert.equal(page.status, 200);
  const text = await page.text();
  assert.match(text, /Hello, Ada &lt;script&gt;/);
  assert.doesNotMatch(text, /<script>alert/);
  assert.equal((await get("/app", assertion({ aud: ["https://other.example", AUDIENCE] }))).status, 200);
});

test("/ is for anyone, and a bad assertion is just anyone", async () => {
  for (const token of [undefined, assertion({ key: stranger })]) {
    const page = await get("/", token);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /Sign in<\/a>/);
  }
  assert.match(await (await get("/", assertion())).text(), /Sign out<\/button>/);
});

test("/admin wants the role once more", async () => {
  assert.equal((await get("/admin", assertion())).status, 403);
  const page = await get("/admin", assertion({ roles: ["user", "admin"] }));
  assert.equal(page.status, 200);
  assert.match(await page.text(), /Admin area/);
});

const good = assertion();
const [header, payload, signature] = good.split(".");
for (const [why, token] of [
  ["none", undefined],
  ["an empty one", ""],
  ["two of them", `${good}, ${good}`],
  ["no signature", `${header}.${payload}.`],
  ["another payload", `${header}.${part(claims({ roles: ["admin"] }))}.${signature}`],
  ["alg none", `${part({ alg: "none", typ: "edge+jwt", kid: "edge-1" })}.${payload}.${signature}`],
  ["another algorithm", assertion({ header: { alg: "HS256" } })],
  ["an access token's type", assertion({ header: { typ: "at+jwt" } })],
  ["no type", assertion({ header: { typ: undefined } })],
  ["an unknown key", assertion({ header: { kid: "edge-2" }, key: stranger })],
  ["no key id", assertion({ header: { kid: undefined } })],
  ["a stranger's key under the edge's name", assertion({ key: stranger })],
  ["the issuer's key, which signs access tokens", assertion({ key: issuerKey, header: { kid: "issuer-1" } })],
  ["another issuer", assertion({ iss: "https://evil.example" })],
  ["another audience", assertion({ aud: "https://other.example" })],
  ["no audience", assertion({ aud: undefined })],
  ["expired", assertion({ exp: now() - 31 })],
  ["no expiry", assertion({ exp: undefined })],
  ["an expiry that is no number", assertion({ exp: "never" })],
  ["a payload that is no object", `${header}.${part("null")}.${signature}`],
  ["too long", assertion({ filler: "x".repeat(8192) })],
]) {
  test(`refuses: ${why}`, async () => {
    // The readable headers say admin throughout; nothing may come of it.
    const spoofed = { "edgeward-user": "u1", "edgeward-roles": "admin", "edgeward-name": "Ada" };
    for (const path of ["/app", "/admin", "/api/echo", "/api/other"]) {
      const response = await get(path, token, spoofed);
      assert.equal(response.status, 403, path);
      assert.doesNotMatch(await response.text(), /Ada|u1/, path);
    }
  });
}

test("/api/echo answers what it received as pairs of name and value", async () => {
  const response = await fetch(`${base}/api/echo?x=1`, {
    method: "POST",
    body: "ignored",
    headers: [
      ["Edgeward-Assertion", good],
      ["X-Odd_Name", "one"],
    ],
  });
  const { method, url, headers } = await response.json();
  assert.deepEqual([method, url], ["POST", "/api/echo?x=1"]);
  assert.ok(headers.some(([name, value]) => name.toLowerCase() === "edgeward-assertion" && value === good));
  assert.ok(headers.some(([name, value]) => name.toLowerCase() === "x-odd_name" && value === "one"));
});

test("assets: only what is in the folder, with its type", async () => {
  for (const [path, status, type] of [
    ["/assets/demo.css", 200, "text/css; charset=utf-8"],
    ["/assets/demo.js", 200, "text/javascript; charset=utf-8"],
    ["/favicon.ico", 200, "image/svg+xml"],
    ["/assets/absent.js", 404, "text/html; charset=utf-8"],
    ["/assets/..%2fserver.mjs", 404, "text/html; charset=utf-8"],
    ["/assets/client/..%2f..%2fpackage.json", 404, "text/html; charset=utf-8"],
    ["/assets/", 404, "text/html; charset=utf-8"],
  ]) {
    const response = await get(path);
    assert.deepEqual([response.status, response.headers.get("content-type")], [status, type], path);
  }
});

test("pages are read only", async () => {
  const response = await fetch(`${base}/app`, { method: "POST", body: "x=1" });
  assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
});

test("a connection that rests is the edge's to close", async () => {
  const [, seconds] = /^timeout=(\d+)$/.exec((await get("/")).headers.get("keep-alive"));
  assert.ok(Number(seconds) > 60, `${seconds} s`);
});

test("the leeway of tests is what it says, a number, and a day at most", async () => {
  const lenient = await startApp({ LEEWAY_SECONDS_OF_TESTS: "600" });
  try {
    for (const [ago, status] of [[500, 200], [601, 403]]) {
      const headers = { "edgeward-assertion": assertion({ exp: now() - ago }) };
      assert.equal((await fetch(`${lenient.base}/app`, { headers })).status, status, `${ago} s ago`);
    }
  } finally {
    lenient.app.kill("SIGTERM");
    await once(lenient.app, "exit");
  }
  const longest = await startApp({ LEEWAY_SECONDS_OF_TESTS: "86400" });
  longest.app.kill("SIGTERM");
  await once(longest.app, "exit");
  for (const value of ["", "-1", "1e3", "0x10", " 5", "1.5", "Infinity", "86401", "86400000", "9".repeat(400)]) {
    const refused = spawn(process.execPath, [SERVER], {
      env: { PORT: "0", ISSUER, AUDIENCE, JWKS_URL: "http://127.0.0.1:1/", LEEWAY_SECONDS_OF_TESTS: value },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    refused.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    assert.deepEqual(await once(refused, "close"), [2, null], value);
    assert.equal(
      said,
      "demo app: LEEWAY_SECONDS_OF_TESTS must be a whole number of seconds, at most 86400 (a day)\n",
      value,
    );
  }
});
