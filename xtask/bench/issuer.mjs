// `cargo xtask bench issuer`: refreshes, key sets, sessions, sign-ins, memory and the start of the issuer, beside oidc-provider
// and better-auth on the same core and the same kind of database.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { betterAuth, fill, mustKnowItsSessions, oidcProvider, ours, startOurs, startPeer, versions } from "./issuer/contenders.mjs";
import { CONNECTIONS, Disk } from "./issuer/load.mjs";
import { bySchedule, distance, growth, halves, healthUnderLoad, logins, peerStarts, refreshes, saturations, starts, storeWaits, storm, unknownUsers } from "./issuer/measure.mjs";
import { folder, PINNED, withServers } from "./issuer/servers.mjs";
import { median, ratio } from "./rounds.mjs";
import { figure, shown, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const FEW = 1000;
// A peer's rotation is two commits, none of which anything else shares.
const COMMITS_OF_OIDC_PROVIDER = 2;
// Less only to try the script itself out.
const MANY = Number(process.env.MANY_FAMILIES ?? 1_000_000);
const began = performance.now();
const ms = (micros) => (micros / 1000).toFixed(2);
const milliseconds = (seconds) => (seconds * 1000).toFixed(2);
const middle = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];

console.log(`${versions()}; ${PINNED ? "servers on core 0, the load on core 1 (taskset)" : "servers and load on the same cores: no taskset"}.`);
console.log(`${CONNECTIONS} keep-alive connections over loopback. Medians; a ratio is the median of the ratios within a round, with quartiles.`);

