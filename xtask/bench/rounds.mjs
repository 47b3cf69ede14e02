// Measuring in turns, because the machine does other things too.
//
// Every contender has one turn in each round, and a ratio is the median of the ratios within a round: whatever else the
// machine does during a round hits all of its contenders. The quartiles beside it say how much that was.

/** `turn(name, round)` once for every name in each of `rounds` rounds: a list of `{ [name]: what turn returned }`. */
export async function inTurns(names, rounds, turn) {
  const taken = [];
  for (let round = 0; round < rounds; round += 1) {
    // Nobody always goes first, or always after the same other.
    const order = names.map((_, place) => names[(place + round) % names.length]);
    if (round % 2 === 1) order.reverse();
    const results = {};
    for (const name of order) results[name] = await turn(name, round);
    taken.push(results);
  }
  return taken;
}

/** `{ middle, low, high }`: median and quartiles of the ratio of two contenders within a round. */
export function ratio(rounds, one, other) {
  const ratios = rounds.map((round) => round[one] / round[other]);
  return { middle: quantile(ratios, 0.5), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

/** The median of one contender over all rounds. */
export function median(rounds, name) {
  return quantile(rounds.map((round) => round[name]), 0.5);
}

/** Of values, the one that this share of them stays below, between two if need be. */
export function quantile(values, share) {
  const sorted = values.toSorted((one, other) => one - other);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place - Math.floor(place));
}
