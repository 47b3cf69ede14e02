// Contenders with one set of keys and tokens: made, proved and run. The same in workerd and in Node.

/** So many tokens are seen before, and come again and again. */
export const SEEN = 64;

const decoder = new TextDecoder();

/** One set of keys and tokens with everybody who may compete on it. */
export class Bout {
  #set;
  #contenders;
  #ready = new Map();
  /** A token that comes again comes as another string, whose hash nobody has computed yet: it is made of these each time. */
  #seen;

  constructor(set, contenders) {
    this.#set = set;
    this.#contenders = contenders;
    const encoder = new TextEncoder();
    this.#seen = set.tokens.slice(0, SEEN).map((token) => encoder.encode(token));
  }

  /**
   * Makes every contender anew, so that nobody remembers anything, and warms it up. Answers what each one is:
   * `{ failed }` with the reason, or `{ accepts }` with the bad tokens that it takes for good.
   */
  async reset() {
    const found = {};
    for (const [name, { make }] of Object.entries(this.#contenders)) {
      this.#ready.delete(name);
      try {
        const made = await make(this.#set);
        const read = made.read ?? ((token) => token);
        const ready = {
          ...made,
          tokens: this.#set.tokens.map(read),
          forged: this.#set.forged.map(read),
        };
        for (const token of this.#set.warmUp.map(read)) await made.verify(token);
        const accepts = [];
        for (const [what, token] of Object.entries(this.#set.wrong)) {
          if (await takes(made, read(token))) accepts.push(what);
        }
        if (accepts.includes("a forged signature")) throw new Error("accepts a forged signature");
        this.#ready.set(name, ready);
        found[name] = { accepts };
      } catch (error) {
        found[name] = { failed: String(error?.reason ?? error?.message ?? error) };
      }
    }
    return found;
  }

  /** Verifies `times` tokens from place `from` on, or with `seen` a few that were seen before; then refuses a forged one. */
  async run({ name, from, times, seen }) {
    const ready = this.#ready.get(name);
    const { tokens, forged, verify } = ready;
    const token = seen
      ? (time) => decoder.decode(this.#seen[time % SEEN])
      : (time) => tokens[(from + time) % tokens.length];
    if (ready.sync) {
      for (let time = 0; time < times; time += 1) verify(token(time));
    } else {
      for (let time = 0; time < times; time += 1) await verify(token(time));
    }
    if (await takes(ready, forged[from % forged.length])) throw new Error(`${name} accepts a forged token`);
  }
}

async function takes({ verify }, token) {
  try {
    await verify(token);
    return true;
  } catch {
    return false;
  }
}
