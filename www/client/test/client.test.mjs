import assert from "node:assert/strict";
import { test } from "node:test";
import { ADA, problem } from "./issuer.mjs";
import { refusedWith, site } from "./site.mjs";

const CREDENTIALS = { email: ADA.email, password: "right" };

test("signs in and says who it is", async () => {
  const { client, issuer } = site();
  assert.deepEqual(await client.signIn(CREDENTIALS), { user: ADA });
  assert.deepEqual(await client.session(), { user: ADA });
  assert.deepEqual(issuer.calls, ["GET /auth/csrf", "POST /auth/login", "GET /auth/me"]);
});

test("a wrong password is an error with the issuer's code and sentence", async () => {
  const { client, issuer } = site();
  await assert.rejects(client.signIn({ email: ADA.email, password: "wrong" }), (error) => {
    assert.equal(error.message, "E-mail address or password is wrong.");
    return refusedWith("INVALID_CREDENTIALS", 401)(error);
  });
  assert.equal(issuer.count("POST /auth/refresh"), 0, "a refused sign-in is no expired session");
});

test("signs up with the names, and with nothing else that the caller's object carries", async () => {
  const { client, issuer } = site();
  let sent;
  issuer.on("POST /auth/register", async (request) => {
    sent = await request.clone().json();
  });
  const form = { email: "bo@example.test", password: "right", firstName: "Bo", lastName: "Ek" };
  const { user } = await client.signUp({ ...form, roles: ["admin"] });
  assert.deepEqual(sent, form);
  assert.equal(user.firstName, "Bo");
});

test("signing up where mail proves addresses signs nobody in", async () => {
  const { client, issuer } = site();
  issuer.on("POST /auth/register", () => new Response(null, { status: 202 }));
  const form = { email: "bo@example.test", password: "right", firstName: "Bo", lastName: "Ek" };
  assert.equal(await client.signUp(form), null);
});

test("nobody is signed in: session() is null after one attempt to refresh", async () => {
  const { client, issuer } = site();
  assert.equal(await client.session(), null);
  assert.deepEqual(issuer.calls, ["GET /auth/me", "GET /auth/csrf", "POST /auth/refresh"]);
});

test("signs out, and a second time without an error", async () => {
  const { client, issuer } = site({ signedIn: true });
  await client.signOut();
  assert.equal(issuer.user, undefined);
  await client.signOut();
});

test("a 401 at the sign-out is some proxy's: nothing has ended, and it is said", async () => {
  const { client, issuer } = site({ signedIn: true });
  await client.session();
  const told = [];
  client.onChange((session) => told.push(session));
  issuer.on("POST /auth/logout", () => new Response("Who are you?", { status: 401 }));
  await assert.rejects(client.signOut(), refusedWith("UNEXPECTED_ANSWER", 401));
  assert.deepEqual(told, []);
  assert.equal((await client.session())?.user.id, ADA.id);
});

test("an answer that wants the identity confirmed first is the app's: no refresh changes it", async () => {
  const { client, issuer } = site({ signedIn: true });
  const challenge = 'Bearer error="insufficient_user_authentication", max_age="300"';
  issuer.on("POST /api/pay", () => problem(401, "STEP_UP_REQUIRED", "Confirm your identity again.", { "www-authenticate": challenge }));
  const response = await client.fetch("/api/pay", { method: "POST", body: "all of it" });
  assert.equal(response.status, 401);
  assert.equal((await response.json()).code, "STEP_UP_REQUIRED");
  assert.deepEqual(issuer.calls, ["GET /auth/csrf", "POST /api/pay"]);
});

test("only unsafe methods carry the CSRF token, which is fetched once", async () => {
  const { client, issuer } = site({ signedIn: true });
  for (const [method, expected] of [
    ["GET", null],
    ["POST", "token-0"],
    ["PUT", "token-0"],
    ["PATCH", "token-0"],
    ["DELETE", "token-0"],
    ["delete", "token-0"],
  ]) {
    const answer = await (await client.fetch("/api/things", { method })).json();
    assert.equal(answer.csrf, expected, method);
  }
  assert.equal(issuer.count("GET /auth/csrf"), 1);
});

test("a stale CSRF token is replaced once and the request repeated with its body", async () => {
  const { client, issuer } = site({ signedIn: true });
  await client.fetch("/api/things", { method: "POST", body: "first" });
  issuer.rotateCsrf();
  const answer = await (await client.fetch("/api/things", { method: "POST", body: "second" })).json();
  assert.equal(answer.body, "second");
  assert.equal(issuer.count("GET /auth/csrf"), 2);
});

