// Good and mangled signatures of a key made on the spot: each verdict is known, and both the package and the runtime's bare
// WebCrypto must give it.

import { createVerifier } from "edgeward";
import { toBase64url } from "./base64url.mjs";
import { ALGORITHMS, checkWith } from "./webcrypto.mjs";

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://app.example";
const OPTIONS = { issuer: ISSUER, audience: AUDIENCE };

/** What a new key is made with, beside its algorithm. */
const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

/** Good tokens of a key until the core has prepared it for being used often, and as many again. */
const WARM = 16;

/** The order of P-256 and of Ed25519's base point. */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** `{ checked, wrong }`: how many signatures were tried, and which verdict is not the one it should be. */
export async function signatures(alg) {
  const algorithm = ALGORITHMS[alg];
  const made = alg === "RS256" ? { ...algorithm, ...RSA } : algorithm;
  const { publicKey, privateKey } = await crypto.subtle.generateKey(made, true, ["sign", "verify"]);
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", publicKey);
  const jwk = { kty, crv, x, y, n, e, kid: "k1", alg };
  const sign = async (input) => new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(input)));
  const input = signingInput(alg, "0");
  const good = await sign(input);

  const options = { ...OPTIONS, jwks: { keys: [jwk] } };
  const verifiers = { "the package": await createVerifier(options) };
  const wrong = [];
  // Only for Ed25519 does the package do the checking, in one way for a new key and in another for one in long use.
  if (alg === "EdDSA") {
    const longUsed = await createVerifier(options);
    for (let number = 1; number <= WARM; number += 1) {
      const another = signingInput(alg, `${number}`);
      if (!(await isAccepted(longUsed, another, await sign(another)))) wrong.push(`${alg}: a good signature is refused`);
    }
    verifiers["the package, with a key in long use,"] = longUsed;
  }
  const check = await checkWith(alg, { kty, crv, x, y, n, e });

  let checked = 0;
  for (const [about, signature, isGood = false] of variants(alg, good)) {
    checked += 1;
    const verdicts = { WebCrypto: await check(signature, new TextEncoder().encode(input)) };
    for (const [who, verifier] of Object.entries(verifiers)) verdicts[who] = await isAccepted(verifier, input, signature);
    for (const [who, verdict] of Object.entries(verdicts)) {
      if (verdict !== isGood) wrong.push(`${alg}, ${about}: ${who} says ${verdict}`);
    }
  }
  return { checked, wrong };
}

/** Points that are none of P-256. Some runtimes do not take such a key, others take it and find no signature of it good. */
export async function offCurve() {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ALGORITHMS.ES256, true, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const input = signingInput("ES256", "0");
  const signature = new Uint8Array(await crypto.subtle.sign(ALGORITHMS.ES256, privateKey, new TextEncoder().encode(input)));
  const another = (text) => `${text.slice(0, 5)}${text[5] === "A" ? "B" : "A"}${text.slice(6)}`;
  const wrong = [];
  let checked = 0;
  for (const [about, point] of Object.entries({
    "another y": { x, y: another(y) },
    "another x": { x: another(x), y },
    "x and y swapped": { x: y, y: x },
    "zeros": { x: toBase64url(new Uint8Array(32)), y: toBase64url(new Uint8Array(32)) },
    "all ones": { x: toBase64url(new Uint8Array(32).fill(255)), y },
  })) {
    const verifier = await createVerifier({ ...OPTIONS, jwks: { keys: [{ kty, crv, ...point, kid: "k1", alg: "ES256" }] } });
    for (const round of ["first", "second"]) {
      checked += 1;
      const said = await verifier.verifyToken(`${input}.${toBase64url(signature)}`).then(() => "accepted", ({ reason }) => reason);
      if (!["key-refused", "signature-invalid"].includes(said)) wrong.push(`${about}, ${round} time: ${said}`);
    }
  }
  return { checked, wrong };
}

function signingInput(alg, jti) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg, kid: "k1", typ: "at+jwt" };
  const payload = { iss: ISSUER, aud: AUDIENCE, sub: "ada", jti, iat: now, exp: now + 600 };
  const encode = (value) => toBase64url(new TextEncoder().encode(JSON.stringify(value)));
  return `${encode(header)}.${encode(payload)}`;
}

async function isAccepted(verifier, input, signature) {
  try {
    await verifier.verifyToken(`${input}.${toBase64url(signature)}`);
    return true;
  } catch (error) {
    if (error.reason === "signature-invalid" || error.reason === "signature-length") return false;
    throw error;
  }
}

/** What becomes of a good signature, and whether it is good still. */
function* variants(alg, good) {
  yield ["as it is", good, true];
  for (let bit = 0; bit < good.length * 8; bit += 1) {
    const changed = good.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    yield [`bit ${bit} flipped`, changed];
  }
  for (const length of [0, 1, good.length >> 1, good.length - 1]) yield [`cut to ${length}`, good.slice(0, length)];
  yield ["with a byte behind", Uint8Array.of(...good, 0)];
  yield ["with a byte before", Uint8Array.of(0, ...good)];
  yield ["zeros", new Uint8Array(good.length)];
  yield ["all ones", new Uint8Array(good.length).fill(255)];
  yield ["backwards", good.slice().reverse()];
  const [first, second] = [good.slice(0, good.length / 2), good.slice(good.length / 2)];
  yield ["halves swapped", Uint8Array.of(...second, ...first)];
  yield ["the first half zero", Uint8Array.of(...first.map(() => 0), ...second)];
  yield ["the second half zero", Uint8Array.of(...first, ...second.map(() => 0))];
  if (alg === "ES256") {
    const [r, s] = [numberOf(first), numberOf(second)];
    const pair = (r, s) => Uint8Array.of(...bytesOf(r, 32), ...bytesOf(s, 32));
    // ECDSA signatures have a twin that verifies as well (RFC 7518 asks for no lower one).
    yield ["s negated", pair(r, P256_ORDER - s), true];
    yield ["r the order", pair(P256_ORDER, s)];
    yield ["s the order", pair(r, P256_ORDER)];
    yield ["r and s one", pair(1n, 1n)];
    if (r + P256_ORDER < 2n ** 256n) yield ["r plus the order", pair(r + P256_ORDER, s)];
    if (s + P256_ORDER < 2n ** 256n) yield ["s plus the order", pair(r, s + P256_ORDER)];
  }
  if (alg === "EdDSA") {
    const s = numberOf(second.slice().reverse());
    for (const times of [1n, 2n, 8n]) {
      const larger = s + times * ED25519_ORDER;
      if (larger < 2n ** 256n) yield [`S plus ${times} times the order`, Uint8Array.of(...first, ...bytesOf(larger, 32).reverse())];
    }
  }
}

function numberOf(bytes) {
  return bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

function bytesOf(number, length) {
  return Uint8Array.from({ length }, (_, index) => Number((number >> BigInt(8 * (length - 1 - index))) & 255n));
}
