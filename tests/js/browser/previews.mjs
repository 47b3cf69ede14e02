// Preview deployments as real browsers meet them: one suffix, many sites, and every neighbour a stranger. The names are made
// up and lead to this machine; the certificates are of authorities of the worlds' own, whose roots only these browsers trust.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchBrowser, launchProfile, PROFILE_GOES, Visitor } from "./browser.mjs";
import { Example } from "./example.mjs";
import { homeThatTrusts } from "./roots.mjs";

/** Another site, which shows the first preview in a frame. */
const TOOL = "tool.example.test";

export function previewStories() {
  describe("previews below one suffix", () => {
    const world = {};

    before(async () => {
      world.app = await startApp();
      world.previews = await Example.start("PREVIEWS_BIN", [world.app.origin]);
      [world.one, world.two] = world.previews.said;
      const tool = new URL(world.app.origin).host;
      const rules = [world.one, world.two].map(({ host, address }) => `MAP ${host}:443 ${address}`);
      world.switches = [`--host-resolver-rules=${[...rules, `MAP ${TOOL}:80 ${tool}`].join(",")}`];
      world.home = await homeThatTrusts([world.one.root, world.two.root]);
      world.browser = await launchBrowser(world.switches, world.home);
    });

    after(async () => {
      await world.browser?.close();
      await world.previews?.stop();
      world.app?.stop();
      if (world.home) await rm(world.home, PROFILE_GOES);
    });

    const visit = (name, story, expected) =>
      test(name, async () => {
        const visitor = await Visitor.arrive(world.browser, { baseURL: `https://${world.one.host}` });
        try {
          await story(visitor.page, visitor);
        } finally {
          await visitor.leave();
        }
        visitor.expectSilentConsole(expected);
      });

    /** Signs in at a preview, from a page of the app's that asks for it. */
    const signIn = async (page, { host, email, password }) => {
      await page.goto(`https://${host}/app`);
      await page.waitForURL(`https://${host}/login?returnTo=%2Fapp`);
      await page.getByLabel("E-mail address").fill(email);
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText(`${email} at ${host}`).waitFor();
    };

    /** Plants a cookie from a page of a preview, as any script of that deployment can. */
    const plant = async (page, { host }, cookie) => {
      await page.goto(`https://${host}/`);
      await page.evaluate((line) => (document.cookie = line), cookie);
    };

    const status = async (page, { host }, path) => (await page.goto(`https://${host}${path}`)).status();

    test("a browser that does not trust their roots opens none of them", async () => {
      const browser = await launchBrowser(world.switches);
      try {
        const page = await browser.newPage();
        for (const { host } of [world.one, world.two]) {
          await assert.rejects(page.goto(`https://${host}/`), /ERR_CERT_AUTHORITY_INVALID/);
        }
      } finally {
        await browser.close();
      }
    });

    visit("who signs in at one is a stranger at the other", async (page, visitor) => {
      await signIn(page, world.one);
      await page.goto(`https://${world.two.host}/app`);
      await page.waitForURL(`https://${world.two.host}/login?returnTo=%2Fapp`);
      const ours = (await visitor.context.cookies()).filter(({ name }) => /-(session|access|refresh|csrf|device)$/.test(name));
      const at = (host) => ours.filter(({ domain }) => domain === host).map(({ name }) => name.replace("__Host-edgeward-", "")).sort();
      assert.deepEqual(at(world.one.host), ["access", "csrf", "device", "refresh", "session"]);
      assert.deepEqual(at(world.two.host), ["csrf"]);
      for (const { name, secure, httpOnly, sameSite, path } of ours) {
        assert.deepEqual([name.slice(0, 7), secure, httpOnly, sameSite, path], ["__Host-", true, true, "None", "/"], name);
      }
    });

    visit("who signs out at one stays signed in at the other", async (page) => {
      await signIn(page, world.one);
      await signIn(page, world.two);
      await page.goto(`https://${world.one.host}/account/sign-out`);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.waitForURL(`https://${world.one.host}/`);
      await page.goto(`https://${world.one.host}/app`);
      await page.waitForURL(`https://${world.one.host}/login?returnTo=%2Fapp`);
      await page.goto(`https://${world.two.host}/app`);
      await page.getByText(`${world.two.email} at ${world.two.host}`).waitFor();
    });

    visit("a cookie of our name for all previews is one that the browser does not keep", async (page, visitor) => {
      for (const name of ["__Host-edgeward-access", "__host-edgeward-access", "__HOST-edgeward-session"]) {
        await plant(page, world.two, `${name}=planted; Domain=preview.test; Path=/; Secure`);
      }
      const planted = (await visitor.context.cookies()).filter(({ value }) => value === "planted");
      assert.deepEqual(planted, []);
      await signIn(page, world.one);
    });

    visit("a cookie of another environment's name means nothing", async (page) => {
      await signIn(page, world.one);
      for (const name of ["edgeward-access", "__Secure-edgeward-access"]) {
        await plant(page, world.two, `${name}=planted; Domain=preview.test; Path=/; Secure`);
      }
      assert.equal(await status(page, world.one, "/app"), 200);
    });

    visit("a cookie that some reader would take for ours is refused, wherever it was planted", async (page, visitor) => {
      await signIn(page, world.one);
      for (const cookie of ["%5f_Host-edgeward-access=x", "a=1,__Host-edgeward-access=x"]) {
        await plant(page, world.two, `${cookie}; Domain=preview.test; Path=/; Secure`);
        assert.equal(await status(page, world.one, "/app"), 400, cookie);
        // As the refusal advises.
        await visitor.context.clearCookies({ domain: ".preview.test" });
        assert.equal(await status(page, world.one, "/app"), 200, cookie);
      }
      // The style sheet of the refusal is refused as well, and the page stands without it.
    }, /status of 400 |Refused to apply style from '[^']+\/pages\.css'/);

    visit("a page of a neighbour may send requests with the cookies, and changes nothing", async (page) => {
      await signIn(page, world.one);
      await page.goto(`https://${world.two.host}/`);
      const asked = page.waitForResponse((response) => response.url() === `https://${world.one.host}/app` && response.request().method() === "POST");
      await page.evaluate((host) => {
        void fetch(`https://${host}/app`, { method: "POST", mode: "no-cors", credentials: "include" });
      }, world.one.host);
      assert.equal((await asked).status(), 403);
      assert.equal(world.app.changes(), 0);
    }, /status of 403 /);

    const framed = async (page) => {
      const asked = page.waitForResponse(`https://${world.one.host}/app`);
      await page.goto(`http://${TOOL}/tool?of=${world.one.host}`);
      return { frame: page.frames().find((frame) => frame !== page.mainFrame()), answer: await asked };
    };

    test("in a frame of another site the person is signed in, where the browser sends third parties their cookies", async () => {
      const profile = await mkdtemp(join(tmpdir(), "edgeward-profile-"));
      const context = await launchProfile(profile, { more: world.switches, home: world.home });
      try {
        const page = await context.newPage();
        // What is not signed in shows nothing: not even the sign-in page lets itself be framed.
        assert.equal((await framed(page)).answer.status(), 401);
        await signIn(page, world.one);
        const { frame, answer } = await framed(page);
        assert.equal(answer.status(), 200);
        await frame.getByText(`${world.one.email} at ${world.one.host}`).waitFor();
      } finally {
        await context.close();
        await rm(profile, PROFILE_GOES);
      }
    });

    visit("in a frame of another site nobody is signed in, where the browser does not", async (page) => {
      // A private window is such a place.
      await signIn(page, world.one);
      assert.equal((await framed(page)).answer.status(), 401);
    }, /status of 401 |Refused to display '[^']+' in a frame/);
  });
}

/** An app that says who asks and where, lets itself be framed, and counts what would change something. */
async function startApp() {
  let changes = 0;
  const server = createServer((request, response) => {
    if (request.method === "POST") changes += 1;
    const who = request.headers["edgeward-email"] ?? "nobody";
    const where = request.headers["x-forwarded-host"];
    const { pathname, searchParams } = new URL(request.url, "http://app");
    const frame = pathname === "/tool" ? `<iframe src="https://${searchParams.get("of")}/app"></iframe>` : "";
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.setHeader("content-security-policy", `frame-ancestors http://${TOOL}`);
    response.end(`<!doctype html><title>App</title><link rel="icon" href="data:,"><p>${who} at ${where}</p>${frame}`);
  });
  // Longer than an edge keeps a connection that rests, so that no request meets one that is being closed here.
  server.keepAliveTimeout = 65_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    changes: () => changes,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
