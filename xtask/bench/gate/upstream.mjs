// The tiny upstream, a process of its own: an app that answers `ok`, and the issuer's key set.
//
// It speaks just enough HTTP over a plain socket, so that it costs as little as possible beside the Worker that is measured.
// It prints its port as a line; the key set comes in the environment.

import { createServer } from "node:net";

const answer = (type, body) =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const APP = answer("text/plain", "ok");
const KEYS = answer("application/json", process.env.JWKS);

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let unread = "";
  socket.on("data", (chunk) => {
    unread += chunk.toString("latin1");
    for (let end = unread.indexOf("\r\n\r\n"); end !== -1; end = unread.indexOf("\r\n\r\n")) {
      socket.write(unread.startsWith("GET /.well-known/jwks.json ") ? KEYS : APP);
      unread = unread.slice(end + 4);
    }
  });
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
