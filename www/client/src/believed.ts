import type { Session } from "./session.js";

/** Who is signed in, as far as this tab knows, and who wants to be told when that changes. */
export class Believed {
  /** Counts sign-ins and sign-outs, this tab's and others', so that an answer from before one is known for what it is. */
  turn = 0;
  /** `undefined`: not known. */
  session: Session | null | undefined;
  /** Somebody who listens asked and got no answer, so the next one is news to them whatever it says. */
  isAwaited = false;
  /** What listeners were told or could have asked for last. It outlives doubts, which are no change. */
  #last: string | undefined;
  readonly #listeners = new Set<(session: Session | null) => void>();

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  listen(listener: (session: Session | null) => void): () => void {
    // A function of its own each time: who listens twice stops twice.
    const each = (session: Session | null) => listener(session);
    this.#listeners.add(each);
    return () => void this.#listeners.delete(each);
  }

  /** Somebody signed in or out. */
  become(session: Session | null): void {
    this.turn += 1;
    this.know(session, true);
  }

  /** @param isNews whether it is a change even if nothing was known before */
  know(session: Session | null, isNews: boolean): void {
    const text = JSON.stringify(session);
    const isChange = this.isAwaited || (this.#last === undefined ? isNews : this.#last !== text);
    this.isAwaited = false;
    this.session = session;
    this.#last = text;
    if (!isChange) return;
    for (const listener of [...this.#listeners]) {
      try {
        listener(session);
      } catch (error) {
        // The next listener is told all the same, and the page sees the error as any other.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
