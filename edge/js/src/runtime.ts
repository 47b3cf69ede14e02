// What differs between the runtimes, and nothing else.

export interface Runtime {
  /** Makes the WebAssembly instance if there is none yet. Safe to call again, also after it failed. */
  load(): void | Promise<void>;
  /** Added to the fetch of a key set. */
  readonly fetchOptions: RequestInit;
  /**
   * Is it this package that asks whether a key set has changed? Browsers do so themselves, and a condition of our own would
   * make them ask the issuer for permission first (CORS).
   */
  readonly sendsEntityTags: boolean;
  /**
   * May one caller await a promise that another caller started? Workers forbid it: a request that is over takes its
   * promises with it, and whoever waits for them hangs.
   */
  readonly sharesPromises: boolean;
  /** The names of the errors by which `importKey` says that the key itself is bad, not that it could not be looked at. */
  readonly keyErrors: readonly string[];
  /** Keeps work alive that nobody awaits. */
  outlive(work: Promise<void>): void;
}

/** As WebCrypto prescribes (Web Cryptography API, section 14.3.9 and the sections of the algorithms). */
export const KEY_ERRORS: readonly string[] = ["DataError", "NotSupportedError"];

/** Runs `load` until it has succeeded once; callers in between share the attempt. */
export function once(load: () => Promise<unknown>): () => Promise<void> {
  let attempt: Promise<unknown> | undefined;
  return async () => {
    attempt ??= load();
    try {
      await attempt;
    } catch (error) {
      attempt = undefined;
      throw error;
    }
  };
}
