/** `edgeward/hono`: who is asking, as `context.get("identity")`. */

import type { MiddlewareHandler } from "hono";
import { askedBy, Doorkeeper, refused, type AppOptions, type Identity } from "./assertion.js";

export type { AppOptions, Identity } from "./assertion.js";

/** What the middleware sets: `new Hono<{ Variables: EdgewardVariables }>()`. */
export interface EdgewardVariables {
  identity: Identity;
}

/**
 * Middleware that lets only requests pass whose assertion holds. Others are answered 403, or 503 while there are no keys.
 * With `optional` a stranger's `identity` is `undefined`.
 */
export function edgeward(options: AppOptions): MiddlewareHandler<{ Variables: EdgewardVariables }> {
  const doorkeeper = new Doorkeeper(options);
  return async (context, next) => {
    const verdict = await doorkeeper.judge(askedBy(context.req.raw));
    if ("refusal" in verdict) return refused(verdict.refusal);
    if (verdict.identity !== undefined) context.set("identity", verdict.identity);
    await next();
    return undefined;
  };
}
