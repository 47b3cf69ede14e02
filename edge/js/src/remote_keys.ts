// The key set of an address: when to fetch, when to do with what is there, when to give up.
//
// The times are those of the edge Worker, so that both let go of a removed key at the same age. It keeps no keys
// itself: an acceptable answer is handed to `accept`, which refuses a bad one and then keeps the set before it.

import { EdgewardError } from "./errors.js";
import { fetchKeySet, FETCH_TIMEOUT_MS } from "./fetch_key_set.js";
import type { Runtime } from "./runtime.js";

/** Older than this, the set is refreshed behind the scenes while it goes on serving. */
const SOFT_TTL_MS = 5 * 60_000;
/** Older than this, the set is not used: an issuer unreachable for a day may have revoked every key in it. */
const HARD_TTL_MS = 24 * 3_600_000;
/** An unknown `kid` costs the sender nothing; it may cost the issuer one fetch in this time. */
const UNKNOWN_KEY_COOLDOWN_MS = 30_000;
/** After a failure the next attempt waits this long, doubling up to the longest, so that a sick issuer can recover. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** How often a Worker request looks whether another request's fetch has ended. */
const POLL_MS = 20;

export class RemoteKeys {
  readonly #address: URL;
  readonly #runtime: Runtime;
  readonly #accept: (json: Uint8Array) => void;
  /** How many fetches were started, and which of them brought the set in force: an older one that ends later is dropped. */
  #started = 0;
  #inForce = 0;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #unknownKeyAt = Number.NEGATIVE_INFINITY;
  #retryAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #lastFailure: EdgewardError | undefined;
  #underWay: { readonly since: number; readonly done: Promise<void> } | undefined;

  constructor(address: URL, runtime: Runtime, accept: (json: Uint8Array) => void) {
    this.#address = address;
    this.#runtime = runtime;
    this.#accept = accept;
  }

  /** Is there a set that may be used at `now`? When it is getting old, a refresh starts behind the scenes. */
  usable(now: number): boolean {
    const age = now - this.#loadedAt;
    if (age >= SOFT_TTL_MS && age < HARD_TTL_MS) this.loadBehind(now);
    return age < HARD_TTL_MS;
  }

  /** Fetches the set for those who come later. */
  loadBehind(now: number): void {
    if (this.#mayTry(now) && !this.#isUnderWay(now)) this.#runtime.outlive(this.#fetch(now));
  }

  /** Fetches the set for somebody who can do nothing without it. Never throws; ask `usable` afterwards. */
  async load(now: number): Promise<void> {
    if (this.#runtime.sharesPromises && this.#underWay !== undefined) return this.#underWay.done;
    if (this.#mayTry(now)) await this.#fetch(now);
  }

  /** Asks once more because of a `kid` that is not in the set. True if another set may have come in. */
  async refetchForUnknownKey(now: number): Promise<boolean> {
    const before = this.#loadedAt;
    if (this.#isUnderWay(now)) {
      await this.#othersFetch();
    } else {
      if (now - this.#unknownKeyAt < UNKNOWN_KEY_COOLDOWN_MS) return false;
      this.#unknownKeyAt = now;
      await this.#fetch(now);
    }
    return this.#loadedAt !== before;
  }

  /** Why there is no usable set. */
  unavailable(): EdgewardError {
    const reason = this.#lastFailure?.reason ?? "keys-not-loaded";
    return new EdgewardError("KEYS_UNAVAILABLE", reason, { cause: this.#lastFailure?.cause });
  }

  #mayTry(now: number): boolean {
    return now >= this.#retryAt;
  }

  /** A Worker request may end in the middle of its fetch; such a fetch stops counting after its timeout. */
  #isUnderWay(now: number): boolean {
    return this.#underWay !== undefined && now - this.#underWay.since <= FETCH_TIMEOUT_MS;
  }

  async #othersFetch(): Promise<void> {
    if (this.#runtime.sharesPromises) return this.#underWay?.done;
    while (this.#isUnderWay(Date.now())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  /** Never rejects. */
  #fetch(now: number): Promise<void> {
    const done = this.#fetchOnce().finally(() => {
      if (this.#underWay?.done === done) this.#underWay = undefined;
    });
    this.#underWay = { since: now, done };
    return done;
  }

  async #fetchOnce(): Promise<void> {
    this.#started += 1;
    const turn = this.#started;
    try {
      const json = await fetchKeySet(this.#address, this.#runtime.fetchOptions);
      if (turn < this.#inForce) return;
      this.#accept(json);
      this.#inForce = turn;
      this.#loadedAt = Date.now();
      this.#failures = 0;
      this.#lastFailure = undefined;
      this.#retryAt = Number.NEGATIVE_INFINITY;
    } catch (error) {
      this.#lastFailure = error instanceof EdgewardError ? error : unexpected(error);
      const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
      this.#failures += 1;
      // Half fixed, half random: many processes that lost the same issuer must not come back in step.
      this.#retryAt = Date.now() + wait * (0.5 + Math.random() / 2);
    }
  }
}

function unexpected(cause: unknown): EdgewardError {
  return new EdgewardError("KEYS_UNAVAILABLE", "key-set-fetch-failed", { cause });
}
