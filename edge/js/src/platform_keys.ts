// Signatures that WebCrypto checks: ES256 and RS256. Nothing is decided here; the core asks and judges.

import { EdgewardError, type PackageReason } from "./errors.js";
import type { Runtime } from "./runtime.js";
import type { Question } from "./wasm/edgeward.js";

/** The largest key set that the core accepts fits. */
const MOST_KEYS = 100;

/** What imports a key and what checks with it, in one: each takes the members that it knows. */
type Algorithm = RsaHashedImportParams | (EcKeyImportParams & EcdsaParams);

/** By the kind of a key: each has one here. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  EC: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RSA: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/** What WebCrypto is to check before the core goes on. */
export interface Asked {
  /** The core gives the same key the same number. */
  readonly keyNumber: number;
  /** So much of the token was signed. */
  readonly signedBytes: number;
  /** In the memory of the core: to be used before anything is waited for. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** A key of the platform with what it is checked by. */
interface Imported {
  readonly subtle: SubtleCrypto;
  readonly key: CryptoKey;
  readonly algorithm: Algorithm;
}

/** The platform does not take this key, for example because the point is not on the curve. */
const REFUSED = "refused";

type Outcome = Imported | typeof REFUSED;

/** The keys of one verifier, each imported once. */
export class PlatformKeys {
  readonly #runtime: Runtime;
  /** By the number that the core gave the key. The oldest first. */
  readonly #keys = new Map<number, Outcome | Promise<Outcome>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Is the signature good? `undefined`: the platform does not take the key. Rejected: it does not take the signature.
   * @throws {EdgewardError} `CRYPTO_UNAVAILABLE`, at once or as what the promise is rejected with
   */
  check(question: Question, asked: Asked, message: Uint8Array<ArrayBuffer>): Promise<boolean | undefined> {
    const known = this.#keys.get(asked.keyNumber);
    // A promise less for each token of a known key.
    if (known !== undefined && !(known instanceof Promise)) return check(known, asked.signature, message);
    const signature = asked.signature.slice();
    const pending = known ?? this.#import(asked.keyNumber, question);
    return pending.then((outcome) => check(outcome, signature, message));
  }

  #import(number: number, question: Question): Promise<Outcome> {
    const pending = this.#imported(webCrypto(), number, JSON.parse(question.key() ?? "{}") as JsonWebKey);
    if (this.#runtime.sharesPromises) {
      this.#keep(number, pending);
      // The next token tries again.
      pending.catch(() => this.#keys.delete(number));
    }
    return pending;
  }

  async #imported(subtle: SubtleCrypto, number: number, jwk: JsonWebKey): Promise<Outcome> {
    let outcome: Outcome;
    try {
      const algorithm = ALGORITHMS[jwk.kty as string] as Algorithm;
      outcome = { subtle, key: await subtle.importKey("jwk", jwk, algorithm, false, ["verify"]), algorithm };
    } catch (cause) {
      if (!this.#runtime.keyErrors.includes((cause as Partial<Error> | undefined)?.name ?? "")) {
        throw new EdgewardError("CRYPTO_UNAVAILABLE", "key-not-imported" satisfies PackageReason, { cause });
      }
      outcome = REFUSED;
    }
    this.#keep(number, outcome);
    return outcome;
  }

  #keep(number: number, key: Outcome | Promise<Outcome>): void {
    this.#keys.set(number, key);
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= MOST_KEYS) break;
      this.#keys.delete(oldest);
    }
  }
}

function check(outcome: Outcome, signature: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<boolean | undefined> {
  if (outcome === REFUSED) return Promise.resolve(undefined);
  return outcome.subtle.verify(outcome.algorithm, outcome.key, signature, message);
}

function webCrypto(): SubtleCrypto {
  const crypto = globalThis.crypto as Crypto | undefined;
  // Browsers hide it from pages that did not come over https or from this machine.
  const subtle = crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) {
    throw new EdgewardError("CRYPTO_UNAVAILABLE", "no-web-crypto" satisfies PackageReason, {
      message: "edgeward: ES256 and RS256 need crypto.subtle, which browsers offer in secure contexts only",
    });
  }
  return subtle;
}
