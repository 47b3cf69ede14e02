// How a session is renewed by one tab: how often it is tried, how long it is waited for, and what is believed afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADA, HANGS, problem } from "./issuer.mjs";
import { refusedWith, site } from "./site.mjs";

/** Signed in, and the access cookie has expired. */
function expired(options) {
  const world = site({ signedIn: true, ...options });
  world.issuer.expireAccess();
  return world;
}

/** When each request of a kind was sent, in milliseconds since `machine` began. */
function times(machine, issuer, call, answer) {
  const start = machine.now;
  const sent = [];
  issuer.on(call, (request) => {
    sent.push(machine.now - start);
    return answer(request, sent.length);
  });
  return sent;
}

const unavailable = () => problem(503, "ISSUER_UNAVAILABLE");

test("a refresh is tried twice, with a pause between, and then it is an error", async () => {
  const { machine, client, issuer } = expired();
  const sent = times(machine, issuer, "POST /auth/refresh", unavailable);
  await assert.rejects(machine.outcome(client.session()), refusedWith("ISSUER_UNAVAILABLE", 503));
  assert.equal(sent.length, 2);
  assert.ok(sent[1] >= 500 && sent[1] <= 1_000, `${sent}`);
});

test("the pause is spread by chance", async () => {
  for (const [chance, expected] of [[0, 500], [0.999, 999]]) {
    const { machine, client, issuer } = expired();
    machine.chance = chance;
    const sent = times(machine, issuer, "POST /auth/refresh", unavailable);
    await assert.rejects(machine.outcome(client.session()));
    assert.equal(Math.floor(sent[1]), expected);
  }
});

test("an answer that comes at the second attempt is as good as one that comes at the first", async () => {
  for (const lost of [() => Promise.reject(new TypeError("network")), unavailable, () => problem(429, "RATE_LIMITED"), () => HANGS]) {
    const { machine, client, issuer } = expired();
    const sent = times(machine, issuer, "POST /auth/refresh", (_, attempt) => (attempt === 1 ? lost() : undefined));
    assert.equal((await machine.outcome(client.session()))?.user.id, ADA.id, String(lost));
    assert.equal(sent.length, 2);
  }
});

test("Retry-After is waited for, in seconds and as a date", async () => {
  const date = (machine) => new Date(machine.now + 7_000).toUTCString();
  for (const [retryAfter, expected] of [[() => "3", 3_000], [() => "0", 0], [date, 7_000], [() => "soon", 750]]) {
    const { machine, client, issuer } = expired();
    const sent = times(machine, issuer, "POST /auth/refresh", (_, attempt) =>
      attempt === 1 ? problem(503, "ISSUER_UNAVAILABLE", undefined, { "retry-after": retryAfter(machine) }) : undefined,
    );
    await machine.outcome(client.session());
    assert.equal(Math.floor(sent[1]), expected, retryAfter(machine));
  }
});

test("who is told to come back in minutes is told so at once, and nobody asks before", async () => {
  const { machine, client, issuer } = expired();
  const sent = times(machine, issuer, "POST /auth/refresh", (_, attempt) =>
    attempt === 1 ? problem(429, "RATE_LIMITED", undefined, { "retry-after": "120" }) : undefined,
  );
  await assert.rejects(machine.outcome(client.session()), refusedWith("RATE_LIMITED", 429));
  await machine.pass(60_000);
  await assert.rejects(machine.outcome(client.session()), refusedWith("RATE_LIMITED", 429));
  assert.equal(sent.length, 1);
  await machine.pass(60_000);
  assert.equal((await machine.outcome(client.session()))?.user.id, ADA.id);
});

test("an answer that takes longer than ten seconds is given up, its connection too", async () => {
  const { machine, client, issuer } = expired();
  const aborted = [];
  const sent = times(machine, issuer, "POST /auth/refresh", ({ signal }) => {
    signal.addEventListener("abort", () => aborted.push(machine.now));
    return HANGS;
  });
  await assert.rejects(machine.outcome(client.session()), (error) => {
    assert.equal(error.cause.name, "TimeoutError");
    return refusedWith("UNREACHABLE", 0)(error);
  });
  assert.deepEqual(sent.map(Math.floor), [0, 10_750]);
  assert.equal(aborted.length, 2);
});

