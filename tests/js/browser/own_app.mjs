// The quick starts of Express and Hono as somebody follows them who has a site: behind the edge and the issuer that
// `cargo xtask dev --app` starts, with the names that it prints. What they do with what an edge may sign is in `www/client/test/examples`.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { freePort, QuickStart, stepsOf } from "../../../www/client/test/examples/quick_start.mjs";
import { visits } from "./browser.mjs";
import { Site } from "./site.mjs";

export function ownAppStories(world) {
  describe("an app of one's own behind `dev --app`", () => {
    const own = {
      get browser() {
        return world.browser;
      },
    };
    const visit = visits(own, {});

    before(async () => {
      own.port = await freePort();
      own.site = await Site.start({}, [`--app=http://127.0.0.1:${own.port}`]);
    });
    after(() => own.site?.stop());

    for (const name of ["express", "hono"]) {
      visit(
        `${name}: it knows who is asking, and a stranger who says so is none`,
        async ({ context, page }) => {
          const start = await QuickStart.inEmptyFolder(["edge/js"]);
          try {
            await start.follow(await stepsOf(name), { serves: true, env: own.site.printed, port: own.port });
            await knowsWhoIsAsking(own, context, page);
          } finally {
            await start.leave();
          }
        },
        // A quick start has no icon, and browsers ask for one.
        /^Failed to load resource: the server responded with a status of 404 .*\/favicon\.ico\)$/,
      );
    }
  });
}

async function knowsWhoIsAsking({ site, port }, context, page) {
  const says = async (headers) => (await context.request.get("/", { headers })).text();
  assert.equal(await says({ "edgeward-assertion": "a.b.c", "edgeward-user": "u1" }), "Hello, stranger");
  // The edge refuses a stranger before the app is asked, and the app whoever comes past the edge.
  await refuses(await context.request.get("/api/who"), 401, "NOT_SIGNED_IN");
  await refuses(await context.request.get(`http://127.0.0.1:${port}/api/who`), 403, "ASSERTION_REQUIRED");

  await page.goto("/login?returnTo=%2F");
  await page.getByLabel("E-mail address").fill(site.admin.email);
  await page.getByLabel("Password").fill(site.admin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(`Hello, ${site.admin.name}`).waitFor();
  const { user } = await (await context.request.get("/auth/me")).json();
  const who = await (await context.request.get("/api/who")).json();
  assert.deepEqual(who, { sub: user.id, roles: ["admin"] });
}

async function refuses(answer, status, code) {
  assert.deepEqual([answer.status(), (await answer.json()).code], [status, code]);
}
