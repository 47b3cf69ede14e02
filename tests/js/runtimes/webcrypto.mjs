// The runtime's bare WebCrypto, without any token around it.

export const ALGORITHMS = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/** A function of signature and message: is it good under this key? A runtime may throw for what cannot be good; that is a no. */
export async function checkWith(alg, jwk) {
  const algorithm = ALGORITHMS[alg];
  let key;
  try {
    key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
  } catch {
    return async () => false;
  }
  return async (signature, message) => {
    try {
      return await crypto.subtle.verify(algorithm, key, signature, message);
    } catch {
      return false;
    }
  };
}
