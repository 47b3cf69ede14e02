// The tables of key sets and PEM keys, in the runtime at hand: what is read and what is refused, for which reason.

import { createVerifier } from "edgeward";
import { fromBase64url } from "./base64url.mjs";
import { at, sayingOf } from "./said.mjs";

const EXPECTED = { issuer: "https://id.example", audience: "https://app.example" };
const ADDRESS = "https://keys.example/jwks.json";

/** `{ checked, wrong }` of the sets, each as an address answers it and, where JavaScript can hold it unchanged, as an option. */
export function keySets({ now, sets }) {
  return at(now, async () => {
    const wrong = [];
    let given = 0;
    for (const { about, document, refused, probes } of sets) {
      const bytes = fromBase64url(document);
      const answered = await answering(bytes, async () => {
        const verifier = await createVerifier({ ...EXPECTED, jwksUri: ADDRESS });
        if (refused !== null) return [await sayingOf(() => verifier.verifyToken("a.b.c"), ({ code, reason }) => `${code} ${reason}`)];
        return sayings(verifier, probes);
      });
      const said = refused === null ? probes.map(({ said }) => said) : [`KEYS_UNAVAILABLE ${refused}`];
      if (answered.join() !== said.join()) wrong.push(`${about}, from an address: ${answered} instead of ${said}`);

      const jwks = unchanged(bytes);
      if (jwks === undefined) continue;
      given += 1;
      let verifier;
      const creation = await sayingOf(async () => {
        verifier = await createVerifier({ ...EXPECTED, jwks });
      }, refusalOf);
      if (creation !== (refused ?? "ok")) wrong.push(`${about}, as an option: ${creation} instead of ${refused ?? "ok"}`);
      if (verifier === undefined || refused !== null) continue;
      const sayingsNow = await sayings(verifier, probes);
      if (sayingsNow.join() !== said.join()) wrong.push(`${about}, as an option: ${sayingsNow} instead of ${said}`);
    }
    if (given * 4 < sets.length * 3) wrong.push(`only ${given} of ${sets.length} sets could be given as an option`);
    return { checked: sets.length, wrong };
  });
}

/** `{ checked, wrong }` of the PEM keys. */
export async function pemKeys({ pems }) {
  const wrong = [];
  for (const { about, pem, refused } of pems) {
    // An empty text is no option at all.
    const expected = pem === "" ? "publicKey" : (refused ?? "ok");
    const describe = pem === "" ? undefined : refusalOf;
    const said = await sayingOf(() => createVerifier({ ...EXPECTED, publicKey: pem }), describe);
    if (said !== expected) wrong.push(`${about}: ${said} instead of ${expected}`);
  }
  return { checked: pems.length, wrong };
}

async function sayings(verifier, probes) {
  const sayings = [];
  for (const { token } of probes) sayings.push(await sayingOf(() => verifier.verifyToken(token)));
  return sayings;
}

/** The reason stands at the end of the message, behind the option that is not acceptable. */
function refusalOf({ code, message }) {
  const [, reason] = / is not acceptable: ([a-z0-9-]+)$/.exec(message) ?? [];
  return code === "INVALID_OPTIONS" && reason !== undefined ? reason : `${code} ${message}`;
}

/** Runs `work` while the address of the keys answers with `bytes`. Other fetches are the runtime's own, for its WebAssembly. */
async function answering(bytes, work) {
  const realFetch = globalThis.fetch;
  globalThis.fetch = (address, options) =>
    String(address) === ADDRESS ? Promise.resolve(new Response(bytes)) : realFetch.call(globalThis, address, options);
  try {
    return await work();
  } finally {
    globalThis.fetch = realFetch;
  }
}

/** The set as an object, if what the package makes of that object is the same text again. */
function unchanged(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const jwks = JSON.parse(text);
    return JSON.stringify(jwks) === text && Array.isArray(jwks.keys) ? jwks : undefined;
  } catch {
    return undefined;
  }
}
