// The key set of an address: when to fetch, when to do with what is there, when to give up.
//
// The rules and times are those of the edge Worker (core/src/keys/freshness.rs), so that both let go of a removed key at the
// same age; they are written twice, because the package would grow by more than this file. A test holds the numbers together. Two kinds of
// fetches are kept apart, so that neither hinders the other: refreshes, which good tokens live on, wait after failures;
// fetches for unknown key ids, which anybody can provoke, have a cooldown that their own number cannot prolong. It keeps no
// keys itself: a good answer is handed to `accept`, which refuses a bad one and then keeps the set before it.

import { EdgewardError, type PackageReason } from "./errors.js";
import { fetchKeySet } from "./fetch_key_set.js";
import type { Runtime } from "./runtime.js";

/** Older than this, the set is refreshed behind the scenes while it goes on serving. */
const SOFT_TTL_MS = 5 * 60_000;
/** Older than this without a word of the issuer, the set is used only if a refresh just failed: an idle process must not go by old keys. */
const UNCONFIRMED_TTL_MS = 15 * 60_000;
/** Older than this, the set is not used: an issuer unreachable for a day may have revoked every key in it. */
const HARD_TTL_MS = 24 * 3_600_000;
/** An unknown `kid` costs the sender nothing; it may cost the issuer one fetch in this time. */
const UNKNOWN_KEY_COOLDOWN_MS = 30_000;
/** After a failure the next attempt waits this long, doubling up to the longest, so that a sick issuer can recover. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** Longer than a fetch may take; one that has not ended by then was dropped together with its request. */
const FETCH_LEASE_MS = 8_000;
/** Calls that overlap tell the time in any order, by as much as one may wait. Beyond that the clock was set back. */
const OVERLAP_MS = 10_000;
/** A fetch may be lost together with its request; the one after it is waited for as well. */
const MOST_WAITS = 2;
/** The first look at another request's fetch; each further one waits twice as long, up to the longest. */
const FIRST_LOOK_MS = 2;
const LONGEST_LOOK_MS = 32;

const NEVER = Number.NEGATIVE_INFINITY;

/** A fetch that has not ended. They count up, so that an older one that ends later is recognised. */
interface Fetching {
  readonly turn: number;
  readonly since: number;
  readonly done: Promise<void>;
}

/** Is a refresh due, or does a token name a key that is not there? */
type Cause = "set" | "unknown-key";

export class RemoteKeys {
  readonly #address: URL;
  readonly #runtime: Runtime;
  readonly #accept: (json: Uint8Array) => void;
  #turns = 0;
  /** The fetch that brought or confirmed the set in force, when that fetch began, and the set's entity tag. */
  #inForce = 0;
  #loadedAt = NEVER;
  #entityTag: string | undefined;
  #underWay: Fetching | undefined;
  #unknownKeyAt = NEVER;
  #failedAt = NEVER;
  #retryAfter = 0;
  #failures = 0;
  #lastFailure: EdgewardError | undefined;

  constructor(address: URL, runtime: Runtime, accept: (json: Uint8Array) => void) {
    this.#address = address;
    this.#runtime = runtime;
    this.#accept = accept;
  }

  /** Is there a set that may be used at `now`? When it is getting old, a refresh starts behind the scenes. */
  usable(now: number): boolean {
    let age = now - this.#loadedAt;
    if (age < -OVERLAP_MS) {
      // How old the set is cannot be known any more: due for a refresh, and used for a day of the new time at most.
      this.#loadedAt = now - SOFT_TTL_MS;
      age = SOFT_TTL_MS;
    }
    if (age >= SOFT_TTL_MS && age < HARD_TTL_MS) this.loadBehind(now);
    return age < this.#life(now);
  }

  /**
   * How old a set may be. One that nothing confirmed for long is used only while the issuer need not or cannot be asked again:
   * until the next attempt after a failure is due, and as long as that one may take, so that a busy process never waits.
   */
  #life(now: number): number {
    return within(this.#failedAt, this.#retryAfter + FETCH_LEASE_MS, now) ? HARD_TTL_MS : UNCONFIRMED_TTL_MS;
  }

