// The Worker's entry: the built wasm and the policy that was reviewed with it, as text. A binding GATE_POLICY wins, for tests and for
// policies that live elsewhere.
import { env } from "cloudflare:workers";
import Edge from "./build/index.js";
import policy from "../gate.toml";

// The Rust function itself. The class that `worker-build` makes around it wraps every request in proxies, to start anew after
// a panic; wasm-bindgen's own glue does that at the next call.
const { fetch: handle, prepare } = Edge.prototype;

const bindings = { GATE_POLICY: policy, ...env };
try {
  prepare(bindings);
} catch {
  // Whatever it is, the first request meets it again and is refused for it.
}

export default {
  fetch(request, _env, ctx) {
    return handle.call({ env: bindings, ctx }, request);
  },
};
