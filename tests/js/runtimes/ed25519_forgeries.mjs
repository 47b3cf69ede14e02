// Ed25519 signatures made with the private key at hand and points of small order mixed in (RFC 8032 §5.1, affine and slow).

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * power(121666n, P - 2n));
const BASE = pointAt(mod(4n * power(5n, P - 2n)), 0n);
const IDENTITY = { x: 0n, y: 1n };

/** The eight points whose order divides the cofactor: multiples of one of order eight. */
const SMALL = smallOrderPoints();

/** `{ about, publicKey, signature, isHonest }` of each forgery over `message`, and of a signature without any. */
export async function forgeries(message) {
  const scalar = 0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdefn % L;
  const nonce = 0x0fedcba987654321fedcba987654321ffedcba987654321fedcba987654321n % L;
  const publicPoint = times(scalar, BASE);
  const noncePoint = times(nonce, BASE);
  const made = [];
  const make = async (about, a, A, r, R, isHonest = false) => {
    const [publicKey, commitment] = [encode(A), encode(R)];
    const challenge = mod(await hash(commitment, publicKey, message), L);
    const S = mod(r + challenge * a, L);
    made.push({ about, publicKey, signature: Uint8Array.of(...commitment, ...little(S)), isHonest });
  };
  await make("nothing of small order", scalar, publicPoint, nonce, noncePoint, true);
  for (const [index, small] of SMALL.entries()) {
    await make(`R of small order ${index}`, scalar, publicPoint, 0n, small);
    await make(`a key of small order ${index}`, 0n, small, nonce, noncePoint);
    await make(`both of small order ${index}`, 0n, small, 0n, small);
    if (index === 0) continue;
    await make(`R with a part of small order ${index}`, scalar, publicPoint, nonce, plus(noncePoint, small));
  }
  return made;
}

function smallOrderPoints() {
  // Points of order eight: L times any point outside of the prime-order group.
  for (let y = 2n; ; y += 1n) {
    const point = pointAt(y, 0n);
    const small = point && times(L, point);
    if (small && !isSame(times(4n, small), IDENTITY)) return Array.from({ length: 8 }, (_, index) => times(BigInt(index), small));
  }
}

function pointAt(y, sign) {
  const [u, v] = [mod(y * y - 1n), mod(D * y * y + 1n)];
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
  if (mod(v * x * x + u) === 0n) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(v * x * x - u) !== 0n) return undefined;
  return { x: (x & 1n) === sign ? x : mod(-x), y };
}

function plus(one, other) {
  const cross = mod(D * one.x * other.x * one.y * other.y);
  return {
    x: mod((one.x * other.y + other.x * one.y) * power(1n + cross, P - 2n)),
    y: mod((one.y * other.y + one.x * other.x) * power(1n - cross, P - 2n)),
  };
}

function times(scalar, point) {
  let [sum, doubled] = [IDENTITY, point];
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = plus(sum, doubled);
    doubled = plus(doubled, doubled);
  }
  return sum;
}

function isSame(one, other) {
  return one.x === other.x && one.y === other.y;
}

function encode({ x, y }) {
  return little(y | ((x & 1n) << 255n));
}

function little(number) {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((number >> BigInt(8 * index)) & 255n));
}

async function hash(...parts) {
  const digest = await crypto.subtle.digest("SHA-512", Uint8Array.from(parts.flatMap((part) => [...part])));
  return new Uint8Array(digest).reduceRight((number, byte) => number * 256n + BigInt(byte), 0n);
}

function power(base, exponent) {
  let [result, squared] = [1n, mod(base)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * squared);
    squared = mod(squared * squared);
  }
  return result;
}

function mod(number, modulus = P) {
  const rest = number % modulus;
  return rest < 0n ? rest + modulus : rest;
}
