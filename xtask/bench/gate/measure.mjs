// Requests per second of the Workers, in turns, and the processor time that a request takes.

import { inTurns, median, ratio } from "../rounds.mjs";
import { processorTime } from "../workerd.mjs";
import { Connection, get, open } from "./load.mjs";
import { makeFixture, startUpstream, workers } from "./workers.mjs";

const ROUNDS = 40;
/** Short turns, so that the contenders of a round meet the same weather. */
const TURN_MILLISECONDS = 150;
const WARM_UP_MILLISECONDS = 1_500;

/** What is asked of a Worker, and the status that it has to answer with. */
const QUESTIONS = {
  own: { path: "/auth/verify-token", status: { edgeward: 204, jose: 204, ungated: 200, bare: 200, socket: 200 } },
  forward: { path: "/app/page", status: { edgeward: 200, jose: 200 } },
};

/** What was measured of lanes such as `edgeward own`. */
class Rates {
  #rounds;

  constructor(rounds) {
    this.#rounds = rounds;
  }

  perSecond(lane) {
    return median(this.#of("perSecond"), lane);
  }

  micros(lane) {
    return median(this.#of("micros"), lane);
  }

  /** Requests per second of one to those of the other. */
  ratio(one, other) {
    return ratio(this.#of("perSecond"), one, other);
  }

  /** Processor time for a request of one to that of the other. */
  cost(one, other) {
    return ratio(this.#of("micros"), one, other);
  }

  #of(figure) {
    const only = ([lane, measured]) => [lane, measured[figure]];
    return this.#rounds.map((round) => Object.fromEntries(Object.entries(round).map(only)));
  }
}

/** Measures `/auth/verify-token` of our Worker, once for each number of ended sessions; lanes are `name own`. */
export async function measureSets(sets) {
  const fixture = await makeFixture();
  const lanes = Object.keys(sets).map((name) => `${name} own`);
  const upstreams = [];
  const running = {};
  const connections = {};
  try {
    for (const [name, revoked] of Object.entries(sets)) {
      const upstream = await startUpstream(fixture, revoked);
      upstreams.push(upstream);
      running[name] = await start(workers.edgeward, upstream.origin);
      connections[name] = await open(running[name].port);
    }
    const question = { path: QUESTIONS.own.path, status: Object.fromEntries(Object.keys(sets).map((name) => [name, 204])) };
    const turn = (lane, milliseconds) => {
      const [name] = lane.split(" ");
      return load(running[name], connections[name], question, name, fixture, milliseconds);
    };
    for (const lane of lanes) await turn(lane, WARM_UP_MILLISECONDS);
    return new Rates(await inTurns(lanes, ROUNDS, (lane) => turn(lane, TURN_MILLISECONDS)));
  } finally {
    for (const open of Object.values(connections)) open.close();
    for (const upstream of upstreams) upstream.stop();
    for (const { stop, remove } of Object.values(running)) {
      await stop();
      await remove();
    }
  }
}

/** Measures lanes, each `worker question`; `socket own` is the upstream itself, which shows what the load can do. */
export async function measureGates(lanes) {
  const fixture = await makeFixture();
  const upstream = await startUpstream(fixture);
  const running = { socket: { ...upstream, remove() {} } };
  const connections = {};
  try {
    for (const name of new Set(lanes.map((lane) => lane.split(" ")[0]))) {
      if (name !== "socket") running[name] = await start(workers[name], upstream.origin);
      connections[name] = await open(running[name].port);
    }
    for (const lane of lanes) await prove(lane, running, fixture);
    const turn = (lane, milliseconds) => {
      const [name, question] = lane.split(" ");
      return load(running[name], connections[name], QUESTIONS[question], name, fixture, milliseconds);
    };
    for (const lane of lanes) await turn(lane, WARM_UP_MILLISECONDS);
    return new Rates(
      await inTurns(lanes, ROUNDS, async (lane) => {
        const measured = await turn(lane, TURN_MILLISECONDS);
        await prove(lane, running, fixture);
        return measured;
      }),
    );
  } finally {
    for (const open of Object.values(connections)) open.close();
    for (const { stop, remove } of Object.values(running)) {
      await stop();
      await remove();
    }
  }
}

async function start(worker, origin) {
  const laidOut = await worker.layOut(origin);
  return { ...(await laidOut.start()), remove: laidOut.remove };
}

async function load({ pid }, connections, { path, status }, name, { tokens }, milliseconds) {
  const requests = tokens.map((token) => get(path, [`authorization: Bearer ${token}`]));
  const before = await processorTime(pid);
  const { answered, perSecond } = await connections.run(requests, milliseconds, status[name]);
  return { perSecond, micros: (((await processorTime(pid)) - before) * 1000) / answered };
}

/** A gate lets a good token through and no other; the others are not gates. */
async function prove(lane, running, { tokens, forged }) {
  const [name, question] = lane.split(" ");
  const { path, status } = QUESTIONS[question];
  const connection = await Connection.open(running[name].port);
  const expect = async (wanted, headers, what) => {
    const found = await connection.ask(get(path, headers));
    if (found !== wanted) throw new Error(`${lane}: ${what} is answered with ${found} instead of ${wanted}`);
  };
  try {
    await expect(status[name], [`authorization: Bearer ${tokens[0]}`], "a good token");
    const cookie = workers[name]?.cookie;
    if (cookie === undefined) return;
    await expect(status[name], [`cookie: ${cookie}=${tokens[0]}`], "a good token in the cookie");
    await expect(401, [`authorization: Bearer ${forged[0]}`], "a forged token");
    await expect(401, [], "no token");
  } finally {
    connection.close();
  }
}
