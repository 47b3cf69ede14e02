// The client package in a page of the demo app, against the real edge and issuer: the same promises as in its own tests,
// kept with real cookies.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";

/** Chromium writes a line for each request that is refused. */
const REFUSALS = /^Failed to load resource: the server responded with a status of 40[13] /;

export function clientStories(world) {
  describe("the client package", () => {
    const visit = visits(world, {});

    visit(
      "signs in, says who it is, signs out",
      async (visitor, page) => {
        await page.goto("/");
        const { email, password } = world.site.user;
        const { refusal, signedIn, session, afterwards } = await (await clientIn(page)).evaluate(
          async (client, { email, password }) => ({
            refusal: await client.signIn({ email, password: "Wrong-password-1" }).catch(({ code, status }) => ({ code, status })),
            signedIn: await client.signIn({ email, password }),
            session: await client.session(),
            afterwards: await client.signOut().then(() => client.session()),
          }),
          { email, password },
        );
        assert.deepEqual(refusal, { code: "INVALID_CREDENTIALS", status: 401 });
        assert.equal(signedIn.user.email, email);
        assert.equal(signedIn.user.firstName, "Uri");
        assert.deepEqual(session, signedIn);
        assert.equal(afterwards, null);
      },
      REFUSALS,
    );

    visit("signs up, and the new session opens the app", async (visitor, page) => {
      await page.goto("/");
      const { user } = await (await clientIn(page)).evaluate((client) =>
        client.signUp({ email: "ito@example.test", password: "Correct-horse-1-battery", firstName: "Ito", lastName: "É" }),
      );
      assert.equal(user.lastName, "É");
      await page.goto("/app");
      await visitor.expectHeading("Hello, Ito É");
    });

    visit(
      "an access cookie that is gone: the edge refreshes, once for many requests and for a page",
      async (visitor, page) => {
        await visitor.signIn(world.site.user);
        const generation = async () => {
          const cookies = await visitor.context.cookies();
          return cookies.find(({ name }) => name === "edgeward-refresh").value.split(".")[2];
        };
        assert.equal(await generation(), "0");
        await visitor.context.clearCookies({ name: "edgeward-access" });
        const refreshes = countRequests(page, "/auth/refresh");
        const client = await clientIn(page);
        const statuses = await client.evaluate((client) =>
          Promise.all(
            Array.from({ length: 8 }, (_, i) =>
              client.fetch("/api/echo", i % 2 ? { method: "POST", body: "x" } : {}).then(({ status }) => status),
            ),
          ),
        );
        assert.deepEqual(new Set(statuses), new Set([200]));
        assert.equal(await generation(), "1");
        await visitor.context.clearCookies({ name: "edgeward-access" });
        await page.goto("/app");
        await visitor.expectHeading("Hello, Uri User");
        assert.equal(await generation(), "2");
        assert.equal(refreshes.count, 0);
      },
      REFUSALS,
    );

    visit(
      "a CSRF token that another tab has replaced is fetched again",
      async (visitor, page) => {
        await visitor.signIn(world.site.user);
        const tokens = countRequests(page, "/auth/csrf");
        const client = await clientIn(page);
        await client.evaluate(async (client) => void (await client.fetch("/api/echo", { method: "POST" })));
        await visitor.context.clearCookies({ name: "edgeward-csrf" });
        await client.evaluate((client) => client.signOut());
        assert.equal(tokens.count, 2);
        await page.goto("/app");
        await visitor.expectSignInPage("/app");
      },
      REFUSALS,
    );
  });
}

/** A handle of a client in the page: `client.evaluate(act, argument)` runs `act(client, argument)` there. */
async function clientIn(page) {
  const module = await page.evaluateHandle(() => import("/assets/client/index.js"));
  return module.evaluateHandle(({ createAuthClient }) => createAuthClient({ baseUrl: location.origin }));
}

/** Counts the requests that the page sends to a path from now on. */
function countRequests(page, path) {
  const counter = { count: 0 };
  page.on("request", (request) => {
    if (new URL(request.url()).pathname === path) counter.count += 1;
  });
  return counter;
}
