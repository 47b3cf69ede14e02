// Good and mangled signatures, judged by the package and by the runtime's bare WebCrypto: the verdicts are the same.
//
// For Ed25519 the package accepts what WebCrypto accepts, less keys and signatures with a part of small order, which no
// honest signer makes; those are refused here whatever the platform says.

import { createVerifier } from "edgeward";
import { forgeries } from "./ed25519_forgeries.mjs";
import { toBase64url } from "./base64url.mjs";

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://app.example";
const OPTIONS = { issuer: ISSUER, audience: AUDIENCE };

const ALGORITHMS = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
};

/** The order of P-256 and of Ed25519's base point. */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** `{ checked, wrong }`: how many signatures were tried, and where the two verdicts differ. */
export async function signatures(alg) {
  const algorithm = ALGORITHMS[alg];
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", publicKey);
  const verifier = await createVerifier({ ...OPTIONS, jwks: { keys: [{ kty, crv, x, y, n, e, kid: "k1", alg }] } });
  const input = signingInput(alg);
  const message = new TextEncoder().encode(input);
  const good = new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, message));
  if (!(await isAccepted(verifier, input, good))) return { checked: 1, wrong: [`${alg}: a good signature is refused`] };

  const wrong = [];
  let checked = 0;
  for (const [about, signature] of variants(alg, good)) {
    checked += 1;
    const ours = await isAccepted(verifier, input, signature);
    const theirs = await isGood(algorithm, publicKey, signature, message);
    if (ours !== theirs) wrong.push(`${alg}, ${about}: we say ${ours}, WebCrypto says ${theirs}`);
  }
  return { checked, wrong };
}

/** Signatures that take the private key to make, with parts of small order: refused. */
export async function smallOrder() {
  const input = signingInput("EdDSA");
  const wrong = [];
  let checked = 0;
  for (const { about, publicKey, signature, isHonest } of await forgeries(new TextEncoder().encode(input))) {
    checked += 1;
    const jwk = { kty: "OKP", crv: "Ed25519", x: toBase64url(publicKey), kid: "k1", alg: "EdDSA" };
    let accepted = false;
    try {
      accepted = await isAccepted(await createVerifier({ ...OPTIONS, jwks: { keys: [jwk] } }), input, signature);
    } catch (error) {
      // The key itself is refused.
      if (error.code !== "INVALID_OPTIONS") throw error;
    }
    if (accepted !== isHonest) wrong.push(`${about}: we say ${accepted}`);
  }
  return { checked, wrong };
}

/** Points that are none of P-256. Some runtimes do not take such a key, others take it and find no signature of it good. */
export async function offCurve() {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ALGORITHMS.ES256, true, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const input = signingInput("ES256");
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

function signingInput(alg) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg, kid: "k1", typ: "at+jwt" };
  const payload = { iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 600 };
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

/** A runtime may throw for what cannot be a signature; that is a refusal too. */
async function isGood(algorithm, key, signature, message) {
  try {
    return await crypto.subtle.verify(algorithm, key, signature, message);
  } catch {
    return false;
  }
}

function* variants(alg, good) {
  yield ["as it is", good];
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
    yield ["s negated", pair(r, P256_ORDER - s)];
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
