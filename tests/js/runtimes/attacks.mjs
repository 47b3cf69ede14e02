// The attacks on the core, in the runtime at hand: the package says of each token what the core says natively.

import { createVerifier } from "edgeward";
import { at, sayingOf } from "./said.mjs";

const codeAndReason = ({ code, reason }) => `${code} ${reason}`;

/** `{ checked, wrong }`: how many rows were tried, and what was said of those that came out otherwise. */
export function attacks({ now, warm, rows }) {
  return at(now, async () => {
    const wrong = [];
    let used = 0;
    const verifiers = new Map();
    for (const { about, token, options, said, needsPlatform } of rows) {
      const expect = async (how, verify, expected = said) => {
        const answer = await sayingOf(verify, codeAndReason);
        const asked = expected === "ok ok" ? "ok" : expected;
        if (answer !== asked) wrong.push(`${about}, ${how}: ${answer} instead of ${asked}`);
      };
      const verifier = await createVerifier(options);
      // Twice, because the second time the token may be remembered.
      await expect("first", () => verifier.verifyToken(token));
      const sync = needsPlatform ? "INVALID_TOKEN alg-needs-verify-token" : said;
      await expect("without waiting", () => verifier.verifyTokenSync(token), sync);
      await expect("again", () => verifier.verifyToken(token));

      const name = JSON.stringify(options);
      if (!verifiers.has(name)) verifiers.set(name, await longUsed(options, warm));
      const old = verifiers.get(name);
      if (old === undefined) continue;
      used += 1;
      await expect("under a key in long use", () => old.verifyToken(token));
    }
    if (used * 2 < rows.length) wrong.push(`only ${used} rows met a key in long use`);
    return { checked: rows.length, wrong };
  });
}

/** A verifier whose key has so many good tokens behind it that the core has prepared it; `undefined` if these are not good here. */
async function longUsed(options, warm) {
  const verifier = await createVerifier(options);
  for (const token of warm) {
    if ((await sayingOf(() => verifier.verifyToken(token))) !== "ok") return undefined;
  }
  return verifier;
}
