// What other sites can make a real browser do to this one: Chromium itself says `Origin` and `Sec-Fetch-Site` here.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe } from "node:test";
import { visits } from "./browser.mjs";

export function crossSiteStories(world) {
  describe("from another site", () => {
    const visit = visits(world, {});

    for (const [where, host] of [
      ["another origin of the same host", "127.0.0.1"],
      ["another host", "localhost"],
    ]) {
      visit(
        `a form on ${where} signs nobody in`,
        async (visitor, page) => {
          const { email, password } = world.site.admin;
          const form = `<form method="post" action="${world.site.origin}/auth/login">
            <input name="email" value="${email}"><input name="password" value="${password}">
            <input name="csrf_token" value="c1.1.x.x"><button>Win a prize</button></form>`;
          await withPage(form, host, async (address) => {
            await page.goto(address);
            assert.equal((await pressed(page, "/auth/login")).status(), 403);
          });
          await page.goto("/app");
          await visitor.expectSignInPage("/app");
        },
        /status of 403 /,
      );

      visit(
        `a form on ${where} signs nobody out`,
        async (visitor, page) => {
          await visitor.signIn(world.site.user);
          const form = `<form method="post" action="${world.site.origin}/auth/logout"><button>Win a prize</button></form>`;
          await withPage(form, host, async (address) => {
            await page.goto(address);
            assert.equal((await pressed(page, "/auth/logout")).status(), 403);
          });
          await page.goto("/app");
          await visitor.expectHeading("Hello, Uri User");
        },
        /status of 403 /,
      );
    }

    visit(
      "the sign-in page cannot be framed",
      async (visitor, page) => {
        await withPage(`<iframe src="${world.site.origin}/login"></iframe>`, "localhost", async (address) => {
          await page.goto(address);
          const frame = page.frames().find((each) => each !== page.mainFrame());
          assert.equal(await frame.getByLabel("Password").count(), 0);
        });
      },
      /Refused to (display|frame)|Framing .* violates|frame-ancestors/,
    );
  });
}

/** Sends the form of the page, and waits until its answer is the page: the next way would otherwise cross this one. */
async function pressed(page, path) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => new URL(response.url()).pathname === path),
    page.waitForURL(({ pathname }) => pathname === path),
    page.getByRole("button").click(),
  ]);
  return answer;
}

/** Serves `body` as the only page of another origin while `use` runs. */
async function withPage(body, host, use) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">${body}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use(`http://${host}:${server.address().port}/`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
