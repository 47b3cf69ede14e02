// Node, Deno and Bun: the WebAssembly lies beside this file.

import { readFile } from "node:fs/promises";
import { KEY_ERRORS, once, type Runtime } from "./runtime.js";
import type { Verifier, VerifierOptions } from "./surface.js";
import { createVerifierIn } from "./verifier.js";
import initialise from "./wasm/edgeward.js";

export { EdgewardError, type EdgewardErrorCode } from "./errors.js";
export type { Claims, JsonWebKeySet, Verifier, VerifierOptions } from "./surface.js";

const runtime: Runtime = {
  // Without the mark, bundlers would keep it also where nobody makes a verifier.
  load: /* @__PURE__ */ once(async () => {
    const bytes = await readFile(new URL("./wasm/edgeward_bg.wasm", import.meta.url));
    await initialise({ module_or_path: bytes });
  }),
  fetchOptions: {},
  sendsEntityTags: true,
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
