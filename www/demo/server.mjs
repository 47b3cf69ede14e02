// The app that the demo protects: plain Node, no dependency, no sign-in of its own.
//
//   PORT=3000 ISSUER=… AUDIENCE=… JWKS_URL=… node www/demo/server.mjs
//
// `/` is for anyone, `/app` for the signed-in, `/admin` for admins, `/api/echo` answers the headers it received.
// The edge decides who gets here; `assertion.mjs` is how the app makes sure that the edge has.
//
// `LEEWAY_SECONDS_OF_TESTS`, for tests alone: for how long the app takes an assertion that has expired, where the time of the edge stands
// and the app's goes on. Set nowhere else: whoever finds an old assertion would be let in with it.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { EdgeKeys, Refused, verifyAssertion } from "./assertion.mjs";
import * as pages from "./pages.mjs";

function setting(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`demo app: the variable ${name} is not set`);
  process.exit(2);
}

/**
 * A day: as long as any story's clock stands beside the app's. Longer would be no story but a slip, milliseconds for seconds say, and an
 * app that takes assertions of last week holds nothing that a test could rely on.
 */
const LEEWAY_SECONDS_OF_TESTS_MAX = 86_400;

const port = Number(setting("PORT"));
const trust = {
  issuer: setting("ISSUER"),
  audience: setting("AUDIENCE"),
  keys: new EdgeKeys(setting("JWKS_URL")),
  leewaySeconds: leewayOfTests(),
};

/** Nothing but in tests, and then the leeway of `assertion.mjs` holds. */
function leewayOfTests() {
  const value = process.env.LEEWAY_SECONDS_OF_TESTS;
  if (value === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(value) && Number(value) <= LEEWAY_SECONDS_OF_TESTS_MAX) return Number(value);
  console.error(
    `demo app: LEEWAY_SECONDS_OF_TESTS must be a whole number of seconds, at most ${LEEWAY_SECONDS_OF_TESTS_MAX} (a day)`,
  );
  process.exit(2);
}

/** The edge fills in what is absent; what only the app can know, it says itself. */
const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
};

/** Who is asking, from the one header that proves it. */
const whoAsks = (request) => verifyAssertion(request.headers["edgeward-assertion"], trust);

/** For public pages: somebody who proves nothing is just anyone. */
const whoAsksIfAny = (request) =>
  whoAsks(request).catch((error) => {
    if (error instanceof Refused) return undefined;
    throw error;
  });

async function answer(request) {
  const [pathname] = request.url.split("?", 1);

  if (pathname === "/api" || pathname.startsWith("/api/")) {
    await whoAsks(request);
    if (pathname === "/api/echo") return echo(request);
    return json(404, { error: "There is no such API." });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { status: 405, headers: { allow: "GET, HEAD" }, body: "" };
  }
  if (pathname === "/app") return page(200, pages.app(await whoAsks(request)));
  if (pathname === "/admin") {
    const who = await whoAsks(request);
    // The gate has asked for the role already. Asking again costs a line, and a slip in the policy then costs nothing.
    if (![who.roles].flat().includes("admin")) throw new Refused("role");
    return page(200, pages.admin(who));
  }
  if (pathname === "/") return page(200, pages.home(await whoAsksIfAny(request)));
  return (await asset(pathname)) ?? page(404, pages.refusal("Not found", "There is no page at this address."));
}

const page = (status, body) => ({ status, headers: PAGE_HEADERS, body });

const json = (status, value) => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value, undefined, 2),
});

/** The headers as they came, in order, repeated ones apart: `[["Host", "…"], …]`. */
function echo({ method, url, rawHeaders }) {
  const headers = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i], rawHeaders[i + 1]]);
  return json(200, { method, url, headers });
}

const TYPES = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };

/** A file of `assets/`, or of the built client under `/assets/client/`. A name cannot leave its folder: it has no `/`. */
async function asset(pathname) {
  const path = pathname === "/favicon.ico" ? "/assets/mark.svg" : pathname;
  const match = /^\/assets\/(client\/)?([a-z-]+\.(js|css|svg))$/.exec(path);
  if (match === null) return undefined;
  const [, client, name, extension] = match;
  try {
    const body = await readFile(new URL(`${client ? "../client/dist" : "assets"}/${name}`, import.meta.url));
    return { status: 200, headers: { "content-type": TYPES[extension], "cache-control": "public, max-age=60" }, body };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

// What the gate lets pass arrives: it takes 32 KiB of cookies and other headers by which it decides, and Node by itself a head of 16.
const server = createServer({ maxHeaderSize: 128 * 1024 }, async (request, response) => {
  request.resume();
  let result;
  try {
    result = await answer(request);
  } catch (error) {
    if (error instanceof Refused) {
      console.error(`demo app: refused a request: ${error.message}`);
      result = page(403, pages.refusal("Refused", "This request does not prove that it came through the gate."));
    } else {
      console.error("demo app:", error);
      result = page(503, pages.refusal("Not now", "The app could not find out who is asking. Please try again."));
    }
  }
  response.writeHead(result.status, result.headers).end(result.body);
});

// Longer than an edge keeps a connection that rests (workerd for 5 seconds, as Node would): whoever sends the requests must be the one
// who closes, or a request meets a connection that is being closed, and one that changes something is not sent again.
server.keepAliveTimeout = 65_000;
server.listen(port, "127.0.0.1", () => console.log(`demo app: http://127.0.0.1:${server.address().port}`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