  /** Fetches the set for those who come later. */
  loadBehind(now: number): void {
    if (this.#mayRefresh(now) && !this.#isUnderWay(now)) this.#runtime.outlive(this.#fetch(now, "set"));
  }

  /** Fetches the set for somebody who can do nothing without it. Never throws; ask `usable` afterwards. */
  async load(): Promise<void> {
    for (let waits = 0; waits <= MOST_WAITS; waits += 1) {
      const now = Date.now();
      if (now - this.#loadedAt < this.#life(now)) return;
      if (!this.#isUnderWay(now)) return this.#mayRefresh(now) ? this.#fetchKept(now, "set") : undefined;
      await this.#othersFetch();
    }
  }

  /** Asks once more because of a `kid` that is not in the set. True if another set may have come in. */
  async refetchForUnknownKey(): Promise<boolean> {
    const before = this.#inForce;
    for (let waits = 0; waits <= MOST_WAITS && this.#inForce === before; waits += 1) {
      const now = Date.now();
      if (!this.#isUnderWay(now)) {
        if (within(this.#unknownKeyAt, UNKNOWN_KEY_COOLDOWN_MS, now)) return false;
        this.#unknownKeyAt = now;
        await this.#fetchKept(now, "unknown-key");
        break;
      }
      // If it brings nothing, the key is worth a fetch of its own.
      await this.#othersFetch();
    }
    return this.#inForce !== before;
  }

  /** Why there is no usable set. */
  unavailable(): EdgewardError {
    const reason = this.#lastFailure?.reason ?? ("keys-not-loaded" satisfies PackageReason);
    return new EdgewardError("KEYS_UNAVAILABLE", reason, { cause: this.#lastFailure?.cause });
  }

  #mayRefresh(now: number): boolean {
    return !within(this.#failedAt, this.#retryAfter, now);
  }

  #isUnderWay(now: number): boolean {
    return this.#underWay !== undefined && within(this.#underWay.since, FETCH_LEASE_MS, now);
  }

  async #othersFetch(): Promise<void> {
    if (this.#runtime.sharesPromises) return this.#underWay?.done;
    let pause = FIRST_LOOK_MS;
    while (this.#isUnderWay(Date.now())) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, LONGEST_LOOK_MS);
    }
  }

  /** A fetch that goes on even if the caller's request ends: others are looking at its outcome. */
  async #fetchKept(now: number, cause: Cause): Promise<void> {
    const done = this.#fetch(now, cause);
    this.#runtime.outlive(done);
    await done;
  }

  /** Never rejects. */
  #fetch(now: number, cause: Cause): Promise<void> {
    this.#turns += 1;
    const turn = this.#turns;
    const done = this.#fetchOnce(turn, now, cause).finally(() => {
      if (this.#underWay?.turn === turn) this.#underWay = undefined;
    });
    this.#underWay = { turn, since: now, done };
    return done;
  }

  async #fetchOnce(turn: number, since: number, cause: Cause): Promise<void> {
    const held = { entityTag: this.#entityTag, by: this.#inForce };
    try {
      const answer = await fetchKeySet(this.#address, this.#runtime, held.entityTag);
      if (answer === "unchanged") {
        if (this.#inForce !== held.by) return;
      } else {
        if (turn < this.#inForce) return;
        this.#accept(answer.json);
        this.#entityTag = answer.entityTag;
      }
      this.#inForce = turn;
      // Its age counts from the question: a key that was removed while the answer was on its way is in it.
      this.#loadedAt = since;
      this.#failures = 0;
      this.#failedAt = NEVER;
      this.#lastFailure = undefined;
    } catch (error) {
      // What was wrong may be the conditional answer itself, so the next fetch asks for the whole set.
      this.#entityTag = undefined;
      this.#lastFailure = error instanceof EdgewardError ? error : unexpected(error);
      const latest = this.#underWay?.turn === turn;
      if (latest && cause === "set") this.#putOff();
    }
  }

  #putOff(): void {
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#failedAt = Date.now();
    // Up to a quarter more: many processes that lost the same issuer must not come back in step.
    this.#retryAfter = wait * (1 + Math.random() / 4);
  }
}

/** Does `now` lie less than `duration` after `then`? A clock that was set back does not hold anything up. */
function within(then: number, duration: number, now: number): boolean {
  const past = now - then;
  return past >= -OVERLAP_MS && past < duration;
}

function unexpected(cause: unknown): EdgewardError {
  return new EdgewardError("KEYS_UNAVAILABLE", "key-set-fetch-failed" satisfies PackageReason, { cause });
}
