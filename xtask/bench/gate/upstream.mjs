// The tiny upstream, a process of its own: an app that answers `ok`, the issuer's key set, and its feed of ended sessions.
//
// It speaks just enough HTTP over a plain socket, so that it costs as little as possible beside the Worker that is measured.
// It prints its port as a line; keys and the number of ended sessions come in the environment.

import { createServer } from "node:net";
import { feedOf } from "./feed.mjs";

const answer = (type, body) =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const APP = answer("text/plain", "ok");
const KEYS = answer("application/json", process.env.JWKS);
const feed = feedOf(JSON.parse(process.env.FEED));

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let unread = "";
  socket.on("data", (chunk) => {
    unread += chunk.toString("latin1");
    for (let end = unread.indexOf("\r\n\r\n"); end !== -1; end = unread.indexOf("\r\n\r\n")) {
      socket.write(reply(unread.slice(0, end)));
      unread = unread.slice(end + 4);
    }
  });
  socket.on("error", () => socket.destroy());
});
/** The bytes that answer a request with this head. */
function reply(head) {
  if (head.startsWith("GET /.well-known/jwks.json ")) return KEYS;
  if (!head.startsWith("GET /.well-known/edgeward-revocations")) return APP;
  const proof = /\r\nedgeward-proof: (\S+)/i.exec(head)?.[1] ?? "";
  return answer("application/edgeward-revocations+jwt", feed(head.split(" ", 2)[1], proof));
}

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
