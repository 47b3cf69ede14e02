// The client package in a page of the demo app, against the real edge and issuer: the same promises as in its own tests,
// kept with real cookies.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";
import { clientIn, countRequests, generation, REFUSALS } from "./tab.mjs";

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
        assert.equal(await generation(visitor), "0");
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
        assert.equal(await generation(visitor), "1");
        await visitor.context.clearCookies({ name: "edgeward-access" });
        await page.goto("/app");
        await visitor.expectHeading("Hello, Uri User");
        assert.equal(await generation(visitor), "2");
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
