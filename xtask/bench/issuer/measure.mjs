// What is measured, one after the other. Each resolves to figures; nothing is judged here.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inTurns, median, quantile } from "../rounds.mjs";
import { betterAuth, hashMilliseconds, oidcProvider, ours, SAMPLE, startOurs, startPeer } from "./contenders.mjs";
import { folder } from "./servers.mjs";

/** Everybody's saturation, in turns: a list of rounds for each figure. */
export async function saturations(questions, rounds, seconds) {
  const names = Object.keys(questions);
  const taken = await inTurns(names, rounds, (name) => questions[name].saturate(seconds));
  const of = (figure) => taken.map((round) => Object.fromEntries(names.map((name) => [name, round[name][figure]])));
  return { perSecond: of("perSecond"), micros: of("micros"), p95: of("p95") };
}

/** Refreshes: everybody as fast as it goes, then each at half of that by a schedule. */
export async function refreshes(servers, rounds, seconds) {
  const questions = {
    edgeward: ours.refresh(servers.small, servers.small.at),
    "oidc-provider FULL": oidcProvider.refresh(servers.oidcFull),
    "oidc-provider NORMAL": oidcProvider.refresh(servers.oidcNormal),
    "better-auth FULL": betterAuth.refresh(servers.betterFull),
    "better-auth NORMAL": betterAuth.refresh(servers.betterNormal),
  };
  return { ...(await saturations(questions, rounds, seconds)), questions };
}

/** Half of what each saturates at: `{ [name]: requests a second }`. */
export function halves(saturation) {
  return Object.fromEntries(Object.keys(saturation.perSecond[0]).map((name) => [name, median(saturation.perSecond, name) / 2]));
}

/**
 * The latencies by a schedule of so many a second for each, in turns. A figure is the median of the rounds, the longest that of all;
 * `p95s` are those of each round: one in which the disk stalled moves the median little, and is to be seen.
 */
export async function bySchedule(questions, rates, rounds, seconds) {
  const names = Object.keys(questions);
  const taken = await inTurns(names, rounds, (name) => questions[name].scheduled(rates[name], seconds));
  const of = (name) => {
    const all = (figure) => taken.map((round) => round[name][figure]);
    const middle = (figure) => quantile(all(figure), 0.5);
    const medians = Object.fromEntries(["perSecond", "p50", "p95", "p99"].map((figure) => [figure, middle(figure)]));
    return { rate: rates[name], ...medians, max: Math.max(...all("max")), p95s: all("p95") };
  };
  return Object.fromEntries(names.map((name) => [name, of(name)]));
}

/** A thousand families and a million, by the same schedule, in turns. */
export async function growth(small, large, rate, rounds, seconds) {
  const questions = { small: ours.refresh(small, small.at), large: ours.refresh(large, large.at) };
  const taken = await inTurns(["small", "large"], rounds, (name) => questions[name].scheduled(rate, seconds));
  const of = (figure) => taken.map((round) => ({ small: round.small[figure], large: round.large[figure] }));
  return { p50: of("p50"), p95: of("p95"), p99: of("p99"), micros: of("micros") };
}

/** What watches over the issuer asks, while others refresh by a schedule. */
export async function healthUnderLoad(server, refreshRate, rate, seconds) {
  const questions = { "/healthz": ours.health(server, "/healthz"), "/readyz": ours.health(server, "/readyz") };
  const names = Object.keys(questions);
  const taken = await Promise.all([
    ours.refresh(server, server.at).scheduled(refreshRate, seconds),
    ...names.map((name) => questions[name].scheduled(rate, seconds)),
  ]);
  return Object.fromEntries(names.map((name, place) => [name, { rate, ...taken[place + 1] }]));
}

/** Sign-ins as fast as one core hashes, and the hash alone before and after. */
export async function logins(server, rounds, seconds) {
  const clients = join(server.at, "emails");
  const question = ours.login(server, clients);
  const taken = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = hashMilliseconds();
    const figures = await question.ask({ connections: 8, warm: 0.5, seconds });
    const hash = (before + hashMilliseconds()) / 2;
    taken.push({ rate: figures.perSecond, bound: 1000 / hash, hash });
  }
  return taken;
}

/** How long requests of each route waited for the database, while it is asked by its schedule: what the issuer's own histogram grew by. */
export async function storeWaits(server, questions, seconds) {
  const taken = {};
  for (const [route, [question, rate]] of Object.entries(questions)) {
    const before = await server.histogram("edgeward_store_seconds", route);
    await question.scheduled(rate, seconds);
    taken[route] = grown(before, await server.histogram("edgeward_store_seconds", route));
  }
  return taken;
}

/** What a histogram grew by. A quantile is the upper bound of the bucket that it falls into: it was that much at most. */
function grown(before, after) {
  const count = after.count - before.count;
  if (count === 0) throw new Error("the histogram has not grown");
  const atMost = (share) => after.buckets.find(({ bound, below }) => below - (before.buckets.find((one) => one.bound === bound)?.below ?? 0) >= share * count).bound;
  return { count, mean: (after.sum - before.sum) / count, p50: atMost(0.5), p95: atMost(0.95), p99: atMost(0.99) };
}

/** So many people who sign in at once; whoever is told to comes back. `unanswered` are those who had no answer in these seconds. */
export async function storm(server, question, people, seconds) {
  const idle = server.memory().now;
  server.forgetMost();
  const figures = await question.ask({ connections: people, count: people, seconds, mayMiss: true });
  return { ...figures, idle, most: server.memory().most, after: server.memory().now };
}

/** Wrong passwords for accounts that are there and for others, alternating, one at a time. */
export async function unknownUsers(server, pairs) {
  const at = folder("timing");
  const known = readFileSync(join(server.at, "emails"), "utf8").trim().split("\n").slice(-pairs);
  const lines = known.flatMap((email, number) => [email, `nobody${number}@example.test`]);
  const clients = join(at, "clients");
  writeFileSync(clients, lines.join("\n"));
  const each = join(at, "each");
  await ours.login(server, clients, "not the password at all", 401).ask({ connections: 1, seconds: 120, count: pairs * 2, each });
  const micros = readFileSync(each, "utf8").trim().split("\n").map(Number);
  const of = (rest) => micros.filter((_, place) => place % 2 === rest);
  return { known: of(0), unknown: of(1) };
}

/** From the start of the process to the first answer of a server whose database is there, and the memory it has then. */
export async function starts(at, times) {
  const taken = [];
  for (let time = 0; time < times; time += 1) {
    const server = await startOurs(at);
    await new Promise((resolve) => setTimeout(resolve, 300));
    taken.push({ milliseconds: server.startedIn, megabytes: server.memory().now });
    await server.stop();
  }
  return taken;
}

/** The same of a peer. */
export async function peerStarts(script, at, times) {
  const taken = [];
  for (let time = 0; time < times; time += 1) {
    const server = await startPeer(script, "FULL", { again: at });
    await new Promise((resolve) => setTimeout(resolve, 300));
    taken.push({ milliseconds: server.startedIn, megabytes: server.memory().now });
    await server.stop();
  }
  return taken;
}

/** How far apart two samples are: the largest distance of their distribution functions (Kolmogorov–Smirnov), and what chance would give. */
export function distance(one, other) {
  const values = [...one, ...other].toSorted((a, b) => a - b);
  const share = (sample, value) => sample.filter((taken) => taken <= value).length / sample.length;
  const most = Math.max(...values.map((value) => Math.abs(share(one, value) - share(other, value))));
  return { most, chance: 1.36 * Math.sqrt((one.length + other.length) / (one.length * other.length)) };
}

export { SAMPLE };