test("the ten seconds are for the whole answer and not for its beginning", async () => {
  const { machine, client, issuer } = site();
  issuer.on("GET /auth/me", () => new Response(new ReadableStream({ start() {} })));
  await assert.rejects(machine.outcome(client.session()), refusedWith("UNREACHABLE", 0));
});

test("what the issuer refuses for good is not tried again", async () => {
  const { machine, client, issuer } = expired();
  const sent = times(machine, issuer, "POST /auth/refresh", () => problem(400, "AMBIGUOUS_CREDENTIALS"));
  await assert.rejects(machine.outcome(client.session()), refusedWith("AMBIGUOUS_CREDENTIALS", 400));
  assert.equal(sent.length, 1);
});

test("no failure is an ended session: not to session(), not to fetch, not to a listener", async () => {
  const page = (status) => () => new Response("<!doctype html>", { status, headers: { "content-type": "text/html" } });
  for (const answer of [unavailable, page(401), page(403), page(502), () => Promise.reject(new TypeError("offline")), () => HANGS]) {
    const { machine, client, issuer, tab } = site({ signedIn: true });
    await client.session();
    const told = tab.changes();
    issuer.expireAccess().on("POST /auth/refresh", answer);
    await assert.rejects(machine.outcome(client.session()));
    await assert.rejects(machine.outcome(client.fetch("/api/things")));
    assert.deepEqual(told, [], String(answer));
    issuer.on("POST /auth/refresh", () => undefined);
    await machine.pass(60_000);
    assert.equal((await machine.outcome(client.session()))?.user.id, ADA.id);
  }
});

test("a 401 that some proxy answers says nothing of the session", async () => {
  const { machine, client, issuer } = site({ signedIn: true });
  issuer.on("GET /auth/me", () => new Response("Sign in to the Wi-Fi", { status: 401 }));
  await assert.rejects(machine.outcome(client.session()), refusedWith("UNEXPECTED_ANSWER", 401));
});

test("after a failed refresh the next 401 may try again", async () => {
  const { machine, client, issuer } = expired();
  let isBusy = true;
  issuer.on("POST /auth/refresh", () => (isBusy ? unavailable() : undefined));
  await assert.rejects(machine.outcome(client.session()), refusedWith("ISSUER_UNAVAILABLE", 503));
  isBusy = false;
  assert.deepEqual(await machine.outcome(client.session()), { user: ADA });
});

test("no answer at all is UNREACHABLE and keeps the cause", async () => {
  const cause = new TypeError("fetch failed");
  const { machine, client, issuer } = site();
  issuer.on("GET /auth/me", () => Promise.reject(cause));
  await assert.rejects(machine.outcome(client.session()), (error) => {
    assert.equal(error.cause, cause);
    return refusedWith("UNREACHABLE", 0)(error);
  });
});

/** The answer to who comes second. */
const inProgress = () => problem(409, "REFRESH_IN_PROGRESS", undefined, { "retry-after": "1" });

test("a refresh elsewhere, in another browser window or at an edge, is waited for and not repeated", async () => {
  const { machine, client, issuer } = expired();
  issuer.on("POST /auth/refresh", () => {
    // The other's answer arrives while this one waits: its cookies and its CSRF token are the present ones.
    issuer.signInAs().rotateCsrf();
    return inProgress();
  });
  const response = await machine.outcome(client.fetch("/api/things", { method: "POST", body: "x" }));
  assert.equal(response.status, 200);
  assert.equal((await response.json()).csrf, issuer.csrf());
  assert.equal(issuer.count("POST /auth/refresh"), 1);
});

test("a refresh elsewhere whose answer was lost is asked for once more, after the second that it names", async () => {
  const { machine, client, issuer } = expired();
  const sent = times(machine, issuer, "POST /auth/refresh", (_, attempt) => (attempt === 1 ? inProgress() : undefined));
  assert.equal((await machine.outcome(client.session()))?.user.id, ADA.id);
  assert.deepEqual(sent, [0, 1_000]);
  assert.equal(issuer.count("GET /auth/me"), 3);
});

test("a refresh that stays in progress is an error and not the end of the session", async () => {
  const { machine, client, issuer } = expired();
  issuer.on("POST /auth/refresh", inProgress);
  await assert.rejects(machine.outcome(client.session()), refusedWith("REFRESH_IN_PROGRESS", 409));
  assert.equal(issuer.count("POST /auth/refresh"), 2);
});
