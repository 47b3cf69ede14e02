// The Worker's entry: the built wasm with the gate policy of this repository beside it.
//
// `../gate.toml` is bundled as text, so a deployment carries exactly the policy that was reviewed; a binding named
// GATE_POLICY wins, for tests and for policies that live elsewhere. Everything else happens in Rust.
import Edge from "./build/index.js";
import policy from "../gate.toml";

export default class extends Edge {
  constructor(ctx, env) {
    super(ctx, { GATE_POLICY: policy, ...env });
  }
}
