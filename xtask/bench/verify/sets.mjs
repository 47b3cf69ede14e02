// Which sets of keys and tokens there are, and who competes on which.

import { lane, measure } from "./measure.mjs";
import { amongOthers, AUDIENCE, ISSUER, makeKeys, makeTokens, TYPE } from "./tokens.mjs";

export const ALGORITHMS = ["EdDSA", "ES256", "RS256"];

/** The larger of the two key sets whose cost is compared. */
export const MANY_KEYS = 100;

/** The sets beyond the usual ones, with the name they have in tables. Only we and jose run on them. */
export const VARIATIONS = {
  "EdDSA, 100 keys": "EdDSA, 100 keys in the set",
  "EdDSA, small": "EdDSA, small token",
  "EdDSA, large": "EdDSA, large token",
};

/** Keys and tokens of every set: made once, for all runtimes. */
export async function makeSets() {
  const sets = {};
  const add = (name, keys, tokens) => {
    const { algorithm, jwks, publicPem } = keys;
    sets[name] = { algorithm, issuer: ISSUER, audience: AUDIENCE, typ: TYPE, jwks, publicPem, ...tokens };
  };
  const keys = {};
  for (const algorithm of ALGORITHMS) {
    keys[algorithm] = await makeKeys(algorithm);
    add(algorithm, keys[algorithm], makeTokens(keys[algorithm], "usual"));
  }
  const { tokens, warmUp, forged, wrong } = sets.EdDSA;
  add("EdDSA, 100 keys", await amongOthers(keys.EdDSA, MANY_KEYS), { tokens, warmUp, forged, wrong });
  add("EdDSA, small", keys.EdDSA, makeTokens(keys.EdDSA, "small"));
  add("EdDSA, large", keys.EdDSA, makeTokens(keys.EdDSA, "large"));
  return sets;
}

/** `{ fresh, seen }`: the results with new tokens, all sets in the same rounds, and with tokens that were seen before. */
export async function compete(arena, contenders, sets, passes) {
  const who = (set, round) =>
    Object.entries(contenders)
      .filter(([name, { only, enters }]) => {
        if (only !== undefined && !only.includes(sets[set].algorithm)) return false;
        if (set in VARIATIONS) return name === "edgeward" || name === "jose";
        return (enters ?? "new").split(" ").includes(round);
      })
      .map(([name]) => name);
  const run = async (names, round, seen) => {
    const entered = names.map((set) => ({ set: `${set} ${round}`, names: who(set, round) }));
    for (const [place, { set, names: competing }] of entered.entries()) {
      await arena.bring({ ...sets[names[place]], set, names: competing });
    }
    return measure(arena, entered, passes, seen);
  };
  return { fresh: await run(Object.keys(sets), "new", false), seen: await run(ALGORITHMS, "seen", true) };
}

/** The lane of a contender among new tokens. */
export const fresh = (set, name) => lane(`${set} new`, name);

/** The lane of a contender among tokens that were seen before. */
export const seen = (set, name) => lane(`${set} seen`, name);
