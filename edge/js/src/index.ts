// Browsers, and every runtime that fetches by URL.

import { KEY_ERRORS, once, type Runtime } from "./runtime.js";
import type { Verifier, VerifierOptions } from "./surface.js";
import { createVerifierIn } from "./verifier.js";
import initialise from "./wasm/edgeward.js";

export { EdgewardError, type EdgewardErrorCode } from "./errors.js";
export type { Claims, JsonWebKeySet, Verifier, VerifierOptions } from "./surface.js";

const runtime: Runtime = {
  // Without the mark, bundlers would keep it also where nobody makes a verifier.
  load: /* @__PURE__ */ once(() => initialise({ module_or_path: new URL("./wasm/edgeward_bg.wasm", import.meta.url) })),
  // The key set is public, so no cookie goes with it; the browser's own cache must not hide a rotation.
  fetchOptions: { credentials: "omit", cache: "no-cache" },
  sendsEntityTags: false,
  sharesPromises: true,
  keyErrors: KEY_ERRORS,
  outlive() {},
};

/**
 * Makes a verifier for the tokens of one issuer. With `jwksUri` it tries to load the keys before it resolves.
 * @throws {EdgewardError} `INVALID_OPTIONS` or `WASM_UNAVAILABLE`
 */
export function createVerifier(options: VerifierOptions): Promise<Verifier> {
  return createVerifierIn(runtime, options);
}
