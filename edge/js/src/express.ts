/** `edgeward/express`: who is asking, as `request.identity`. */

import { ASSERTION, Doorkeeper, problem, type AppOptions, type Identity } from "./assertion.js";

export type { AppOptions, Identity } from "./assertion.js";

declare global {
  // Where Express' own types look for what middleware adds.
  namespace Express {
    interface Request {
      /** Who is asking; `undefined` for a stranger, where the middleware is `optional`. */
      identity?: Identity;
    }
  }
}

// The parts of Node's and Express' objects that are used, so that neither's types are needed here.
interface Incoming {
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly method?: string | undefined;
  readonly originalUrl?: string | undefined;
  readonly url?: string | undefined;
  identity?: Identity;
}

interface Outgoing {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** Middleware that lets only requests pass whose assertion holds. Others are answered 403, or 503 while there are no keys. */
export function edgeward(options: AppOptions): (request: Incoming, response: Outgoing, next: (error?: unknown) => void) => void {
  const doorkeeper = new Doorkeeper(options);
  return (request, response, next) => {
    // Express takes `url` apart where a router is mounted; the other stays as it came.
    const [path = ""] = (request.originalUrl ?? request.url ?? "").split("?", 1);
    const asked = { assertion: alone(request.headers[ASSERTION]), method: request.method ?? "", path };
    doorkeeper.judge(asked).then((verdict) => {
      if ("refusal" in verdict) {
        const { body, headers } = problem(verdict.refusal);
        response.statusCode = verdict.refusal.status;
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        response.end(body);
        return;
      }
      if (verdict.identity !== undefined) request.identity = verdict.identity;
      next();
    }, next);
  };
}

/** Node joins repeated lines of this header, and what it made of two is no token. */
function alone(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join() : value;
}