const found = await withServers(async () => {
  const small = fill("few", FEW);
  const large = fill("many", MANY);
  const ourStarts = { [FEW]: await starts(small.at, 9), [MANY]: await starts(large.at, 5) };
  const servers = {
    small: Object.assign(await startOurs(small.at), { at: small.at }),
    large: Object.assign(await startOurs(large.at), { at: large.at }),
    oidcFull: await startPeer("oidc_provider", "FULL"),
    oidcNormal: await startPeer("oidc_provider", "NORMAL"),
    betterFull: await startPeer("better_auth", "FULL"),
    betterNormal: await startPeer("better_auth", "NORMAL"),
  };
  await mustKnowItsSessions(servers.betterFull);
  const idle = servers.small.memory().now;

  const refresh = await refreshes(servers, 3, 3);
  rates("POST refresh: a new pair of tokens, the old one spent, on the disk before the answer", refresh, "edgeward");
  const full = ["edgeward", "oidc-provider FULL", "better-auth FULL"];
  const halfRates = halves(refresh);
  const disks = {
    "the disk alone, as edgeward asks it": { disk: new Disk(CONNECTIONS), rate: halfRates.edgeward },
    "the disk alone, as oidc-provider asks it": { disk: new Disk(1), rate: COMMITS_OF_OIDC_PROVIDER * halfRates["oidc-provider FULL"] },
  };
  const diskNames = Object.keys(disks);
  const half = await bySchedule(
    { ...Object.fromEntries(full.map((name) => [name, refresh.questions[name]])), ...Object.fromEntries(diskNames.map((name) => [name, disks[name].disk])) },
    { ...halfRates, ...Object.fromEntries(diskNames.map((name) => [name, disks[name].rate])) },
    5,
    5,
  );
  latencies("Refreshes at half of that, by a schedule, in turns", half);
  // At half of the saturation little of the core is left, since a refresh that shares its commit with few others takes more of it. A third
  // tells what the size of the database does from what the queue for the core makes of that.
  const grown = {};
  for (const [share, rate] of Object.entries({ half: half.edgeward.rate, third: (half.edgeward.rate * 2) / 3 })) {
    const taken = await growth(servers.small, servers.large, rate, 5, 4);
    grown[share] = taken;
    table(`Refreshes at ${rate.toFixed(0)}/s, a ${share} of the saturation, over databases of ${FEW} and ${MANY} families, in turns`, [
      ["families", "p50 ms", "p95 ms", "p99 ms", "processor µs each"],
      ...["small", "large"].map((name) => [
        String(name === "small" ? FEW : MANY),
        ...["p50", "p95", "p99"].map((figure) => ms(median(taken[figure], name))),
        median(taken.micros, name).toFixed(0),
      ]),
      ["ratio", ...["p50", "p95", "p99", "micros"].map((figure) => shown(ratio(taken[figure], "large", "small")))],
    ]);
  }

  const health = await healthUnderLoad(servers.small, half.edgeward.rate, 20, 5);
  latencies("Liveness and readiness, each 20 times a second, while refreshes go on at half of their saturation", health);

  const keyQuestions = { edgeward: ours.keys(servers.small), "oidc-provider": oidcProvider.keys(servers.oidcFull) };
  const keys = await saturations(keyQuestions, 3, 2);
  rates("GET the key set", keys, "edgeward");
  const keysHalf = await bySchedule(keyQuestions, halves(keys), 5, 3);
  latencies("The key set at half of that, in turns", keysHalf);

  const meQuestions = { edgeward: ours.me(servers.small, small.at), "better-auth": betterAuth.me(servers.betterFull) };
  const me = await saturations(meQuestions, 3, 2);
  rates("GET who is signed in, by the session cookie", me, "edgeward");

  const login = await logins(servers.small, 3, 5);
  table("Sign-ins, 8 connections", [
    ["", "sign-ins/s", "1 ÷ hash time", "hash ms", "share"],
    ...login.map(({ rate, bound, hash }, round) => [`round ${round + 1}`, rate.toFixed(2), bound.toFixed(2), hash.toFixed(1), (rate / bound).toFixed(3)]),
  ]);
  const hashed = middle(login.map(({ rate }) => rate));
  const loginQuestion = { edgeward: ours.login(servers.small, join(small.at, "emails")) };
  const loginHalf = await bySchedule(loginQuestion, { edgeward: hashed / 2 }, 1, 20);
  latencies("Sign-ins at half of that, by a schedule; passwords at the default cost of Argon2id", loginHalf);

  const waits = await storeWaits(
    servers.small,
    {
      "/auth/refresh": [refresh.questions.edgeward, half.edgeward.rate],
      "/auth/login": [loginQuestion.edgeward, loginHalf.edgeward.rate],
      "/auth/me": [meQuestions.edgeward, median(me.perSecond, "edgeward") / 2],
    },
    10,
  );
  table("How much of a request is waiting for the database, each at half of its saturation (`edgeward_store_seconds`, whose buckets are the bounds)", [
    ["", "requests", "p50 ms at most", "p95 ms at most", "p99 ms at most", "mean ms"],
    ...Object.entries(waits).map(([route, one]) => [route, String(one.count), ...[one.p50, one.p95, one.p99].map(milliseconds), milliseconds(one.mean)]),
  ]);

  const timing = await unknownUsers(servers.small, 150);
  const apart = distance(timing.known, timing.unknown);
  table("A wrong password, in turns, one at a time", [
    ["", "median ms", "fastest ms"],
    ...Object.entries(timing).map(([name, taken]) => [`${name} account`, ms(middle(taken)), ms(Math.min(...taken))]),
  ]);
  console.log(`  largest distance of the two distributions ${apart.most.toFixed(3)}; chance alone reaches ${apart.chance.toFixed(3)} in one of twenty runs`);

  const peers = {
    "oidc-provider": await peerStarts("oidc_provider", servers.oidcFull.at, 3),
    "better-auth": await peerStarts("better_auth", servers.betterFull.at, 3),
  };
  table("From the start of the process to the first answer, over an existing database, and memory after 300 ms", [
    ["", "ms", "slowest ms", "memory MB"],
    ...Object.entries({ [`edgeward, ${FEW} families`]: ourStarts[FEW], [`edgeward, ${MANY} families`]: ourStarts[MANY], ...peers }).map(([name, taken]) => [
      name,
      middle(taken.map((one) => one.milliseconds)).toFixed(0),
      Math.max(...taken.map((one) => one.milliseconds)).toFixed(0),
      middle(taken.map((one) => one.megabytes)).toFixed(1),
    ]),
  ]);
  // Memory stays where a storm left it, so each meets a process that has seen none.
  const ourStorm = async (people, seconds) => {
    const server = Object.assign(await startOurs(small.at), { at: small.at });
    const taken = await storm(server, ours.login(server, stormers(small.at, people)), people, seconds);
    await server.stop();
    return taken;
  };
  await servers.small.stop();
  // The peer last: it goes on hashing for those who have left.
  const storms = {
    "edgeward, 500": await ourStorm(500, 90),
    "edgeward, 2000": await ourStorm(2000, 360),
    "better-auth, 500": await storm(servers.betterFull, betterAuth.login(servers.betterFull), 500, 30),
  };
  table("So many sign-ins at once", [
    ["", "answered", "not in time", "told to come back", "per second", "p95 s", "memory before MB", "at most", "after"],
    ...Object.entries(storms).map(([name, taken]) => [
      name,
      String(taken.answered),
      String(taken.unanswered),
      String(taken.putOff),
      taken.perSecond.toFixed(1),
      // Whoever had no answer waited longer than all who had one, so theirs is not that of all.
      taken.unanswered > 0 ? "–" : (taken.p95 / 1e6).toFixed(1),
      ...[taken.idle, taken.most, taken.after].map((size) => size.toFixed(1)),
    ]),
  ]);
  const bestPeer = median(refresh.perSecond, "oidc-provider FULL") > median(refresh.perSecond, "better-auth FULL") ? "oidc-provider FULL" : "better-auth FULL";
  return {
    ratios: {
      refresh_rps_vs_best_peer_full: figure(ratio(refresh.perSecond, "edgeward", bestPeer).middle),
      refresh_rps_vs_oidc_provider_normal: figure(ratio(refresh.perSecond, "edgeward", "oidc-provider NORMAL").middle),
      refresh_processor_vs_best_peer_full: figure(ratio(refresh.micros, "edgeward", bestPeer).middle),
      refresh_p95_million_vs_thousand: figure(ratio(grown.half.p95, "large", "small").middle),
      refresh_p95_million_vs_thousand_at_a_third: figure(ratio(grown.third.p95, "large", "small").middle),
      jwks_rps_vs_oidc_provider: figure(ratio(keys.perSecond, "edgeward", "oidc-provider").middle),
      me_rps_vs_better_auth: figure(ratio(me.perSecond, "edgeward", "better-auth").middle),
      login_vs_hash_bound: figure(middle(login.map(({ rate, bound }) => rate / bound))),
      unknown_vs_known_median: figure(middle(timing.unknown) / middle(timing.known)),
      unknown_known_distance_vs_chance: figure(apart.most / apart.chance),
      storm_memory_vs_idle: figure(storms["edgeward, 500"].most / storms["edgeward, 500"].idle),
      storm_memory_2000_vs_500: figure(storms["edgeward, 2000"].most / storms["edgeward, 500"].most),
    },
    milliseconds: {
      refresh_p95_at_half: figure(half.edgeward.p95 / 1000),
      refresh_p95_at_half_rounds: half.edgeward.p95s.map((micros) => figure(micros / 1000)),
      disk_p95_at_half: Object.fromEntries(diskNames.map((name) => [name, figure(half[name].p95 / 1000)])),
      health_p95: figure(health["/healthz"].p95 / 1000),
      readiness_p95: figure(health["/readyz"].p95 / 1000),
      login_p95_at_half: figure(loginHalf.edgeward.p95 / 1000),
      store_p95_at_most: Object.fromEntries(Object.entries(waits).map(([route, one]) => [route, figure(one.p95 * 1000)])),
      jwks_p95_at_half: figure(keysHalf.edgeward.p95 / 1000),
      start: figure(middle(ourStarts[FEW].map((one) => one.milliseconds))),
      start_million: figure(middle(ourStarts[MANY].map((one) => one.milliseconds))),
    },
    megabytes: { idle: figure(idle), storm: figure(storms["edgeward, 500"].most), storm_2000: figure(storms["edgeward, 2000"].most) },
    perSecond: { refresh: figure(median(refresh.perSecond, "edgeward")), best_peer: figure(median(refresh.perSecond, bestPeer)) },
  };
});

