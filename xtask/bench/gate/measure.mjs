// Requests per second of the Workers, in turns, and the processor time that a request takes; and how long one alone takes.

import { inTurns, median, quantile, ratio } from "../rounds.mjs";
import { processorTime } from "../workerd.mjs";
import { Connection, get, open } from "./load.mjs";
import { makeFixture, startUpstream, workers } from "./workers.mjs";

const ROUNDS = 40;
/** Short turns, so that the contenders of a round meet the same weather. */
const TURN_MILLISECONDS = 150;
const WARM_UP_MILLISECONDS = 1_500;

/** So many requests make a turn in which one waits for the other. */
const ALONE = 200;
const ALONE_ROUNDS = 20;

/** What is asked of a Worker, and the status that it has to answer with. */
const QUESTIONS = {
  own: { path: "/auth/verify-token", status: { edgeward: 204, jose: 204, ungated: 200, bare: 200, socket: 200 } },
  new: { path: "/auth/verify-token", status: { edgeward: 204, jose: 204 }, tokens: "distinct" },
  forward: { path: "/app/page", status: { edgeward: 200, jose: 200, socket: 200 } },
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
    const questions = Object.fromEntries(Object.keys(sets).map((name) => [name, new Asking("edgeward own", fixture)]));
    const turn = (lane, milliseconds) => {
      const [name] = lane.split(" ");
      return load(running[name], connections[name], questions[name], milliseconds);
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

/** Measures lanes, each `worker question`; `socket` is the upstream itself, which shows what the load can do. */
export function measureGates(lanes) {
  return withGates(lanes, async ({ fixture, running, connections }) => {
    const questions = Object.fromEntries(lanes.map((lane) => [lane, new Asking(lane, fixture)]));
    const turn = (lane, milliseconds) => {
      const [name] = lane.split(" ");
      return load(running[name], connections[name], questions[lane], milliseconds);
    };
    for (const lane of lanes) await turn(lane, WARM_UP_MILLISECONDS);
    return new Rates(
      await inTurns(lanes, ROUNDS, async (lane) => {
        const measured = await turn(lane, TURN_MILLISECONDS);
        await prove(lane, running, fixture);
        return measured;
      }),
    );
  });
}

/** Milliseconds of requests one after the other over one connection: rounds of `{ [lane]: { p50, p95 } }`. */
export function measureAlone(lanes) {
  return withGates(lanes, async ({ fixture, running }) => {
    const questions = Object.fromEntries(lanes.map((lane) => [lane, new Asking(lane, fixture)]));
    const turn = async (lane, requests = ALONE) => {
      const connection = await Connection.open(running[lane.split(" ")[0]].port);
      const taken = [];
      try {
        for (let asked = 0; asked < requests; asked += 1) {
          const start = performance.now();
          questions[lane].check(await connection.ask(questions[lane].next()));
          taken.push(performance.now() - start);
        }
      } finally {
        connection.close();
      }
      return { p50: quantile(taken, 0.5), p95: quantile(taken, 0.95) };
    };
    for (const lane of lanes) await turn(lane, 10 * ALONE);
    return inTurns(lanes, ALONE_ROUNDS, (lane) => turn(lane));
  });
}

/** The requests of a lane in their order, which goes on from turn to turn: more tokens than are remembered are new each time. */
class Asking {
  #requests;
  #status;
  #next = 0;

  constructor(lane, fixture) {
    const [name, question] = lane.split(" ");
    const { path, status, tokens = "tokens" } = QUESTIONS[question];
    this.#requests = fixture[tokens].map((token) => get(path, [`authorization: Bearer ${token}`]));
    this.#status = status[name];
  }

  next() {
    const request = this.#requests[this.#next];
    this.#next = (this.#next + 1) % this.#requests.length;
    return request;
  }

  check(status) {
    if (status !== this.#status) throw new Error(`expected ${this.#status}, got ${status}`);
  }
}

/** Starts the Workers of lanes, and the upstream that they share, for as long as the work takes. */
async function withGates(lanes, work) {
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
    return await work({ fixture, running, connections });
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

async function load({ pid }, connections, asking, milliseconds) {
  const before = await processorTime(pid);
  const { answered, perSecond } = await connections.run(asking, milliseconds);
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
