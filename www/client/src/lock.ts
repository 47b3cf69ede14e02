import { pause, type World } from "./world.js";

/**
 * How long to wait for another tab. Longer than one answer may take; whoever waited for nothing goes on without the lock, because
 * it only spares requests: the issuer makes sure that simultaneous refreshes harm nobody.
 */
const PATIENCE_MS = 12_000;

/** A lease outlives what is done under it, and ends by itself if its tab was closed. */
const LEASE_MS = 25_000;

/** How often a waiting tab looks at the lease. */
const LOOK_MS = 100;

/** How long a written lease is left alone before it counts: another tab may have written its own at the same moment. */
const SETTLE_MS = 30;

/** The lock of all tabs of an origin, by Web Locks; without them by a lease in `localStorage`; without that, none. */
export class Lock {
  /** Under which name this tab holds the lease, if it does. */
  #lease: string | undefined;

  constructor(
    private readonly world: World,
    private readonly name: string,
  ) {
    // Browsers free a Web Lock with its page.
    world.listen(({ kind }) => {
      if (kind === "leaving") this.#giveBack();
    });
  }

  /** Runs `work` while no other tab does; it is told whether another tab had to be waited for. */
  async hold<T>(work: (waited: boolean) => Promise<T>): Promise<T> {
    let entered = false;
    const enter = (waited: boolean) => {
      entered = true;
      return work(waited);
    };
    try {
      if (this.world.locks) return await this.#byWebLock(this.world.locks, enter);
    } catch (error) {
      if (entered) throw error;
      // A frame without an origin, or a page that is being closed.
    }
    return this.#byLease(enter);
  }

  async #byWebLock<T>(locks: Pick<LockManager, "request">, enter: (waited: boolean) => Promise<T>): Promise<T> {
    const free = await locks.request(this.name, { ifAvailable: true }, async (lock) =>
      lock === null ? undefined : { value: await enter(false) },
    );
    if (free !== undefined) return free.value;
    const patience = new AbortController();
    const cancel = this.world.after(PATIENCE_MS, () => patience.abort());
    let isMine = false;
    try {
      return await locks.request(this.name, { signal: patience.signal }, () => {
        isMine = true;
        cancel();
        return enter(true);
      });
    } catch (error) {
      if (isMine || !patience.signal.aborted) throw error;
      return enter(true);
    } finally {
      cancel();
    }
  }

  async #byLease<T>(enter: (waited: boolean) => Promise<T>): Promise<T> {
    const me = this.world.random().toString(36).slice(2);
    const giveUpAt = this.world.now() + PATIENCE_MS;
    let waited = false;
    while (!(await this.#take(me)) && this.world.now() < giveUpAt) {
      waited = true;
      await pause(this.world, LOOK_MS * (1 + this.world.random()));
    }
    this.#lease = me;
    try {
      return await enter(waited);
    } finally {
      this.#giveBack();
    }
  }

  #giveBack(): void {
    if (this.#lease !== undefined && this.#holder() === this.#lease) this.#write(null);
    this.#lease = undefined;
  }

  /** True also where nothing can be stored: then there is nobody to wait for. */
  async #take(me: string): Promise<boolean> {
    if (this.#holder() !== undefined) return false;
    if (!this.#write(`${me} ${this.world.now() + LEASE_MS}`)) return true;
    await pause(this.world, SETTLE_MS * (1 + this.world.random()));
    return this.#holder() === me;
  }

  #holder(): string | undefined {
    try {
      const [holder, until] = (this.world.storage?.getItem(this.name) ?? "").split(" ");
      const rest = Number(until) - this.world.now();
      // More than a whole lease ahead: the clock was set back.
      return rest > 0 && rest <= LEASE_MS ? holder : undefined;
    } catch {
      return undefined;
    }
  }

  #write(lease: string | null): boolean {
    const { storage } = this.world;
    if (storage === undefined) return false;
    try {
      if (lease === null) storage.removeItem(this.name);
      else storage.setItem(this.name, lease);
      return true;
    } catch {
      return false;
    }
  }
}
