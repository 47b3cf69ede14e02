/** `edgeward/hono`: who is asking, as `context.get("identity")`. */

import type { MiddlewareHandler } from "hono";
import { askedBy, Doorkeeper, refused, type AppOptions, type Identity } from "./assertion.js";

export type { AppOptions, Identity } from "./assertion.js";

/**
 * What the middleware sets, for an app that says so itself: `new Hono<{ Variables: EdgewardVariables }>()`, and
 * `Partial<EdgewardVariables>` where strangers may come too. A route that names the middleware before its handler needs neither.
 */
export interface EdgewardVariables {
  identity: Identity;
}

/** Middleware that lets only requests pass whose assertion holds. Others are answered 403, or 503 while there are no keys. */
export function edgeward(options: AppOptions & { optional?: false }): MiddlewareHandler<{ Variables: EdgewardVariables }>;
/** The same, but with `optional` strangers pass too: their `identity` is `undefined`. */
export function edgeward(options: AppOptions): MiddlewareHandler<{ Variables: Partial<EdgewardVariables> }>;
export function edgeward(options: AppOptions): MiddlewareHandler {
  const doorkeeper = new Doorkeeper(options);
  return async (context, next) => {
    const verdict = await doorkeeper.judge(askedBy(context.req.raw));
    if ("refusal" in verdict) return refused(verdict.refusal);
    if (verdict.identity !== undefined) context.set("identity", verdict.identity);
    await next();
    return undefined;
  };
}
