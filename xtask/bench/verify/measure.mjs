// Lanes side by side: a lane is one contender on one set of keys and tokens.

import { inTurns, median, ratio } from "../rounds.mjs";
import { DISTINCT } from "./tokens.mjs";

/** Tokens of one turn. A pass over all distinct tokens then has sixteen rounds. */
const BATCH = 256;
/** Tokens of one turn if they were seen before: more, because each takes so little. */
const BATCH_SEEN = 2048;

/** What is known about lanes when they have run. */
export class Results {
  #rounds;
  #found;

  constructor(rounds, found) {
    this.#rounds = rounds;
    this.#found = found;
  }

  /** Whether there was such a lane at all. */
  entered(lane) {
    return lane in this.#found;
  }

  /** Why the lane could not run, or `undefined`. */
  failure(lane) {
    return this.#found[lane]?.failed;
  }

  /** The bad tokens that the lane takes for good. */
  accepts(lane) {
    return this.#found[lane]?.accepts ?? [];
  }

  micros(lane) {
    return this.#ran(lane) ? median(this.#rounds.wall, lane) : undefined;
  }

  ratio(lane, other) {
    return this.#ran(lane) && this.#ran(other) ? ratio(this.#rounds.wall, lane, other) : undefined;
  }

  /** The same of the processor's time. */
  cost(lane, other) {
    return this.#ran(lane) && this.#ran(other) ? ratio(this.#rounds.processor, lane, other) : undefined;
  }

  #ran(lane) {
    return this.entered(lane) && this.failure(lane) === undefined;
  }
}

/** The name of a lane. */
export function lane(set, name) {
  return `${name} @ ${set}`;
}

/** Runs every contender of every set, `passes` times over the distinct tokens, or over a few `seen` ones as often. */
export async function measure(arena, sets, passes, seen = false) {
  const lanes = Object.fromEntries(
    sets.flatMap(({ set, names }) => names.map((name) => [lane(set, name), { set, name }])),
  );
  const times = seen ? BATCH_SEEN : BATCH;
  const rounds = { wall: [], processor: [] };
  const found = {};
  for (let pass = 0; pass < passes; pass += 1) {
    // A new pass comes to the same tokens again, so everybody forgets them first.
    for (const { set } of sets) {
      for (const [name, facts] of Object.entries(await arena.reset(set))) found[lane(set, name)] = facts;
    }
    const running = Object.keys(lanes).filter((name) => found[name].failed === undefined);
    const turn = async (name, round) => {
      if (name === "nothing") return arena.timeNothing();
      return arena.time({ ...lanes[name], from: seen ? 0 : round * BATCH, times, seen });
    };
    // With tokens seen before, a first turn that is not counted lets them be seen.
    if (seen) await inTurns(running, 1, turn);
    for (const round of await inTurns([...running, "nothing"], DISTINCT / BATCH, turn)) {
      for (const [kind, taken] of Object.entries(rounds)) {
        const micros = (name) => ((round[name][kind] - round.nothing[kind]) * 1000) / times;
        taken.push(Object.fromEntries(running.map((name) => [name, micros(name)])));
      }
    }
  }
  return new Results(rounds, found);
}