test("a CSRF token that stays refused is reported, not asked for in a loop", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.on("POST /api/things", () => problem(403, "CSRF_INVALID"));
  const response = await client.fetch("/api/things", { method: "POST" });
  assert.equal(response.status, 403);
  assert.equal((await response.json()).code, "CSRF_INVALID", "the caller can still read the answer");
  assert.equal(issuer.count("POST /api/things"), 2);
});

test("another 403 is not a reason to repeat anything", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.on("POST /api/things", () => problem(403, "INSUFFICIENT_ROLE"));
  assert.equal((await client.fetch("/api/things", { method: "POST" })).status, 403);
  assert.equal(issuer.count("POST /api/things"), 1);
});

test("an expired access cookie: one refresh, one repetition, with method and body", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.expireAccess();
  const answer = await (await client.fetch("/api/things", { method: "PUT", body: "kept" })).json();
  assert.deepEqual([answer.call, answer.body], ["PUT /api/things", "kept"]);
  assert.equal(issuer.count("POST /auth/refresh"), 1);
  assert.equal(issuer.count("PUT /api/things"), 2);
});

test("many requests at once share one refresh", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.expireAccess();
  const responses = await Promise.all(Array.from({ length: 20 }, (_, i) => client.fetch(`/api/things/${i}`)));
  assert.deepEqual(new Set(responses.map((response) => response.status)), new Set([200]));
  assert.equal(issuer.count("POST /auth/refresh"), 1);
});

test("a 401 that arrives after somebody else's refresh repeats without another one", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.expireAccess();
  let answerLate;
  const late = new Promise((resolve) => {
    answerLate = () => resolve(problem(401, "TOKEN_EXPIRED"));
  });
  let first = true;
  issuer.on("GET /api/slow", () => {
    if (!first) return undefined;
    first = false;
    return late;
  });
  const slow = client.fetch("/api/slow");
  await client.fetch("/api/quick");
  answerLate();
  assert.equal((await slow).status, 200);
  assert.equal(issuer.count("POST /auth/refresh"), 1);
});

test("a 401 that a refresh does not cure is returned, not chased", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.on("GET /api/things", () => problem(401, "STEP_UP_REQUIRED"));
  assert.equal((await client.fetch("/api/things")).status, 401);
  assert.equal(issuer.count("GET /api/things"), 2);
  assert.equal(issuer.count("POST /auth/refresh"), 1);
});

test("an ended session gives back the first 401 without repeating the request", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.expireAccess();
  issuer.sessionEnded = true;
  const response = await client.fetch("/api/things");
  assert.equal((await response.json()).code, "TOKEN_EXPIRED");
  assert.equal(issuer.count("GET /api/things"), 1);
  assert.equal(await client.session(), null);
});

test("a sign-in forgets the CSRF token of the stranger before it", async () => {
  const { client, issuer } = site();
  await client.signIn(CREDENTIALS);
  const answer = await (await client.fetch("/api/things", { method: "POST" })).json();
  assert.equal(answer.csrf, issuer.csrf());
  assert.equal(issuer.count("POST /api/things"), 1, "no detour over a refusal");
});

test("another origin never gets a request, let alone the token", async () => {
  const { client, issuer } = site({ signedIn: true });
  for (const address of ["https://evil.example/", "//evil.example/api", "http://site.example/", new URL("https://site.example:8443/")]) {
    await assert.rejects(client.fetch(address, { method: "POST" }), TypeError, String(address));
  }
  assert.deepEqual(issuer.calls, []);
});

test("no redirect takes the token anywhere", async () => {
  const { client } = site({ signedIn: true });
  for (const [init, expected] of [
    [{ method: "GET" }, "follow"],
    [{ method: "POST" }, "error"],
    [{ method: "POST", redirect: "follow" }, "error"],
    [{ method: "DELETE", redirect: "manual" }, "manual"],
  ]) {
    const answer = await (await client.fetch("/api/things", init)).json();
    assert.equal(answer.redirect, expected, JSON.stringify(init));
  }
});

