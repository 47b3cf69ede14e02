// The quick starts of the client, word for word and to their end: what the pages in `www/client/examples` say is done, behind the
// edge and the issuer that they have one start, and then what they promise is looked for.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { get as httpGet } from "node:http";
import { describe, test } from "node:test";
import { AGAIN_IF_CLOSED, Visitor } from "./browser.mjs";
import { EXAMPLES, QuickStart } from "./quick_start.mjs";
import { countRequests, generation } from "./tab.mjs";

/** By the name of its folder: what a quick start promises. */
const QUICK_STARTS = {
  page: { promise: "signs in and out, also in another tab, and asks an API", isKept: signsInAndOut },
  react: { promise: "the hook says who is signed in, and follows changes", isKept: hookFollows },
  next: { promise: "server, handlers and browser know who is asking", isKept: nextKnows },
  express: { promise: "it knows who is asking", isKept: knowsWhoIsAsking },
  hono: { promise: "it knows who is asking", isKept: knowsWhoIsAsking },
};

/** Chromium writes a line for each refusal, an icon among them that no quick start has, and for the issuer that a story takes away. */
const EXPECTED = /^Failed to load resource: the server responded with a status of (40[13]|502) /;

export function quickStartStories(world) {
  describe("the quick start, word for word:", () => {
    for (const [name, { promise, isKept }] of Object.entries(QUICK_STARTS)) {
      test(`${name}: ${promise}`, async () => {
        const start = await QuickStart.follow(name);
        try {
          const visitor = await Visitor.arrive(world.browser, { baseURL: start.site.origin });
          try {
            await isKept(start, visitor);
          } finally {
            await visitor.leave();
          }
          visitor.expectSilentConsole(EXPECTED);
        } finally {
          await start.leave();
        }
      });
    }

    test("there is none that nobody follows", async () => {
      assert.deepEqual((await readdir(EXAMPLES)).sort(), Object.keys(QUICK_STARTS).sort());
    });
  });
}

async function signsInAndOut({ site, port }, visitor) {
  const { page, context } = visitor;
  await page.goto("/");
  await page.getByText("Nobody is signed in.").waitFor();
  await visitor.submitSignIn({ ...site.user, password: "Wrong-password-1" });
  await page.getByRole("alert").getByText("The e-mail address or the password is wrong.").waitFor();
  await visitor.submitSignIn(site.user);
  await page.getByText("Hello, Uri.").waitFor();
  // The access token is gone, so the order renews the session on its way.
  await context.clearCookies({ name: "edgeward-access" });
  await page.getByRole("button", { name: "Order" }).click();
  await page.getByText("Ordered.").waitFor();
  assert.equal(await generation(visitor), "1");
  await refuses(await context.request.post("/api/orders", { data: "tea" }), 403, "CSRF_INVALID");
  const other = await context.newPage();
  await other.goto("/");
  await other.getByText("Hello, Uri.").waitFor();
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("Nobody is signed in.").waitFor();
  await other.getByText("Nobody is signed in.").waitFor();
  assert.equal(await page.getByLabel("Password").inputValue(), "", "who comes next finds no password");
  await refuses(await context.request.post("/api/orders", { data: "tea" }), 401, "NOT_SIGNED_IN");
  // What the app serves is what was in its folder, whoever comes past the edge and however the path is written.
  for (const path of ["/../server.mjs", "/%2e%2e/server.mjs", "/..%2fserver.mjs", "/client/../../server.mjs", "//server.mjs"]) {
    assert.equal(await statusAsWritten(port, path), 404, path);
  }
}

async function hookFollows({ site }, visitor) {
  const { page } = visitor;
  const questions = countRequests(page, "/auth/me");
  await page.goto("/");
  const link = page.getByRole("link", { name: "Sign in" });
  await link.waitFor();
  await page.getByText("nobody").waitFor();
  assert.equal(questions.count, 1, "all components share one question");
  await link.click();
  await visitor.expectSignInPage("/");
  await visitor.submitSignIn(site.user);
  await page.getByText("Hello, Uri.").waitFor();
  await page.getByText(site.user.email).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await link.waitFor();
  await page.route("**/auth/me", (route) => route.fulfill({ status: 502 }));
  await page.reload();
  await page.getByText("The sign-in service does not answer.").waitFor();
  // It answers again, and the page is not loaded anew.
  await page.unroute("**/auth/me");
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await link.waitFor();
}

async function nextKnows(start, visitor) {
  const { site, port } = start;
  const { page, context } = visitor;
  await page.goto("/");
  await page.getByRole("heading", { name: "Hello, stranger" }).waitFor();
  await page.getByText("signed-out").waitFor();
  await refuses(await get(context, "/api/who/sub"), 401, "NOT_SIGNED_IN");
  await refuses(await get(context, `http://127.0.0.1:${port}/api/who/sub`), 403, "ASSERTION_REQUIRED");
  await refusesForgery(start, context);

  await page.goto("/login?returnTo=%2F");
  await visitor.submitSignIn(site.admin);
  await page.getByRole("heading", { name: `Hello, ${site.admin.name}` }).waitFor();
  await page.getByText(site.admin.email).waitFor();
  const { user } = await (await get(context, "/auth/me")).json();
  assert.deepEqual(await (await get(context, "/api/who/sub")).json(), { sub: user.id });
}

async function knowsWhoIsAsking(start, visitor) {
  const { site, port } = start;
  const { page, context } = visitor;
  const says = async (headers) => (await get(context, "/", { headers })).text();
  assert.equal(await says({ "edgeward-assertion": "a.b.c", "edgeward-user": "u1" }), "Hello, stranger");
  // The edge refuses a stranger before the app is asked, and the app whoever comes past the edge.
  await refuses(await get(context, "/api/who"), 401, "NOT_SIGNED_IN");
  await refuses(await get(context, `http://127.0.0.1:${port}/api/who`), 403, "ASSERTION_REQUIRED");
  await refusesForgery(start, context);

  await page.goto("/login?returnTo=%2F");
  await visitor.submitSignIn(site.admin);
  await page.getByText(`Hello, ${site.admin.name}`).waitFor();
  const { user } = await (await get(context, "/auth/me")).json();
  const who = await (await get(context, "/api/who")).json();
  assert.deepEqual(who, { sub: user.id, roles: ["admin"] });
}

/** Past the edge, a page that is open to strangers is not open to who makes an identity up. */
async function refusesForgery({ port }, context) {
  const headers = { "edgeward-assertion": "a.b.c" };
  await refuses(await get(context, `http://127.0.0.1:${port}/`, { headers }), 403, "ASSERTION_INVALID");
}

function get({ request }, place, options = {}) {
  return request.get(place, { ...AGAIN_IF_CLOSED, ...options });
}

async function refuses(answer, status, code) {
  assert.deepEqual([answer.status(), (await answer.json()).code], [status, code]);
}

/** The status of a GET whose path goes out as it is: `fetch` would resolve its dots. */
async function statusAsWritten(port, path) {
  const [response] = await once(httpGet({ host: "127.0.0.1", port, path }), "response");
  response.resume();
  return response.statusCode;
}
