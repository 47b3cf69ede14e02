/** `edgeward/next`: who is asking, in middleware, route handlers and server components of Next.js. Nothing of Next is imported. */

import { askedBy, ASSERTION, Doorkeeper, refused, type AppOptions, type Identity } from "./assertion.js";

export type { AppOptions, Identity } from "./assertion.js";

/** Answers a request of somebody known. `context` is what Next hands to route handlers, the parameters of the route among it. */
export type Handler<Asking extends Request, Context> = (
  request: Asking,
  identity: Identity,
  context: Context,
) => Response | Promise<Response>;

export interface Gate {
  /** For `proxy.ts` (before Next 16 `middleware.ts`): refuses requests without a good assertion, and lets the others go on. */
  readonly middleware: (request: Request) => Promise<Response | undefined>;
  /** A route handler that is run only for somebody known; also where `optional` lets strangers pass the middleware. */
  handler<Asking extends Request, Context>(run: Handler<Asking, Context>): (request: Asking, context: Context) => Promise<Response>;
  /**
   * Who is asking, in server components and actions: `await gate.identity(await headers())`. `undefined` for whoever proves
   * nothing. An assertion that is bound to its request is none here, because this is not shown the request.
   */
  identity(headers: { get(name: string): string | null }): Promise<Identity | undefined>;
}

export function edgeward(options: AppOptions): Gate {
  const doorkeeper = new Doorkeeper(options);
  const judge = (request: Request) => doorkeeper.judge(askedBy(request));
  return {
    middleware: async (request) => {
      const verdict = await judge(request);
      return "refusal" in verdict ? refused(verdict.refusal) : undefined;
    },
    handler: (run) => async (request, context) => {
      const verdict = await judge(request);
      if ("refusal" in verdict) return refused(verdict.refusal);
      const { identity } = verdict;
      if (identity === undefined) return refused({ status: 403, code: "ASSERTION_REQUIRED", reason: "no-assertion" });
      return run(request, identity, context);
    },
    identity: async (headers) => {
      const verdict = await doorkeeper.judge({ assertion: headers.get(ASSERTION), method: "", path: "" });
      return "refusal" in verdict ? undefined : verdict.identity;
    },
  };
}