console.log(`\ntook ${((performance.now() - began) / 1000).toFixed(0)} s`);
if (flags.json) console.log(JSON.stringify(found));

function rates(title, taken, own) {
  table(title, [
    ["", "requests/s", "ours to it", "processor µs each", "ours to it", "p95 ms"],
    ...Object.keys(taken.perSecond[0]).map((name) => [
      name,
      median(taken.perSecond, name).toFixed(0),
      shown(ratio(taken.perSecond, own, name)),
      median(taken.micros, name).toFixed(0),
      shown(ratio(taken.micros, own, name)),
      ms(median(taken.p95, name)),
    ]),
  ]);
}

/** A file of so many who sign in: people of a filled folder, some of them at several places. */
function stormers(at, count) {
  const people = readFileSync(join(at, "emails"), "utf8").trim().split("\n");
  const file = join(folder("storm"), String(count));
  writeFileSync(file, Array.from({ length: count }, (_, place) => people[place % people.length]).join("\n"));
  return file;
}

function latencies(title, taken) {
  const inRounds = Object.values(taken).some(({ p95s }) => p95s?.length > 1);
  table(title, [
    ["", "asked/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "most ms", ...(inRounds ? ["p95 ms of each round"] : [])],
    ...Object.entries(taken).map(([name, one]) => [
      name,
      one.rate.toFixed(0),
      one.perSecond.toFixed(0),
      ...[one.p50, one.p95, one.p99, one.max].map(ms),
      ...(inRounds ? [one.p95s.map((micros) => (micros / 1000).toFixed(1)).join(" ")] : []),
    ]),
  ]);
}
