import { AuthError, refusal } from "./error.js";
import type { Answer } from "./http.js";
import type { Lock } from "./lock.js";
import { readLife } from "./session.js";
import type { Tabs } from "./tabs.js";
import { pause, type World } from "./world.js";

/** What came of it: new cookies, perhaps another tab's; or the session is over; or somebody else may have renewed it. */
export type Renewal = "renewed" | "over" | Elsewhere;

/** Whether there are new cookies shows when they are used. If not, so many attempts are left to get some. */
export interface Elsewhere {
  readonly attemptsLeft: number;
}

/** One may be lost or come at a bad moment; more would be a burden to an issuer in trouble. */
const ATTEMPTS = 2;

/** The pause before the second attempt, where the issuer names none, is once to twice this. */
const BACKOFF_MS = 500;

/** Where another tab's refresh is under way and the issuer does not say for how long. */
const IN_PROGRESS_MS = 1_000;

/** Whoever is told to come back later than this is told so at once: a person does not wait for it. */
const LONGEST_PAUSE_MS = 10_000;

/** Renews the cookies: once at a time in this tab, and once at a time in all tabs. */
export class Refresher {
  #flight: Promise<Renewal> | undefined;
  /** Told to come back later: nobody asks before then. */
  #rest: { readonly until: number; readonly failure: AuthError } | undefined;

  constructor(
    private readonly world: World,
    private readonly lock: Lock,
    private readonly tabs: Tabs,
    private readonly post: () => Promise<Answer>,
  ) {}

  /** What `renew` is told, taken before the request that then turns out to need it. */
  mark(): string | undefined {
    return this.tabs.latest()?.id;
  }

  /**
   * Whoever comes while a refresh is under way waits for its outcome, and whoever comes after one that is later than
   * their `mark` needs none.
   * @param before what came of it the last time, if that left it open
   * @throws {AuthError} if it is not known what became of the session
   */
  async renew(mark: string | undefined, before?: Elsewhere): Promise<Renewal> {
    const news = this.#news(mark);
    if (news !== undefined) return news;
    this.#flight ??= this.lock
      .hold(async (waited) => {
        const news = this.#news(mark);
        if (news !== undefined) return news;
        // The other tab has finished, one way or the other, and its word may come after its lock.
        if (waited && before === undefined) return { attemptsLeft: ATTEMPTS };
        return this.#attempt(mark, before?.attemptsLeft ?? ATTEMPTS);
      })
      .finally(() => {
        this.#flight = undefined;
      });
    return this.#flight;
  }

  #news(mark: string | undefined): Renewal | undefined {
    const note = this.tabs.latest();
    if (note === undefined || note.id === mark) return undefined;
    return note.who === null ? "over" : "renewed";
  }

  async #attempt(mark: string | undefined, attempts: number): Promise<Renewal> {
    for (let attempt = 1; ; attempt += 1) {
      const startedAt = this.world.now();
      if (this.#rest !== undefined && startedAt < this.#rest.until) throw this.#rest.failure;
      let failure: AuthError;
      try {
        const answer = await this.post();
        if (answer.ok) {
          const life = readLife(answer);
          // The answer names nobody; what an earlier note said of a sign-out is not true any more.
          const who = this.tabs.latest()?.who || "";
          this.tabs.leave({ who, at: startedAt, until: life === undefined ? null : startedAt + life, entered: false });
          return "renewed";
        }
        // Only a 401 of the issuer's own says that the session is over, and not if somebody has signed in meanwhile.
        if (answer.status === 401 && typeof answer.problem?.["code"] === "string") return this.#news(mark) ?? "over";
        failure = refusal(answer);
      } catch (error) {
        if (!(error instanceof AuthError)) throw error;
        failure = error;
      }
      const asked = failure.retryAfter === undefined ? undefined : failure.retryAfter * 1_000;
      if (asked !== undefined) this.#rest = { until: this.world.now() + asked, failure };
      if (attempt >= attempts || !isPassing(failure.status) || (asked ?? 0) > LONGEST_PAUSE_MS) throw failure;
      const isInProgress = failure.status === 409;
      await pause(this.world, asked ?? (isInProgress ? IN_PROGRESS_MS : BACKOFF_MS * (1 + this.world.random())));
      // A timer may be a millisecond early.
      this.#rest = undefined;
      const news = this.#news(mark);
      if (news !== undefined) return news;
      if (isInProgress) return { attemptsLeft: attempts - attempt };
    }
  }
}

/** Whether the same request may fare better in a moment. 0 is no answer at all. */
function isPassing(status: number): boolean {
  return status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;
}
