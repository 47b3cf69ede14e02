// Keys from an address: a loopback key server, and a clock that the test owns.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { createVerifier } from "edgeward";
import { AUDIENCE, ISSUER, KeyServer, refusal, serve, serveTagged, SigningKey } from "./issuer.mjs";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const first = new SigningKey("first");
const second = new SigningKey("second");

describe("keys from an address", { timeout: 60_000 }, () => {
  let server;

  beforeEach(async () => {
    mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
    server = await KeyServer.start(serve(first));
  });
  afterEach(async () => {
    mock.restoreAll();
    mock.timers.reset();
    await server.stop();
  });

  const verifierOf = () => createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwksUri: server.uri });
  const wait = (milliseconds) => mock.timers.setTime(Date.now() + milliseconds);
  const said = async (verifier, key = first) => {
    const answer = await refusal(() => verifier.verifyToken(key.token()));
    return answer === "accepted" ? answer : answer.code;
  };
  const saidAtOnce = (verifier, key = first) => {
    try {
      return verifier.verifyTokenSync(key.token()) && "accepted";
    } catch (error) {
      return error.code;
    }
  };
  /** Waits for what happens behind the scenes; the time limit of the suite ends it when it does not. */
  const until = async (condition) => {
    while (!condition()) await new Promise(setImmediate);
  };

  it("are loaded once and then used", async () => {
    const verifier = await verifierOf();
    assert.equal(saidAtOnce(verifier), "accepted");
    for (let round = 0; round < 100; round += 1) assert.equal(await said(verifier), "accepted");
    assert.equal(server.requests, 1);
  });

  it("are refreshed after five minutes without keeping anybody waiting", async () => {
    const verifier = await verifierOf();
    wait(5 * MINUTE - SECOND);
    assert.equal(await said(verifier), "accepted");
    assert.equal(server.requests, 1);
    wait(2 * SECOND);
    server.answer = serve(second);
    assert.equal(saidAtOnce(verifier), "accepted");
    await until(() => saidAtOnce(verifier, second) === "accepted");
    assert.equal(server.requests, 2);
    assert.equal(saidAtOnce(verifier, first), "UNKNOWN_KEY");
  });

  it("serve on for a day while the issuer is down, and not longer", async () => {
    const verifier = await verifierOf();
    server.answer = (response) => response.writeHead(500).end();
    wait(24 * HOUR - SECOND);
    assert.equal(await said(verifier), "accepted");
    wait(2 * MINUTE);
    assert.equal(await said(verifier), "KEYS_UNAVAILABLE");
    assert.equal(saidAtOnce(verifier), "KEYS_UNAVAILABLE");
    server.answer = serve(first);
    wait(2 * MINUTE);
    assert.equal(await said(verifier), "accepted");
  });

  it("that nobody asked about for long are asked for before they are used", async () => {
    const verifier = await verifierOf();
    server.answer = serve(second);
    wait(23 * HOUR);
    assert.equal(saidAtOnce(verifier), "KEYS_UNAVAILABLE");
    assert.equal(await said(verifier), "UNKNOWN_KEY", "the key was removed meanwhile");
    assert.equal(await said(verifier, second), "accepted");
  });

  it("that failed to be refreshed before are asked for as well", async () => {
    const verifier = await verifierOf();
    server.answer = failing;
    wait(6 * MINUTE);
    assert.equal(saidAtOnce(verifier), "accepted");
    await until(() => server.requests === 2);
    server.answer = serve(second);
    wait(9 * MINUTE);
    assert.equal(await said(verifier), "UNKNOWN_KEY", "the key was removed meanwhile");
  });

  it("that could not be refreshed just now serve on until the next attempt has had its time", async () => {
    const random = mock.method(Math, "random", () => 0);
    const verifier = await verifierOf();
    server.answer = failing;
    wait(20 * MINUTE);
    assert.equal(await said(verifier), "accepted");
    assert.equal(saidAtOnce(verifier), "accepted");
    // The second attempt is due after a second, and is given up after five.
    wait(8 * SECOND);
    const held = hold(server);
    assert.equal(saidAtOnce(verifier), "accepted");
    const release = await held;
    wait(SECOND);
    assert.equal(saidAtOnce(verifier), "KEYS_UNAVAILABLE");
    const waiting = said(verifier);
    release(failing);
    assert.equal(await waiting, "accepted");
    random.mock.restore();
  });

  it("that are missing at the start are fetched when they are needed", async () => {
    server.answer = (response) => response.writeHead(503).end();
    const verifier = await verifierOf();
    assert.deepEqual(await refusal(() => verifier.verifyToken(first.token())), {
      code: "KEYS_UNAVAILABLE",
      reason: "key-set-status",
    });
    assert.equal(server.requests, 1, "a failure is not repeated at once");
    server.answer = serve(first);
    wait(2 * SECOND);
    assert.equal(await said(verifier), "accepted");
    assert.equal(server.requests, 2);
  });

  it("that are missing are asked for once by many who wait", async () => {
    server.answer = (response) => response.writeHead(503).end();
    const verifier = await verifierOf();
    server.answer = serve(first);
    wait(2 * SECOND);
    const answers = await Promise.all(Array.from({ length: 50 }, () => said(verifier)));
    assert.deepEqual(new Set(answers), new Set(["accepted"]));
    assert.equal(server.requests, 2);
  });

  it("are asked for anew for an unknown kid, once in thirty seconds, and a rotated key is found", async () => {
    const verifier = await verifierOf();
    for (let round = 0; round < 20; round += 1) {
      assert.equal(await said(verifier, new SigningKey(`made-up-${round}`)), "UNKNOWN_KEY");
    }
    assert.equal(server.requests, 2);
    assert.equal(await said(verifier), "accepted");
    server.answer = serve(first, second);
    wait(31 * SECOND);
    const answers = await Promise.all(Array.from({ length: 50 }, () => said(verifier, second)));
    assert.deepEqual(new Set(answers), new Set(["accepted"]));
    assert.equal(server.requests, 3);
  });

  it("are not asked for anew by the sync call", async () => {
    const verifier = await verifierOf();
    assert.equal(saidAtOnce(verifier, second), "UNKNOWN_KEY");
    // Had the call asked, its request would have come before this one.
    await fetch(server.uri);
    assert.equal(server.requests, 2);
  });

  it("are asked for anew for an unknown kid without keeping good tokens or a refresh waiting", async () => {
    const verifier = await verifierOf();
    const held = hold(server);
    const unknown = said(verifier, second);
    const release = await held;
    assert.equal(await said(verifier), "accepted");
    release(failing);
    assert.equal(await unknown, "UNKNOWN_KEY");
    // The failure of a fetch that a stranger caused puts no refresh off.
    wait(5 * MINUTE);
    server.answer = serve(first, second);
    assert.equal(await said(verifier), "accepted");
    await until(() => saidAtOnce(verifier, second) === "accepted");
  });

  it("that rotate are found in the middle of a flood of unknown kids", async () => {
    const verifier = await verifierOf();
    const flood = () => Promise.all(Array.from({ length: 1_000 }, (_, index) => said(verifier, madeUp(index))));
    assert.deepEqual(new Set(await flood()), new Set(["UNKNOWN_KEY"]));
    assert.equal(server.requests, 2);
    server.answer = serve(first, second);
    await flood();
    assert.equal(await said(verifier, second), "UNKNOWN_KEY", "the cooldown");
    wait(30 * SECOND);
    await Promise.all([flood(), said(verifier, second).then((answer) => assert.equal(answer, "accepted"))]);
    assert.equal(server.requests, 3);
  });

  it("that are unchanged are not sent again, and live on", async () => {
    server.answer = serveTagged('"one"', first);
    const verifier = await verifierOf();
    wait(MINUTE);
    assert.equal(await said(verifier, madeUp(0)), "UNKNOWN_KEY");
    assert.deepEqual(server.conditions, [undefined, '"one"']);
    wait(15 * MINUTE - SECOND);
    assert.equal(saidAtOnce(verifier), "accepted");
  });

  it("that changed come with another entity tag", async () => {
    server.answer = serveTagged('"one"', first);
    const verifier = await verifierOf();
    server.answer = serveTagged('"two"', first, second);
    assert.equal(await said(verifier, second), "accepted");
    wait(31 * SECOND);
    await said(verifier, madeUp(0));
    assert.deepEqual(server.conditions, [undefined, '"one"', '"two"']);
  });

  it("are asked for whole after a failure", async () => {
    server.answer = serveTagged('"one"', first);
    const verifier = await verifierOf();
    server.answer = (response) => response.writeHead(500).end();
    await said(verifier, second);
    wait(31 * SECOND);
    await said(verifier, second);
    assert.deepEqual(server.conditions, [undefined, '"one"', undefined]);
  });

  it("do not go back to an older set that comes later", async () => {
    const verifier = await verifierOf();
    const held = hold(server);
    const slow = said(verifier, madeUp(0));
    const release = await held;
    wait(31 * SECOND);
    server.answer = serve(first, second);
    assert.equal(await said(verifier, second), "accepted");
    release(serve(first));
    assert.equal(await slow, "UNKNOWN_KEY");
    assert.equal(saidAtOnce(verifier, second), "accepted");
  });

  it("are asked for less and less often while the issuer is down", async () => {
    // The next attempt comes up to a quarter later, so that many processes do not come back in step.
    for (const [lot, factor] of [[0, 1], [1, 1.25]]) {
      const random = mock.method(Math, "random", () => lot);
      server.answer = failing;
      const verifier = await verifierOf();
      for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
        const before = server.requests;
        wait(seconds * factor * SECOND - 1);
        await said(verifier);
        assert.equal(server.requests, before, `before ${seconds} s`);
        wait(1);
        await said(verifier);
        assert.equal(server.requests, before + 1, `after ${seconds} s`);
      }
      random.mock.restore();
    }
  });

  it("from a clock that is set back are refreshed, and used meanwhile", async () => {
    const verifier = await verifierOf();
    wait(-48 * HOUR);
    server.answer = serve(first, second);
    assert.equal(saidAtOnce(verifier), "accepted");
    await until(() => saidAtOnce(verifier, second) === "accepted");
  });

  it("are not confirmed by an answer with another tag", async () => {
    server.answer = serveTagged('"one"', first);
    const verifier = await verifierOf();
    server.answer = (response) => response.writeHead(304, { etag: '"two"' }).end();
    assert.equal(await said(verifier, second), "UNKNOWN_KEY");
    // The next fetch asks for the whole set, because the tag is what was wrong.
    server.answer = serveTagged('"two"', first, second);
    wait(31 * SECOND);
    assert.equal(await said(verifier, second), "accepted");
    assert.deepEqual(server.conditions, [undefined, '"one"', undefined]);
  });

  const privateKey = JSON.stringify({ keys: [{ ...first.jwk, d: first.jwk.x }] });
  const large = JSON.stringify({ keys: [first.jwk], filler: "x".repeat(65_536) });
  const huge = JSON.stringify({ keys: [first.jwk], filler: "x".repeat(10_000_000) });
  const movedAway = (response, request) => (request.url === "/moved" ? serve(second)(response) : moved(response));
  const bad = [
    ["no JSON", (response) => response.end("<!doctype html>"), "not-json"],
    ["JSON of another form", (response) => response.end("[]"), "not-an-object"],
    ["an empty set", (response) => response.end('{"keys":[]}'), "key-set-without-usable-key"],
    ["a set with a private key", (response) => response.end(privateKey), "private-key"],
    ["a set that is too large", (response) => response.end(large), "key-set-too-large"],
    ["a set that is ten megabytes large", (response) => response.end(huge), "key-set-too-large"],
    ["a set that breaks off", (response) => response.end(JSON.stringify({ keys: [first.jwk] }).slice(0, -9)), "not-json"],
    ["nothing", (response) => response.end(), "not-json"],
    ["an unasked 304", (response) => response.writeHead(304).end(), "key-set-status"],
    ["a stream without an end", endless, "key-set-too-large"],
    ["a redirect to a good set", movedAway, "key-set-redirected"],
    ["404 with a good set", (response) => serve(second)(response.writeHead(404)), "key-set-status"],
    ["a connection that breaks off", (response) => response.destroy(), "key-set-unreachable"],
  ];
  for (const [name, answer, reason] of bad) {
    it(`are not replaced by ${name}`, async () => {
      const verifier = await verifierOf();
      server.answer = answer;
      assert.equal(await said(verifier, second), "UNKNOWN_KEY");
      assert.equal(await said(verifier), "accepted");
    });

    it(`are not made of ${name}`, async () => {
      server.answer = answer;
      const verifier = await verifierOf();
      const token = second.token();
      assert.deepEqual(await refusal(() => verifier.verifyToken(token)), { code: "KEYS_UNAVAILABLE", reason });
    });
  }

  it("that do not come are given up after five seconds", async () => {
    const timeout = AbortSignal.timeout;
    const asked = mock.method(AbortSignal, "timeout", () => timeout.call(AbortSignal, 20));
    server.answer = () => {};
    const verifier = await verifierOf();
    assert.deepEqual(await refusal(() => verifier.verifyToken(first.token())), {
      code: "KEYS_UNAVAILABLE",
      reason: "key-set-timeout",
    });
    assert.deepEqual(asked.mock.calls[0].arguments, [5_000]);
  });
});

/** A token of a key that nobody published. The same few keys, because making one takes a while. */
const strangers = Array.from({ length: 4 }, (_, index) => new SigningKey(`made-up-${index}`));
function madeUp(index) {
  return strangers[index % strangers.length];
}

function failing(response) {
  response.writeHead(500).end();
}

/** Makes the key server keep its next request waiting; resolves to the way to answer it. */
function hold(server) {
  return new Promise((held) => {
    server.answer = (response) => held((answer) => answer(response));
  });
}

function moved(response) {
  response.writeHead(302, { location: "/moved" }).end();
}

function endless(response) {
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(16_384)));
  };
  response.on("drain", more);
  more();
}
