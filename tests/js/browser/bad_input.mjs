// What people and their browsers do to forms: the page says what to do, and loses no typed text but passwords.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { register } from "./account.mjs";
import { launchProfile, PROFILE_GOES, visits } from "./browser.mjs";

const refused = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** Ends what a value of an attribute and what a text may stand in, and then tries to run something. */
const MARKUP = `"'></option></title><img src=x onerror=alert(1)><script>alert(2)</script><b>`;

/** A preference of Chromium: no site may keep a cookie. */
const NO_COOKIES = { default_content_setting_values: { cookies: 2 } };

export function badInputStories(world) {
  describe("bad input", () => {
    const visit = visits(world, {});

    visit("markup in a name is a name", async (visitor, page) => {
      page.on("dialog", () => assert.fail("a script ran"));
      const first = "<img src=x onerror=alert(1)>";
      const last = "\"'><script>alert(2)</script>";
      await register(visitor, world.site, { first, last });
      for (const path of ["/account", "/account/sessions"]) {
        await page.goto(path);
        const who = page.locator(".bar-who bdi");
        assert.equal(await who.innerText(), `${first} ${last}`);
        assert.equal(await page.locator("main img, main script").count(), 0);
      }
    });

    visit("markup is text in every field that is shown again", async (visitor, page) => {
      page.on("dialog", () => assert.fail("a script ran"));
      const nothingRan = async (what) => {
        assert.equal(await page.locator("main :is(img, script, b)").count(), 0, what);
      };
      const send = async (button) => {
        // The browser's own rules for addresses would not let it out.
        await page.locator("main form").first().evaluate((form) => (form.noValidate = true));
        await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: button, exact: true }).click()]);
      };
      for (const [path, fields, button] of [
        ["/login", ["email"], "Sign in"],
        ["/register", ["firstName", "lastName", "email"], "Create account"],
      ]) {
        await page.goto(path);
        for (const field of fields) await page.locator(`[name=${field}]`).fill(MARKUP);
        await page.locator("[name=password]").fill("short");
        await send(button);
        for (const field of fields) assert.equal(await page.locator(`[name=${field}]`).inputValue(), MARKUP, field);
        await nothingRan(path);
      }
      // What a program calls itself has no room for markup: it names no device then.
      const user = await register(visitor, world.site, { first: MARKUP, last: "Doe" });
      const other = await visitor.accompanied({ baseURL: world.site.origin, userAgent: MARKUP });
      await other.page.goto("/login?returnTo=/app");
      await other.submitSignIn(user);
      await other.expectHeading(`Hello, ${user.name}`);
      await other.leave();
      await page.goto("/account/sessions");
      assert.equal(await page.locator(".bar-who bdi").innerText(), user.name);
      await page.getByText("Unknown device").first().waitFor();
      for (const path of [
        "/account/sessions",
        `/account?done=${encodeURIComponent(MARKUP)}`,
        `/account/sessions?ui_locales=${encodeURIComponent(MARKUP)}`,
        `/account/step-up?returnTo=${encodeURIComponent(`/${MARKUP}`)}`,
        `/account/sessions/end?id=${encodeURIComponent(MARKUP)}`,
      ]) {
        await page.goto(path);
        await nothingRan(path);
      }
      await visitor.context.clearCookies();
      await visitor.signIn(world.site.admin);
      const search = new URLSearchParams({ query: MARKUP, role: MARKUP, cursor: MARKUP });
      await page.goto(`/auth/console/users?${search}`);
      assert.equal(await page.locator("[name=query]").inputValue(), MARKUP);
      assert.equal(await page.locator("[name=role]").inputValue(), MARKUP);
      await nothingRan("the search");
      await page.goto(`/auth/console/users?query=${user.email}`);
      await nothingRan("who was found");
      await page.locator("table a").click();
      await visitor.expectHeading(user.name);
      await nothingRan("a person");
      await page.locator("[name=roles]").fill(MARKUP);
      await page.getByRole("button", { name: "Save roles" }).click();
      await page.getByRole("alert").getByText("A role has letters").waitFor();
      assert.equal(await page.locator("[name=roles]").inputValue(), MARKUP);
      await nothingRan("the roles");
    }, refused("4\\d\\d"));

    visit("a name without a place to break fits the narrowest screen", async (visitor, page) => {
      await page.setViewportSize({ width: 320, height: 800 });
      await register(visitor, world.site, { first: "W".repeat(100), last: "ẞ".repeat(100) });
      for (const path of ["/account", "/account/sessions"]) {
        await page.goto(path);
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(beyond <= 0, `${path}: ${beyond} px too wide`);
      }
    });

    visit("a name that is too long says so at its field and stays there", async (visitor, page) => {
      const long = "x".repeat(101);
      await page.goto("/register");
      await page.getByLabel("First name").fill("Ana");
      await page.getByLabel("Last name").fill(long);
      await page.getByLabel("E-mail address").fill("ana@example.test");
      await page.getByLabel("Password").fill("Correct-horse-1-battery");
      await page.getByRole("button", { name: "Create account" }).click();
      await page.getByRole("alert").getByText("at most 100 characters").waitFor();
      assert.equal(await page.getByLabel("Last name").inputValue(), long);
      assert.equal(await page.getByLabel("Last name").getAttribute("aria-invalid"), "true");
      assert.equal(await page.getByLabel("First name").getAttribute("aria-invalid"), null);
      assert.equal(await page.getByLabel("Last name").getAttribute("aria-describedby"), "error");
      assert.equal(await page.getByLabel("First name").getAttribute("aria-describedby"), null);
      // Where the focus is, the reason is read first.
      const focused = await page.evaluate(() => document.activeElement.getAttribute("aria-describedby"));
      assert.equal(focused, "error password-hint");
      assert.equal(await page.getByLabel("First name").inputValue(), "Ana");
      assert.equal(await page.getByLabel("Password").inputValue(), "");
    }, refused(422));

    visit("a name from right to left turns itself and nothing else", async (visitor, page) => {
      const [first, last] = ["דוד", "עבד אללה"];
      const name = `${first} ${last}`;
      await register(visitor, world.site, { first, last });
      // Every element that runs the other way, by its text: one too few is a name that reads wrongly, and one too many has our own
      // words turned.
      const turned = () =>
        page.locator("body, body *").evaluateAll((elements) =>
          elements.filter((element) => getComputedStyle(element).direction === "rtl").map(({ localName, textContent }) => [localName, textContent.trim()]),
        );
      for (const [path, expected] of [
        ["/account", [["bdi", name], ["dd", name]]],
        ["/account/sessions", [["bdi", name]]],
      ]) {
        await page.goto(path);
        assert.deepEqual(await turned(), expected, path);
      }
    });

    for (const javaScriptEnabled of [true, false]) {
      visits(world, { javaScriptEnabled })(
        `a registration whose cookie is gone keeps everything but the password, ${javaScriptEnabled ? "with" : "without"} JavaScript`,
        async (visitor, page) => {
          await page.goto("/register?returnTo=/app");
          await visitor.context.clearCookies();
          const email = `gone-${randomUUID()}@example.test`;
          const typed = { "First name": "Noa", "Last name": "Ben-Ami", "E-mail address": email };
          for (const [label, value] of Object.entries(typed)) await page.getByLabel(label).fill(value);
          await page.getByLabel("Password").fill(world.site.password);
          await page.getByRole("button", { name: "Create account" }).click();
          await page.getByRole("alert").getByText("Allow cookies for this site").waitFor();
          for (const [label, value] of Object.entries(typed)) assert.equal(await page.getByLabel(label).inputValue(), value);
          assert.equal(await page.getByLabel("Password").inputValue(), "");
          await page.getByLabel("Password").fill(world.site.password);
          await page.getByRole("button", { name: "Create account" }).click();
          await visitor.expectHeading("Hello, Noa Ben-Ami");
        },
        refused(403),
      );

      visits(world, { javaScriptEnabled })(
        `a form whose cookie is gone keeps what was typed and works again, ${javaScriptEnabled ? "with" : "without"} JavaScript`,
        async (visitor, page) => {
          await page.goto("/login?returnTo=/app");
          await visitor.context.clearCookies();
          await visitor.submitSignIn(world.site.user);
          await page.getByRole("alert").getByText("Allow cookies for this site").waitFor();
          assert.equal(await page.getByLabel("E-mail address").inputValue(), world.site.user.email);
          await visitor.submitSignIn(world.site.user);
          await visitor.expectHeading("Hello, Uri User");
        },
        refused(403),
      );
    }

    test("a browser that keeps no cookies is told so, and the address stays", async () => {
      const folder = await mkdtemp(join(tmpdir(), "edgeward-no-cookies-"));
      const context = await launchProfile(folder, { profile: NO_COOKIES });
      try {
        const page = await context.newPage();
        for (let tries = 0; tries < 2; tries += 1) {
          await page.goto(`${world.site.origin}/login`);
          await page.getByLabel("E-mail address").fill(world.site.user.email);
          await page.getByLabel("Password").fill(world.site.user.password);
          await page.getByRole("button", { name: "Sign in" }).click();
          await page.getByRole("alert").getByText("Allow cookies for this site").waitFor();
          assert.equal(await page.getByLabel("E-mail address").inputValue(), world.site.user.email);
        }
        assert.deepEqual(await context.cookies(), []);
      } finally {
        await context.close();
        await rm(folder, PROFILE_GOES);
      }
    });
  });
}
