// A mail server that takes every letter, for stories that go on with the link in one.

import { once } from "node:events";
import { createServer } from "node:net";

/** A letter leaves within seconds; a story that waits for none should say so soon. */
const PATIENCE_MS = 30_000;

export class MailSink {
  #server;
  #letters = [];
  #waiting = [];

  static async open() {
    const sink = new MailSink();
    sink.#server = createServer((socket) => sink.#talk(socket));
    sink.#server.listen(0, "127.0.0.1");
    await once(sink.#server, "listening");
    sink.port = sink.#server.address().port;
    return sink;
  }

  async close() {
    this.#server.close();
  }

  /** The first link to `origin` with a token in the next letter. */
  async link(origin) {
    const letter = this.#letters.shift() ?? (await this.#next());
    const text = letter.replace(/=\r\n/g, "").replace(/=3D/g, "=");
    const found = text.match(new RegExp(`${origin}/auth/[a-z]+\\?token=[A-Za-z0-9_.-]+`));
    if (!found) throw new Error(`no link in ${text}`);
    return found[0];
  }

  #next() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no letter came")), PATIENCE_MS);
      this.#waiting.push((letter) => {
        clearTimeout(timer);
        resolve(letter);
      });
    });
  }

  #talk(socket) {
    let received = "";
    let inLetter = false;
    const say = (line) => socket.write(`${line}\r\n`);
    say("220 sink");
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.toString("utf8");
      for (;;) {
        const end = received.indexOf(inLetter ? "\r\n.\r\n" : "\r\n");
        if (end < 0) return;
        const part = received.slice(0, end);
        received = received.slice(end + (inLetter ? 5 : 2));
        if (inLetter) {
          inLetter = false;
          const give = this.#waiting.shift();
          if (give) give(part);
          else this.#letters.push(part);
          say("250 taken");
        } else if (/^DATA/i.test(part)) {
          inLetter = true;
          say("354 go on");
        } else if (/^QUIT/i.test(part)) {
          say("221 bye");
          socket.end();
        } else {
          say("250 sink");
        }
      }
    });
  }
}
