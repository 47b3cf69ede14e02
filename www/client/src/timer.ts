import { AuthError } from "./error.js";
import type { World } from "./world.js";

/** A refresh this long before the end leaves time for several attempts. */
const AHEAD_MS = 5 * 60_000;

/** Of a shorter life, so much is used first. */
const SHARE = 0.8;

/** By so much of what is left after the due moment tabs and machines spread, so that they do not come in step. */
const SPREAD = 0.25;

/** A timer stands still while the machine sleeps, so it looks at the clock at least this often. */
const NAP_MS = 60_000;

/** After a failure the next attempt comes after 5 s, then 10 s, up to a minute, each spread by half. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;

/** The moment to refresh: the later of five minutes before the end and 80 % of the life. */
export function dueAt(from: number, until: number): number {
  return Math.max(until - AHEAD_MS, from + SHARE * (until - from));
}

/**
 * Does what is due: refreshes before the access token ends, or asks again after a failure. It goes by the clock and not by the length of a timer, sleeps while the page is
 * hidden (nobody looks, and browsers starve timers there anyway) and wakes when it is looked at again or the network is back.
 */
export class Timer {
  #due: number | undefined;
  #cancel = () => {};
  #failures = 0;
  #notBefore = 0;
  #isBusy = false;

  /** @param act does it, and fails if it could not */
  constructor(
    private readonly world: World,
    private readonly act: () => Promise<void> | void,
  ) {}

  /** An access token counts from `from` to `until`. */
  arm(from: number, until: number): void {
    const due = dueAt(from, until);
    this.#due = due + SPREAD * this.world.random() * (until - due);
    this.#failures = 0;
    this.#sleep();
  }

  stop(): void {
    this.#due = undefined;
    this.#failures = 0;
    this.#cancel();
  }

  /** What is to be done has failed: it is due again after a pause, and not before the issuer said to come back. */
  fail(error: unknown): void {
    const now = this.world.now();
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#notBefore = now + (error instanceof AuthError ? (error.retryAfter ?? 0) : 0) * 1_000;
    this.#due = Math.max(now + pause * (1 + this.world.random() / 2), this.#notBefore);
    this.#sleep();
  }

  /**
   * The page was looked at, or the network is back, or a nap is over.
   * @param anew whether that is a reason not to wait for the pause after a failure to end
   */
  wake(anew = false): void {
    if (anew && this.#failures > 0) this.#due = Math.max(this.world.now(), this.#notBefore);
    if (this.#due !== undefined && !this.#isBusy && this.#mayAct() && this.world.now() >= this.#due) void this.#run();
    else this.#sleep();
  }

  #mayAct(): boolean {
    return this.world.isVisible() && this.world.isOnline();
  }

  #sleep(): void {
    this.#cancel();
    if (this.#due === undefined || this.#isBusy || !this.#mayAct()) return;
    const rest = Math.max(this.#due - this.world.now(), 0);
    this.#cancel = this.world.after(Math.min(rest, NAP_MS), () => this.wake());
  }

  async #run(): Promise<void> {
    const due = this.#due;
    this.#isBusy = true;
    try {
      await this.act();
      // Whoever renewed has armed it anew; otherwise there is nothing left to be in time for.
      if (this.#due === due) this.#due = undefined;
    } catch (error) {
      if (this.#due === due) this.fail(error);
    } finally {
      this.#isBusy = false;
      this.#sleep();
    }
  }
}
