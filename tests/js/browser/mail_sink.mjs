// A mail server that takes every letter, for stories that go on with the link in one.

import { once } from "node:events";
import { createServer } from "node:net";

/** A letter leaves within seconds; a story that waits for none should say so soon. */
const PATIENCE_MS = 30_000;

export class MailSink {
  #server;
  #all = [];
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

  /** The first link to `origin` with a token in the next letter to somebody that has one: word of what was done may come before. */
  async link(origin, recipient) {
    for (;;) {
      const letter = this.#letters.shift() ?? (await this.#next());
      const text = letter.replace(/=\r\n/g, "").replace(/=3D/g, "=");
      const found = text.match(new RegExp(`${origin}/auth/[a-z]+\\?token=[A-Za-z0-9_.-]+`));
      if (found && text.includes(`\r\nTo: ${recipient}\r\n`)) return found[0];
    }
  }

  /** Every letter so far as somebody reads it who reads HTML. */
  pages() {
    return this.#all.map(htmlOf);
  }

  /** What an issuer is told that sends its mails here. */
  get settings() {
    return {
      EDGEWARD__MAIL__SERVER: "127.0.0.1",
      EDGEWARD__MAIL__PORT: String(this.port),
      EDGEWARD__MAIL__TLS: "none",
      EDGEWARD__MAIL__FROM: "no-reply@example.test",
    };
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
          this.#all.push(part);
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

/** The part in HTML of a letter that has one in plain text besides (RFC 2046, section 5.1.4). */
function htmlOf(letter) {
  const part = letter.split(/\r\n--[^\r\n]+\r\n/).find((part) => /^content-type: text\/html/im.test(part));
  if (part === undefined) throw new Error(`no HTML in ${letter}`);
  const end = part.indexOf("\r\n\r\n");
  const [head, body] = [part.slice(0, end), part.slice(end + 4).split(/\r\n--/)[0]];
  const encoding = /^content-transfer-encoding: *(\S+)/im.exec(head)?.[1].toLowerCase();
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return body;
  const bytes = body.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  // What is not escaped is ASCII, so each character is a byte.
  return Buffer.from(bytes, "latin1").toString("utf8");
}
