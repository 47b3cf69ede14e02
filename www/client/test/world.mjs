// A machine with a browser and its tabs: a clock that stands until a test moves it, chance that is none, and what tabs of one
// origin share. Each of the shared things can be missing, as in old browsers and private windows.

import { CookieClient } from "../dist/client.js";
import { Issuer } from "./issuer.mjs";

export const BASE = "https://site.example";

export class Machine {
  now = Date.parse("2026-11-21T12:00:00Z");
  /** Half of everything that is left to chance. */
  chance = 0.5;
  stored = new Map();
  #timers = new Set();
  #locks = new Map();
  #tabs = new Set();
  #ids = 0;

  constructor({ issuer = new Issuer(), locks = true, channels = true, storage = true } = {}) {
    Object.assign(this, { issuer, has: { locks, channels, storage } });
    issuer.now = () => this.now;
  }

  /** A tab with a client in it. */
  open(options) {
    const tab = new Tab(this, options);
    this.#tabs.add(tab);
    tab.client = new CookieClient(BASE, tab.world);
    return tab;
  }

  /** Lets everything happen that waits for no clock. */
  async settle() {
    for (let calm = 0; calm < 6; calm += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.issuer.busy > 0) calm = 0;
    }
  }

  /** Moves the clock, and lets what falls due on the way happen at its time. */
  async pass(milliseconds) {
    const end = this.now + milliseconds;
    await this.settle();
    for (let timer = this.#next(); timer !== undefined && timer.at <= end; timer = this.#next()) {
      this.now = Math.max(this.now, timer.at);
      this.#timers.delete(timer);
      timer.act();
      await this.settle();
    }
    this.now = end;
  }

  /** What comes of a promise, however long it takes by the clock. */
  async outcome(promise) {
    let isPending = true;
    promise.then(() => (isPending = false), () => (isPending = false));
    await this.settle();
    while (isPending) {
      const timer = this.#next();
      if (timer === undefined) throw new Error("nothing is waited for that could end this");
      await this.pass(Math.max(timer.at - this.now, 0));
    }
    return promise;
  }

  #next() {
    return [...this.#timers].sort((one, other) => one.at - other.at)[0];
  }

  // What the worlds of the tabs are made of.

  random() {
    this.#ids += 1;
    // Differs from call to call in what no test looks at, so that ids are not all the same.
    return this.chance + this.#ids * 1e-9;
  }

  after(tab, delayMs, act) {
    const timer = { tab, at: this.now + delayMs, act };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  locks(tab) {
    return {
      request: (name, options, work) =>
        new Promise((resolve, reject) => {
          const queue = this.#locks.get(name) ?? [];
          this.#locks.set(name, queue);
          if (options.ifAvailable && queue.length > 0) return resolve(work(null));
          const waiting = { tab };
          waiting.grant = () => {
            waiting.isHeld = true;
            Promise.resolve(work({ name }))
              .finally(() => this.#release(queue, waiting))
              .then(resolve, reject);
          };
          options.signal?.addEventListener("abort", () => {
            if (waiting.isHeld) return;
            queue.splice(queue.indexOf(waiting), 1);
            reject(options.signal.reason);
          });
          queue.push(waiting);
          if (queue.length === 1) waiting.grant();
        }),
    };
  }

  #release(queue, waiting) {
    const place = queue.indexOf(waiting);
    if (place < 0) return;
    queue.splice(place, 1);
    if (place === 0) queue[0]?.grant();
  }

  storage(tab) {
    const tell = (key, value) => {
      for (const other of this.#tabs) if (other !== tab) other.tell({ kind: "stored", key, value });
    };
    return {
      getItem: (key) => this.stored.get(key) ?? null,
      setItem: (key, value) => {
        this.stored.set(key, value);
        tell(key, value);
      },
      removeItem: (key) => {
        this.stored.delete(key);
        tell(key, null);
      },
    };
  }

  broadcast(from, name, message) {
    for (const tab of this.#tabs) {
      for (const channel of tab.channels) {
        if (channel !== from && channel.name === name) {
          setImmediate(() => channel.onmessage?.({ data: structuredClone(message) }));
        }
      }
    }
  }

  close(tab) {
    this.#tabs.delete(tab);
    for (const timer of [...this.#timers]) if (timer.tab === tab) this.#timers.delete(timer);
    for (const queue of this.#locks.values()) {
      for (const waiting of queue.filter((each) => each.tab === tab)) this.#release(queue, waiting);
    }
  }
}

export class Tab {
  channels = new Set();
  places = [];
  isVisible = true;
  isOnline = true;
  #listeners = [];
  #isClosed = false;

  constructor(machine, { locks, channels, storage, fetch = machine.issuer.fetch } = {}) {
    this.machine = machine;
    const has = { ...machine.has, ...(locks === undefined ? {} : { locks }) };
    if (channels !== undefined) has.channels = channels;
    if (storage !== undefined) has.storage = storage;
    const forbidden = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    this.world = {
      fetch: async (input, init) => {
        if (!this.isOnline) throw new TypeError("Failed to fetch");
        const response = await fetch(input, init);
        return this.#isClosed ? new Promise(() => {}) : response;
      },
      now: () => machine.now,
      random: () => machine.random(),
      after: (delayMs, act) => machine.after(this, delayMs, act),
      locks: has.locks === "forbidden" ? { request: async () => forbidden() } : has.locks ? machine.locks(this) : undefined,
      storage:
        has.storage === "forbidden"
          ? { getItem: forbidden, setItem: forbidden, removeItem: forbidden }
          : has.storage
            ? machine.storage(this)
            : undefined,
      openChannel: has.channels ? (name) => this.#openChannel(name) : undefined,
      listen: (listener) => void this.#listeners.push(listener),
      isVisible: () => this.isVisible,
      isOnline: () => this.isOnline,
      navigate: (address) => void this.places.push(address),
    };
  }

  #openChannel(name) {
    const channel = {
      name,
      onmessage: null,
      postMessage: (message) => this.machine.broadcast(channel, name, message),
      close: () => void this.channels.delete(channel),
    };
    this.channels.add(channel);
    return channel;
  }

  tell(event) {
    for (const listener of this.#listeners) listener(event);
  }

  hide() {
    this.isVisible = false;
    this.tell({ kind: "hidden" });
  }

  show() {
    this.isVisible = true;
    this.tell({ kind: "visible" });
  }

  goOffline() {
    this.isOnline = false;
  }

  goOnline() {
    this.isOnline = true;
    this.tell({ kind: "online" });
  }

  /** Another page takes its place, and it waits in memory for the back button. */
  freeze() {
    this.tell({ kind: "leaving" });
  }

  restore() {
    this.tell({ kind: "restored" });
  }

  close() {
    this.#isClosed = true;
    this.machine.close(this);
  }

  /** What `onChange` tells from now on: the ids of users, or null. */
  changes() {
    const told = [];
    this.client.onChange((session) => told.push(session?.user.id ?? null));
    return told;
  }
}