test("who gives a request up waits no longer, and the others get what it waited for without another question", async () => {
  const expired = ({ issuer }) => issuer.expireAccess();
  const stale = async ({ client, issuer }) => {
    await client.fetch("/api/before", { method: "POST" });
    issuer.rotateCsrf();
  };
  for (const [method, awaited, prepare, sent] of [
    ["POST", "GET /auth/csrf", () => {}, 0],
    ["POST", "GET /auth/csrf", stale, 1],
    ["POST", "POST /auth/refresh", expired, 1],
    ["GET", "POST /auth/refresh", expired, 1],
  ]) {
    const what = `${method}, which waits for ${awaited} after ${sent} attempts`;
    const all = site({ signedIn: true });
    const { client, issuer, machine } = all;
    await prepare(all);
    const [giveUp, reason] = [new AbortController(), new Error("gone")];
    let answer;
    const late = new Promise((resolve) => (answer = resolve));
    const asked = new Promise((resolve) => {
      issuer.on(awaited, () => {
        resolve(issuer.count(awaited));
        return late;
      });
    });
    const request = client.fetch("/api/things", { method, signal: giveUp.signal }).catch((error) => error);
    const questions = await asked;
    const other = client.fetch("/api/others", { method });
    giveUp.abort(reason);
    assert.equal(await Promise.race([request, new Promise(setImmediate)]), reason, what);
    answer();
    assert.equal((await machine.outcome(other)).status, 200, what);
    assert.deepEqual([issuer.count(awaited), issuer.count(`${method} /api/things`)], [questions, sent], what);
  }
});

test("a request that was given up while its session was renewed asks for nothing more", async () => {
  for (const method of ["GET", "POST"]) {
    const { client, issuer, machine } = site({ signedIn: true });
    issuer.expireAccess();
    const giveUp = new AbortController();
    let before;
    issuer.on("POST /auth/refresh", () => {
      before = issuer.calls.length;
      giveUp.abort("gone");
    });
    await assert.rejects(client.fetch("/api/things", { method, signal: giveUp.signal }), (reason) => reason === "gone");
    await machine.pass(0);
    assert.equal(issuer.count("POST /auth/refresh"), 1, method);
    assert.equal(issuer.calls.length, before, `${method}: ${issuer.calls}`);
  }
});

test("a request that was given up before sends nothing", async () => {
  for (const method of ["GET", "POST"]) {
    const { client, issuer } = site({ signedIn: true });
    await assert.rejects(client.fetch("/api/things", { method, signal: AbortSignal.abort("gone") }), (reason) => reason === "gone");
    assert.deepEqual(issuer.calls, [], method);
  }
});

test("signs out everywhere, or everywhere else", async () => {
  const { client, issuer } = site({ signedIn: true });
  let asked;
  issuer.on("POST /auth/logout-all", async (request) => {
    asked = await request.clone().json();
  });
  await client.signOutEverywhere({ exceptCurrent: true });
  assert.deepEqual(asked, { exceptCurrent: true });
  assert.equal((await client.session())?.user.id, ADA.id);
  await client.signOutEverywhere();
  assert.deepEqual(asked, { exceptCurrent: false });
  assert.equal(await client.session(), null);
});

test("a sign-out everywhere that must be confirmed first has ended nothing", async () => {
  const { client, issuer } = site({ signedIn: true });
  issuer.on("POST /auth/logout-all", () => problem(401, "STEP_UP_REQUIRED"));
  await assert.rejects(client.signOutEverywhere(), refusedWith("STEP_UP_REQUIRED", 401));
  assert.equal((await client.session())?.user.id, ADA.id);
});

test("an error carries what the answer says besides", async () => {
  const { client, issuer } = site();
  const answer = { code: "INVALID_CREDENTIALS", detail: "No.", attemptsLeft: 3 };
  const headers = { "content-type": "application/problem+json", "retry-after": "120" };
  issuer.on("POST /auth/login", () => new Response(JSON.stringify(answer), { status: 401, headers }));
  await assert.rejects(client.signIn(CREDENTIALS), ({ details, retryAfter }) => {
    assert.deepEqual([details.attemptsLeft, retryAfter], [3, 120]);
    return true;
  });
});

test("answers that are not what the API promises are named as such", async () => {
  const page = () => new Response("<!doctype html>", { status: 502, headers: { "content-type": "text/html" } });
  for (const [call, answer, status] of [
    ["GET /auth/csrf", page, 502],
    ["GET /auth/csrf", () => Response.json({ csrfToken: 7 }), 200],
    ["POST /auth/login", page, 502],
    ["POST /auth/login", () => Response.json({ user: { id: 1 } }), 200],
    ["POST /auth/login", () => Response.json(null), 200],
    ["POST /auth/login", () => new Response("{"), 200],
  ]) {
    const { client, issuer } = site();
    issuer.on(call, answer);
    await assert.rejects(client.signIn(CREDENTIALS), refusedWith("UNEXPECTED_ANSWER", status), call);
  }
});
