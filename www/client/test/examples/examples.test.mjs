// The quick starts, word for word: what the pages in `examples/` say is what is done here.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { ADA } from "../issuer.mjs";
import { AUDIENCE, serveEdge } from "./edge.mjs";
import { QuickStart, stepsOf } from "./quick_start.mjs";
import { filesOf, serveSite } from "./site.mjs";

const CLIENT = "www/client";
const EDGEWARD = "edge/js";

/** In the order in which they were made; undone from the end. */
const toUndo = [];
after(async () => {
  for (const undo of toUndo.reverse()) await undo();
});

async function followed(name, packages, options) {
  const start = await QuickStart.inEmptyFolder(packages);
  toUndo.push(() => start.leave());
  await start.follow(await stepsOf(name), options);
  return start;
}

/** Chromium on a page that the example made, with whatever it complains of. */
async function browserAt(pages, user) {
  const site = await serveSite(pages);
  if (user) site.issuer.signInAs(user);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  toUndo.push(() => site.stop(), () => browser.close());
  const context = await browser.newContext({ baseURL: site.origin });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto("/");
  return { site, context, page, complaints };
}

/** The app that the example made, and an edge that it trusts. */
async function appOf(name, packages) {
  const edge = await serveEdge();
  toUndo.push(() => edge.stop());
  const { port } = await followed(name, packages, { serves: true, env: { ISSUER: edge.issuer, AUDIENCE } });
  return { edge, ask: (path, headers = {}) => fetch(`http://127.0.0.1:${port}${path}`, { headers }) };
}

async function answers(response, status, expected) {
  const type = response.headers.get("content-type") ?? "";
  const body = /json/.test(type) ? await response.json() : await response.text();
  assert.deepEqual([response.status, body.code ?? body], [status, expected]);
}

describe("a plain page", () => {
  test("signs in and out, also in another tab, and asks an API", async () => {
    const { folder } = await followed("page", [CLIENT]);
    const { page, context, complaints } = await browserAt(filesOf(join(folder, "public")));
    await page.getByText("Nobody is signed in.").waitFor();
    await page.getByLabel("E-mail address").fill(ADA.email);
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("E-mail address or password is wrong.").waitFor();
    await page.getByLabel("Password").fill("right");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Hello, Ada.").waitFor();
    await page.getByRole("button", { name: "Order" }).click();
    await page.getByText("Ordered.").waitFor();
    const other = await context.newPage();
    await other.goto("/");
    await other.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("Nobody is signed in.").waitFor();
    assert.deepEqual(complaints, []);
  });
});

describe("React", () => {
  test("the hook says who is signed in, asks once for all components, and follows changes", async () => {
    const { folder } = await followed("react", [CLIENT]);
    const { page, site, complaints } = await browserAt(filesOf(join(folder, "public")));
    assert.equal(await page.getByRole("link", { name: "Sign in" }).getAttribute("href"), "/login?returnTo=%2F");
    await page.getByText("nobody").waitFor();
    assert.equal(site.issuer.count("GET /auth/me"), 1);
    site.issuer.signInAs();
    await page.reload();
    await page.getByText("Hello, Ada.").waitFor();
    await page.getByText(ADA.email).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    site.issuer.on("GET /auth/me", () => new Response("", { status: 502 }));
    await page.reload();
    await page.getByText("The sign-in service does not answer.").waitFor();
    // It answers again, and the page is not loaded anew.
    site.issuer.on("GET /auth/me", () => undefined);
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    assert.deepEqual(complaints, []);
  });
});

for (const name of ["hono", "express"]) {
  describe(name, () => {
    test("the app knows who is asking, and refuses who does not come through the gate", async () => {
      const { edge, ask } = await appOf(name, [EDGEWARD]);
      await answers(await ask("/api/who", edge.headers()), 200, { sub: "u1", roles: ["admin"] });
      await answers(await ask("/api/who"), 403, "ASSERTION_REQUIRED");
      await answers(await ask("/api/who", edge.headers({ aud: "https://other.example" })), 403, "ASSERTION_INVALID");
      await answers(await ask("/", edge.headers()), 200, "Hello, Ada");
      await answers(await ask("/", { "edgeward-user": "u1" }), 200, "Hello, stranger");
    });
  });
}

describe("Next.js", () => {
  let app;
  before(async () => {
    app = await appOf("next", [EDGEWARD, CLIENT]);
  });

  test("middleware, route handler and server component know who is asking", async () => {
    const { edge, ask } = app;
    await answers(await ask("/api/who/sub", edge.headers()), 200, { sub: "u1" });
    await answers(await ask("/api/who/sub"), 403, "ASSERTION_REQUIRED");
    // Refused by the middleware, before any page.
    await answers(await ask("/", edge.headers({ aud: "https://other.example" })), 403, "ASSERTION_INVALID");
    const page = async (headers) => (await (await ask("/", headers)).text()).replaceAll("<!-- -->", "");
    assert.match(await page(edge.headers()), /<h1>Hello, Ada<\/h1><p>loading<\/p>/);
    assert.match(await page(), /<h1>Hello, stranger<\/h1>/);
  });

  test("the page that was built runs in a browser, and the hook shows there who is signed in", async () => {
    // What the edge does with every request of a person who is signed in, the scripts of the page among them.
    const throughTheEdge = (path) => app.ask(path, app.edge.headers());
    const { page, complaints } = await browserAt(throughTheEdge, ADA);
    await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
    await page.getByText(ADA.email).waitFor();
    assert.deepEqual(complaints, []);
  });
});

test("every example has a test", async () => {
  const tested = ["express", "hono", "next", "page", "react"];
  assert.deepEqual((await readdir(new URL("../../examples/", import.meta.url))).sort(), tested);
});
