// Tokens that were verified before, so that the same token is not verified twice under the same keys.
//
// A token counts as seen by its whole text; one other character makes another token. Only good ones are kept: a refused token
// leaves no trace, so nobody without a good token can fill the memory. Time is checked on each use, with the numbers that
// the core gave for it. Another key set forgets everything.

import type { Claims } from "./surface.js";

/** A busy process serves some hundred people within the life of a token; the core remembers as many. */
export const MOST_TOKENS = 1024;
/** In characters of token text, because the claims of a token take a small multiple of it and many verifiers may share a process. */
export const MOST_CHARACTERS = 1024 * 1024;

/** What the core says of a good token: its claims as JSON, and the seconds from and until which its time holds. */
export interface Accepted {
  readonly claims: string;
  readonly from: number;
  readonly until: number;
}

/** Who checked the signature: the core itself, or WebCrypto at its request. */
export type CheckedBy = "core" | "platform";

/**
 * A token is looked for by so many of its last characters, because engines hash a text character by character; then all of it
 * is compared. They are the end of a signature, 256 bits of it: nobody makes two good tokens that share them.
 */
const CHARACTERS_TO_FIND_BY = 43;

interface Seen {
  readonly token: string;
  readonly claims: Claims;
  readonly from: number;
  readonly until: number;
  readonly checkedBy: CheckedBy;
}

export class SeenTokens {
  readonly #seen = new Map<string, Seen>();
  /** Leads to the one that came first; what has to go, goes in this order. It is kept because a new one passes all that went. */
  readonly #oldest = this.#seen.values();
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
    const seen = this.#seen.get(endOf(token));
    if (seen?.token !== token) return undefined;
    // Written so that a clock of no number recalls nothing.
    return seconds >= seen.from && seconds < seen.until ? seen : undefined;
  }

  /**
   * Keeps a token that was verified under the key set of `generation`, and returns its claims. They are frozen, because
   * everybody who comes with this token gets the same object.
   */
  remember(token: string, { claims: json, from, until }: Accepted, checkedBy: CheckedBy, generation: number): Claims {
    const claims = frozen(JSON.parse(json) as Claims);
    if (generation !== this.#generation) return claims;
    const kept = copyOf(token);
    const end = endOf(kept);
    this.#drop(this.#seen.get(end));
    while (this.#seen.size >= MOST_TOKENS || this.#characters + token.length > MOST_CHARACTERS) {
      const { value, done } = this.#oldest.next();
      if (done) break;
      this.#drop(value);
    }
    this.#seen.set(end, { token: kept, claims, from, until, checkedBy });
    this.#characters += kept.length;
    return claims;
  }

  #drop(seen: Seen | undefined): void {
    if (seen === undefined) return;
    this.#seen.delete(endOf(seen.token));
    this.#characters -= seen.token.length;
  }
}

function endOf(token: string): string {
  return token.slice(-CHARACTERS_TO_FIND_BY);
}

/** Engines cut a string out of a longer one by pointing into it; kept as it is, a token would keep all the text it came in. */
function copyOf(token: string): string {
  return token.split(".").join(".");
}

/** What `JSON.parse` made, frozen. The core limits the depth. */
function frozen<Value extends object>(value: Value): Value {
  // An index is several times as fast as an iterator, and most of a token's values lie in arrays.
  const inner = Array.isArray(value) ? value : Object.values(value);
  for (let place = 0; place < inner.length; place += 1) {
    const one: unknown = inner[place];
    if (typeof one === "object" && one !== null) frozen(one);
  }
  return Object.freeze(value);
}
