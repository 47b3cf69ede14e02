// Signatures that WebCrypto checks: ES256 and RS256. Nothing is decided here; the core asks and judges.

import { EdgewardError } from "./errors.js";
import type { Runtime } from "./runtime.js";
import type { Question } from "./wasm/edgeward.js";

/** The largest key set that the core accepts fits. */
const MOST_KEYS = 100;

/** What imports a key and what checks with it, in one: each takes the members that it knows. */
type Algorithm = RsaHashedImportParams | (EcKeyImportParams & EcdsaParams);

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/**
 * A key of the platform with what it is checked by; `undefined` if the platform does not take this one, for example because the
 * point is not on the curve.
 */
type Imported = { readonly key: CryptoKey; readonly algorithm: Algorithm } | undefined;

/** The keys of one verifier, each imported once. */
export class PlatformKeys {
  readonly #runtime: Runtime;
  /** By the number that the core gave the key. The oldest first. */
  readonly #keys = new Map<number, Imported | Promise<Imported>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Is the signature good? `undefined`: the platform does not take the key.
   * @throws {EdgewardError} `CRYPTO_UNAVAILABLE`
   */
  async check(question: Question): Promise<boolean | undefined> {
    const subtle = webCrypto();
    const number = question.keyNumber();
    const known = this.#keys.has(number) ? this.#keys.get(number) : this.#import(subtle, number, question);
    const [message, signature] = [question.message(), question.signature()];
    const imported = known instanceof Promise ? await known : known;
    if (imported === undefined) return undefined;
    try {
      return await subtle.verify(imported.algorithm, imported.key, signature as BufferSource, message as BufferSource);
    } catch {
      // The platform may not even try with a signature that cannot be one.
      return false;
    }
  }

  #import(subtle: SubtleCrypto, number: number, question: Question): Promise<Imported> | undefined {
    const algorithm = ALGORITHMS[question.algorithm()];
    if (algorithm === undefined) return undefined;
    const pending = subtle
      .importKey("jwk", JSON.parse(question.key()) as JsonWebKey, algorithm, false, ["verify"])
      .then(
        (key) => ({ key, algorithm }),
        () => undefined,
      )
      .then((imported) => {
        this.#keep(number, imported);
        return imported;
      });
    if (this.#runtime.sharesPromises) this.#keep(number, pending);
    return pending;
  }

  #keep(number: number, key: Imported | Promise<Imported>): void {
    this.#keys.set(number, key);
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= MOST_KEYS) break;
      this.#keys.delete(oldest);
    }
  }
}

function webCrypto(): SubtleCrypto {
  const crypto = globalThis.crypto as Crypto | undefined;
  // Browsers hide it from pages that did not come over https or from this machine.
  const subtle = crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) {
    throw new EdgewardError("CRYPTO_UNAVAILABLE", "no-web-crypto", {
      message: "edgeward: ES256 and RS256 need crypto.subtle, which browsers offer in secure contexts only",
    });
  }
  return subtle;
}
