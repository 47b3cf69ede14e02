// Cloudflare Workers and workerd: WebAssembly comes as a module, compiled before the first request.

// A namespace import, because an older runtime lacks `waitUntil` and a named import would then fail to link.
import * as workers from "cloudflare:workers";
import type { Runtime } from "./runtime.js";
import type { Verifier, VerifierOptions } from "./surface.js";
import { createVerifierIn } from "./verifier.js";
import { initSync } from "./wasm/edgeward.js";
// The generated declaration describes an instance; what a Worker gets is the compiled module.
import wasm from "./wasm/edgeward_bg.wasm";

export { EdgewardError, type EdgewardErrorCode } from "./errors.js";
export type { Claims, JsonWebKeySet, Verifier, VerifierOptions } from "./surface.js";

let loaded = false;

const runtime: Runtime = {
  load() {
    if (!loaded) initSync({ module: wasm as WebAssembly.Module });
    loaded = true;
  },
  // Workers keep no cookies, and under an older compatibility date the option `cache` is an error.
  fetchOptions: {},
  sendsEntityTags: true,
  sharesPromises: false,
  // The last one is what workerd says of a point off its curve. Written out, because bundlers keep a list that has to be computed.
  keyErrors: ["DataError", "NotSupportedError", "OperationError"],
  outlive(work) {
    try {
      workers.waitUntil?.(work);
    } catch {
      // Outside of a request there is nothing to outlive.
    }
  },
};

/**
 * Makes a verifier for the tokens of one issuer. May be called in the global scope; with `jwksUri` the keys are then
 * loaded by the first request, because Workers allow no fetch before it.
 * @throws {EdgewardError} `INVALID_OPTIONS` or `WASM_UNAVAILABLE`
 */
export function createVerifier(options: VerifierOptions): Promise<Verifier> {
  return createVerifierIn(runtime, options);
}
