// Tokens that were verified before, so that the same token is not verified twice under the same keys.
//
// A token is found again by its whole text; one other character is another token. Only good ones are kept: a refused token
// leaves no trace, so nobody without a good token can fill the memory. Time is checked on each use, with the numbers that
// the core gave for it. Another key set forgets everything.

import type { Claims } from "./surface.js";

/** A busy process serves some hundred people within the life of a token; the core remembers as many. */
export const MOST_TOKENS = 1024;
/** In characters of token text, because the claims of a token take a small multiple of it and many verifiers may share a process. */
export const MOST_CHARACTERS = 1024 * 1024;

/** What the core says of a good token: its claims as JSON, and the seconds from and until which its time holds. */
export type Accepted = [claims: string, from: number, until: number];

/** Who checked the signature: the core itself, or WebCrypto at its request. */
export type CheckedBy = "core" | "platform";

interface Seen {
  readonly claims: Claims;
  readonly from: number;
  readonly until: number;
  readonly checkedBy: CheckedBy;
}

export class SeenTokens {
  /** In the order in which they came; what has to go, goes in this order. */
  readonly #seen = new Map<string, Seen>();
  #characters = 0;
  #generation = 0;

  /** Counts the key sets that were in force. */
  get generation(): number {
    return this.#generation;
  }

  /** Another key set is in force. */
  forgetAll(): void {
    this.#generation += 1;
    this.#seen.clear();
    this.#characters = 0;
  }

  /** The claims of this very token, if it was verified under the keys in force and its time holds. */
  recall(token: string, seconds: number): Seen | undefined {
    const seen = this.#seen.get(token);
    // Written so that a clock of no number recalls nothing.
    return seen !== undefined && seconds >= seen.from && seconds < seen.until ? seen : undefined;
  }

  /**
   * Keeps a token that was verified under the key set of `generation`, and returns its claims. They are frozen, because
   * everybody who comes with this token gets the same object.
   */
  remember(token: string, [json, from, until]: Accepted, checkedBy: CheckedBy, generation: number): Claims {
    const claims = frozen(JSON.parse(json) as Claims);
    if (generation !== this.#generation) return claims;
    this.#drop(token);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size < MOST_TOKENS && this.#characters + token.length <= MOST_CHARACTERS) break;
      this.#drop(oldest);
    }
    this.#seen.set(copyOf(token), { claims, from, until, checkedBy });
    this.#characters += token.length;
    return claims;
  }

  #drop(token: string): void {
    if (this.#seen.delete(token)) this.#characters -= token.length;
  }
}

/** Engines cut a string out of a longer one by pointing into it; kept as it is, a token would keep all the text it came in. */
function copyOf(token: string): string {
  return JSON.parse(`"${token}"`) as string;
}

/** The core limits the depth. */
function frozen<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) frozen(inner);
    Object.freeze(value);
  }
  return value;
}
