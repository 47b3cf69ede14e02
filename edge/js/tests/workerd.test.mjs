// Keys from an address in workerd, where a request may end in the middle of its fetch and none may wait for another's.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { startWorkerd } from "../../../tests/js/interop/runtimes/workerd.mjs";
import { KeyServer, serve, SigningKey } from "./issuer.mjs";

const first = new SigningKey("first");
const second = new SigningKey("second");

describe("a verifier in the global scope of a Worker", () => {
  let server;
  let worker;

  beforeEach(async () => {
    server = await KeyServer.start(serve(first));
    const entry = new URL("global_verifier_worker.mjs", import.meta.url);
    worker = await startWorkerd(entry, { JWKS_URI: JSON.stringify(server.uri) });
  });
  afterEach(async () => {
    await worker?.stop();
    await server.stop();
  });

  const ask = async (key, { path = "/", signal } = {}) => {
    const response = await fetch(new URL(path, worker.origin), { method: "POST", body: key.token(), signal });
    return response.text();
  };
  /** Makes the key server keep its next request waiting; resolves to the way to answer it. */
  const hold = () =>
    new Promise((held) => {
      server.answer = (response) => held((answer) => answer(response));
    });

  it("loads its keys with the first request, once", async () => {
    assert.equal(server.requests, 0);
    assert.equal(await ask(first), "accepted");
    assert.equal(await ask(first, { path: "/sync" }), "accepted");
    assert.equal(await ask(first), "accepted");
    assert.equal(server.requests, 1);
  });

  it("has no keys for a sync call before", async () => {
    assert.equal(await ask(first, { path: "/sync" }), "KEYS_UNAVAILABLE");
  });

  it("fetches once for a hundred requests that come without keys", async () => {
    const held = hold();
    const answers = Promise.all(Array.from({ length: 100 }, () => ask(first)));
    const release = await held;
    release(serve(first));
    assert.deepEqual(new Set(await answers), new Set(["accepted"]));
    assert.equal(server.requests, 1);
  });

  it("brings its keys also when the request that was fetching is gone", async () => {
    const held = hold();
    const client = new AbortController();
    const gone = ask(first, { signal: client.signal }).catch(() => "gone");
    const release = await held;
    const waiting = ask(first);
    client.abort();
    assert.equal(await gone, "gone");
    release(serve(first));
    assert.equal(await waiting, "accepted");
    assert.equal(server.requests, 1);
  });

  it("checks ES256 and RS256, of which requests share the imported key", async () => {
    const keys = [new SigningKey("ec", "ES256"), new SigningKey("rsa", "RS256")];
    server.answer = serve(...keys);
    for (const key of keys) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(key)));
      assert.deepEqual(new Set(answers), new Set(["accepted"]));
      assert.equal(await ask(key, { path: "/sync" }), "INVALID_TOKEN");
    }
  });

  it("recalls a token in another request", async () => {
    const token = { token: () => shared };
    const shared = first.token();
    assert.equal(await ask(token), "accepted");
    assert.equal(await ask(token), "accepted");
  });

  it("lets requests with the same rotated key profit from one fetch", async () => {
    assert.equal(await ask(first), "accepted");
    const held = hold();
    const answers = Promise.all(Array.from({ length: 10 }, () => ask(second)));
    const release = await held;
    // A good token does not wait for the fetch that is under way.
    assert.equal(await ask(first), "accepted");
    release(serve(first, second));
    assert.deepEqual(new Set(await answers), new Set(["accepted"]));
    assert.equal(server.requests, 2);
  });
});
