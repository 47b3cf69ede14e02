// The attacks on the core, in the runtime at hand: the package says of each token what the core says natively.

import { createVerifier } from "edgeward";

/** `{ checked, wrong }`: how many rows were tried, and what was said of those that came out otherwise. */
export async function attacks({ now, rows }) {
  const wrong = [];
  const realNow = Date.now;
  Date.now = () => now * 1000;
  try {
    for (const { about, token, options, said } of rows) {
      const verifier = await createVerifier(options);
      // Twice, because the second time the token may be remembered.
      for (const verify of [verifier.verifyToken, verifier.verifyTokenSync, verifier.verifyToken]) {
        const answer = await sayingOf(() => verify.call(verifier, token));
        if (answer !== said) wrong.push(`${about}: ${answer} instead of ${said}`);
      }
    }
  } finally {
    Date.now = realNow;
  }
  return { checked: rows.length, wrong };
}

async function sayingOf(verify) {
  try {
    await verify();
    return "ok ok";
  } catch (error) {
    return error.name === "EdgewardError" ? `${error.code} ${error.reason}` : String(error?.stack ?? error);
  }
}
