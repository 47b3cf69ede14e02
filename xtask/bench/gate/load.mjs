// The load: keep-alive connections over loopback, one request under way on each.
//
// Requests are bytes made beforehand, written to plain sockets, and of an answer only the status and the length are read,
// so that the load takes a small part of the time. Every answer's status is checked.

import { connect } from "node:net";

export const CONNECTIONS = 8;

const HEAD_END = Buffer.from("\r\n\r\n");

/** The bytes of a GET; `headers` are `name: value` lines. */
export function get(path, headers) {
  return Buffer.from(["GET " + path + " HTTP/1.1", "host: edge.example", ...headers, "", ""].join("\r\n"));
}

/** `CONNECTIONS` connections that stay open. */
export async function open(port) {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(port)));
  return {
    /** Asks for so many milliseconds; resolves to answers, and answers a second. */
    async run(asking, milliseconds) {
      const start = performance.now();
      const until = start + milliseconds;
      const counts = await Promise.all(
        connections.map(async (connection) => {
          let count = 0;
          while (performance.now() < until) {
            asking.check(await connection.ask(asking.next()));
            count += 1;
          }
          return count;
        }),
      );
      const answered = counts.reduce((sum, count) => sum + count, 0);
      return { answered, perSecond: (answered * 1000) / (performance.now() - start) };
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

/** One connection. */
export class Connection {
  #socket;
  #unread = Buffer.alloc(0);
  #resolve;
  #reject;

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(chunk));
    const ended = (error) => this.#reject?.(error instanceof Error ? error : new Error("the connection was closed"));
    socket.on("error", ended);
    socket.on("close", ended);
  }

  static open(port) {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new Connection(socket)));
    });
  }

  /** Sends a request; resolves to the status of the whole answer. */
  ask(request) {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(request);
    });
  }

  close() {
    this.#socket.destroy();
  }

  #read(chunk) {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    const end = this.#unread.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.#unread.latin1Slice(0, end + 2);
    const status = Number(head.slice(9, 12));
    if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) {
      if (!this.#unread.subarray(-5).equals(LAST_CHUNK)) return;
    } else {
      const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
      if (this.#unread.length < end + 4 + length) return;
    }
    this.#unread = Buffer.alloc(0);
    this.#resolve(status);
  }
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
