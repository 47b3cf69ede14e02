// What every runtime is asked, by name. Nothing in here may depend on the runtime.

import { attacks } from "./attacks.mjs";
import { signatureCorpus, wycheproof } from "./corpus.mjs";
import { keySets, pemKeys } from "./key_sets.mjs";
import { offCurve, signatures } from "./signatures.mjs";

/** Each answers `{ checked, wrong }`, some also `otherwise`: where WebCrypto does not say what it should. */
const cases = {
  attacks,
  "key sets": keySets,
  "PEM keys": pemKeys,
  "the corpus of signatures": signatureCorpus,
  Wycheproof: wycheproof,
  EdDSA: () => signatures("EdDSA"),
  ES256: () => signatures("ES256"),
  RS256: () => signatures("RS256"),
  "a key off its curve": offCurve,
};

/** Runs one case with what it reads; an error counts as something wrong. */
export async function run(name, corpus) {
  try {
    return await cases[name](corpus);
  } catch (error) {
    return { checked: 0, wrong: [String(error?.stack ?? error)] };
  }
}
