// What every runtime is asked, by name. Nothing in here may depend on the runtime.

import { attacks } from "./attacks.mjs";
import { offCurve, signatures, smallOrder } from "./signatures.mjs";

/** Each answers `{ checked, wrong }`. `corpus` is what `core` wrote about its attacks. */
const cases = {
  attacks,
  EdDSA: () => signatures("EdDSA"),
  ES256: () => signatures("ES256"),
  RS256: () => signatures("RS256"),
  "small order": smallOrder,
  "a key off its curve": offCurve,
};

/** Runs one case; an error counts as something wrong. */
export async function run(name, corpus) {
  try {
    return await cases[name](corpus);
  } catch (error) {
    return { checked: 0, wrong: [String(error?.stack ?? error)] };
  }
}
