// A site for the examples that run in a browser: their pages, and behind `/auth` and `/api` the issuer of the client's tests.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { text } from "node:stream/consumers";
import { Issuer } from "../issuer.mjs";
import { listen } from "./quick_start.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };

/** The files below a folder. */
export function filesOf(folder) {
  return async (path) => {
    const name = normalize(path === "/" ? "/index.html" : path);
    const file = await readFile(join(folder, name)).catch(() => undefined);
    return file ? new Response(file, { headers: { "content-type": TYPES[extname(name)] ?? "text/plain" } }) : new Response("", { status: 404 });
  };
}

/** @param pages answers whatever is not the issuer's or the API's, by its path */
export async function serveSite(pages) {
  const issuer = new Issuer();
  issuer.now = () => Date.now();
  const server = await listen(
    createServer(async (request, response) => {
      const answer = await answerOf(request, issuer, pages);
      // How the body came here, compressed or in pieces, is not how it goes on.
      const headers = only(Object.fromEntries(answer.headers), ["content-type", "cache-control", "retry-after"]);
      response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
    }),
  );
  return {
    issuer,
    origin: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answerOf(request, issuer, pages) {
  const { method, url, headers } = request;
  if (/^\/(auth|api)\//.test(url)) {
    const body = method === "GET" ? undefined : await text(request);
    return issuer.fetch(`http://site.example${url}`, { method, headers: only(headers, ["x-csrf-token", "content-type"]), body });
  }
  return pages(url);
}

function only(headers, names) {
  return Object.fromEntries(names.flatMap((name) => (name in headers ? [[name, headers[name]]] : [])));
}
