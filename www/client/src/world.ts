/** What the client needs of the page around it, so that tests can be the page: a clock, chance, and ways to other tabs. */
export interface World {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since the epoch. */
  now(): number;
  /** From 0 up to, but not including, 1. */
  random(): number;
  /** Runs `act` after `delayMs`; the answer cancels that. */
  after(delayMs: number, act: () => void): () => void;
  /** Web Locks, where there are any. */
  readonly locks: Pick<LockManager, "request"> | undefined;
  /** `localStorage`, where it may be looked at; each of its methods may throw all the same. */
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined;
  /** A `BroadcastChannel`, where there are any. */
  readonly openChannel: ((name: string) => Channel) | undefined;
  /** Tells what happens to the page, for as long as it lives. */
  listen(listener: (event: PageEvent) => void): void;
  isVisible(): boolean;
  isOnline(): boolean;
  /** Leads the person there. */
  navigate(address: string): void;
}

/** The part of `BroadcastChannel` that is used. */
export interface Channel {
  onmessage: ((event: MessageEvent) => unknown) | null;
  postMessage(message: unknown): void;
  close(): void;
}

export type PageEvent =
  | { readonly kind: "visible" | "hidden" | "online" }
  /** Goes away, for good or into the browser's memory of pages. */
  | { readonly kind: "leaving" }
  /** Comes back out of that memory. */
  | { readonly kind: "restored" }
  /** Another tab has written to `localStorage`. */
  | { readonly kind: "stored"; readonly key: string | null; readonly value: string | null };

/** The page that this module runs in. Outside of a page, on a server that renders it, there is just nobody to listen to. */
export function thisPage(): World {
  const page = typeof document === "undefined" ? undefined : document;
  return {
    // `fetch` must be called on the global object, not on this one.
    fetch: (input, init) => globalThis.fetch(input, init),
    now: () => Date.now(),
    random: () => Math.random(),
    after(delayMs, act) {
      const timer = setTimeout(act, delayMs);
      return () => clearTimeout(timer);
    },
    locks: page && navigator.locks,
    storage: page && allowedStorage(),
    openChannel: page && typeof BroadcastChannel === "function" ? (name) => new BroadcastChannel(name) : undefined,
    listen(listener) {
      if (page === undefined) return;
      page.addEventListener("visibilitychange", () => listener({ kind: page.visibilityState }));
      addEventListener("online", () => listener({ kind: "online" }));
      addEventListener("pagehide", () => listener({ kind: "leaving" }));
      addEventListener("pageshow", ({ persisted }) => persisted && listener({ kind: "restored" }));
      addEventListener("storage", ({ key, newValue }) => listener({ kind: "stored", key, value: newValue }));
    },
    isVisible: () => page?.visibilityState === "visible",
    // Only `false` says something: a machine may be on a network that leads nowhere.
    isOnline: () => navigator.onLine !== false,
    navigate: (address) => location.assign(address),
  };
}

/** Reading the very property throws where a person has forbidden sites to keep anything. */
function allowedStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Resolves after `delayMs` of the world's time. */
export function pause(world: World, delayMs: number): Promise<void> {
  return new Promise((resolve) => void world.after(delayMs, resolve));
}
