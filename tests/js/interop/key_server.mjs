// A key server on loopback: GET answers what was last POSTed to the same path.

import { createServer } from "node:http";

export async function startKeyServer() {
  const sets = new Map();
  const server = createServer(async (request, response) => {
    // The page of the Chromium run has another origin.
    response.setHeader("access-control-allow-origin", "*");
    if (request.method === "POST") {
      sets.set(request.url, Buffer.concat(await request.toArray()));
      response.writeHead(204).end();
    } else {
      response.setHeader("content-type", "application/jwk-set+json");
      response.end(sets.get(request.url));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
