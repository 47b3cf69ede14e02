// Administration as people do it, with JavaScript and without: the pages have none, and must not need any.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe } from "node:test";
import { AGAIN_IF_CLOSED, visits } from "./browser.mjs";

/** A navigation that is refused is a line in Chromium's console, however well the page explains it. */
const refused = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** Each takes some milliseconds, and the edge may take a second. */
const TRIES = 10_000;

/** Registers somebody at a browser of their own, who is then signed in there. */
async function somebody(visitor, world, name) {
  const other = await visitor.accompanied({ baseURL: world.site.origin });
  const email = `${name}@example.test`;
  await other.page.goto("/register?returnTo=/app");
  await other.page.getByLabel("First name").fill("Cyd <b>");
  await other.page.getByLabel("Last name").fill(name);
  await other.page.getByLabel("E-mail address").fill(email);
  await other.page.getByLabel("Password").fill("Correct-horse-1-battery");
  await other.page.getByRole("button", { name: "Create account" }).click();
  await other.expectHeading(`Hello, Cyd <b> ${name}`);
  return { other, email, heading: `Cyd <b> ${name}` };
}

/** Asks until the edge refuses. That this takes a second at most is shown where the story owns the clock. */
async function untilRefused(other) {
  for (let left = TRIES; left > 0; left -= 1) {
    const answer = await other.context.request.get("/api/echo", AGAIN_IF_CLOSED);
    if (answer.status() !== 200) return answer.status();
  }
  return assert.fail("what was ended goes on");
}

export function consoleStories(world) {
  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? "the console, with JavaScript" : "the console, without JavaScript", () => {
      const visit = visits(world, { javaScriptEnabled });

      visit("an admin finds somebody, and a role and a session take effect elsewhere at once", async (visitor, page) => {
        const { other, email, heading } = await somebody(visitor, world, `cyd-${javaScriptEnabled}`);
        try {
          await visitor.signIn(world.site.admin);
          // The window was closed for half an hour: the access is renewed behind it, the session cookie has ended.
          const cookies = await visitor.context.cookies();
          const session = cookies.find(({ name }) => name.endsWith("-session"));
          await visitor.context.clearCookies({ name: session.name });
          await page.goto("/auth/console/users");
          await visitor.expectHeading("Confirm that it is you");
          await page.getByLabel("Password").fill(world.site.admin.password);
          await page.getByRole("button", { name: "Confirm" }).click();
          await visitor.expectHeading("People");

          await page.getByLabel("Address or name").fill(email.toUpperCase());
          await page.getByRole("button", { name: "Search" }).click();
          // The list of before may have the same link.
          await page.waitForURL(({ searchParams }) => searchParams.get("query") === email.toUpperCase());
          await page.getByRole("link", { name: heading }).click();
          await visitor.expectHeading(heading);
          assert.equal(await page.locator("b").count(), 0, "a name is text");
          await page.getByRole("checkbox", { name: "admin" }).check();
          await page.getByRole("button", { name: "Save roles" }).click();
          await page.getByRole("status").getByText("The roles are saved.").waitFor();
          assert.ok(await page.getByRole("checkbox", { name: "admin" }).isChecked());
          assert.equal(await untilRefused(other), 401);

          await other.page.goto("/app");
          await other.submitSignIn({ email, password: "Correct-horse-1-battery" });
          await other.expectHeading(`Hello, ${heading}`);
          await other.page.goto("/admin");
          await other.expectHeading("Admin area");
          await page.reload();
          await page.getByText("End this session").click();
          await page.getByRole("button", { name: "End the session" }).click();
          await page.getByText("This person is not signed in anywhere.").waitFor();
          assert.equal(await untilRefused(other), 401);
        } finally {
          await other.leave();
        }
      });

      visit("a lock is ended, and then every session, from the page that the own account leads to", async (visitor, page) => {
        const { other, email, heading } = await somebody(visitor, world, `dee-${javaScriptEnabled}`);
        try {
          // Nobody whom the browser knows: what it knows has attempts of its own.
          await other.context.clearCookies();
          await other.page.goto("/login?returnTo=/app");
          const lock = other.page.getByRole("alert").getByText("After too many wrong passwords");
          for (let tries = 0; (await lock.count()) === 0; tries += 1) {
            assert.ok(tries < 20, "no lock comes");
            await other.page.getByLabel("E-mail address").fill(email);
            await other.page.getByLabel("Password").fill("Wrong-horse-7-battery");
            await Promise.all([other.page.waitForNavigation(), other.page.getByRole("button", { name: "Sign in" }).click()]);
          }

          await visitor.signIn(world.site.admin);
          await page.goto("/account");
          await page.getByRole("link", { name: "People" }).click();
          await visitor.expectHeading("People");
          await page.getByLabel("Address or name").fill(email);
          await page.getByLabel("State").selectOption({ label: "Locked" });
          await page.getByRole("button", { name: "Search" }).click();
          await page.waitForURL(({ searchParams }) => searchParams.get("status") === "locked");
          await page.getByRole("link", { name: heading }).click();
          await visitor.expectHeading(heading);
          await page.getByText("locked until").waitFor();
          await page.getByRole("button", { name: "End the lock" }).click();
          await page.getByRole("status").getByText("The lock has ended.").waitFor();
          assert.equal(await page.getByRole("button", { name: "End the lock" }).count(), 0);

          await other.page.goto("/login?returnTo=/app");
          await other.submitSignIn({ email, password: "Correct-horse-1-battery" });
          await other.expectHeading(`Hello, ${heading}`);
          await page.reload();
          await page.getByText("End all sessions").click();
          await page.getByRole("button", { name: "End all of them" }).click();
          await page.getByRole("status").getByText("All sessions have ended.").waitFor();
          await page.getByText("This person is not signed in anywhere.").waitFor();
          assert.equal(await untilRefused(other), 401);
        } finally {
          await other.leave();
        }
      }, refused("4(01|23)"));

      visit(
        "somebody without the role meets a page that says so",
        async (visitor, page) => {
          await visitor.signIn(world.site.user);
          const response = await page.goto("/auth/console/users");
          assert.equal(response.status(), 403);
          await page.getByText("Your role does not allow this.").waitFor();
        },
        refused(403),
      );
    });
  }
}

/** A second more than a sign-in may be old for a change. */
const TOO_OLD = 301;

/**
 * Every state of the pages of administrators: `look(name)` is called at each. `wait(seconds)` lets time pass, where the site has a
 * clock for it; where it has none, what needs it is left out.
 */
export async function consoleTour(page, { origin, admin, user, password }, look, wait) {
  const go = async (path) => void (await page.goto(origin + path));
  const send = async (selector) => {
    const [answer] = await Promise.all([page.waitForNavigation(), page.locator(selector).first().click()]);
    return answer.status();
  };
  const fill = async (fields) => {
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name=${name}]`).fill(value);
  };

  const email = `locked-${randomUUID()}@example.test`;
  await go("/register");
  await fill({ firstName: "Lou <b>", lastName: "Lock", email, password });
  await send("main button[type=submit]");
  await page.context().clearCookies();
  await go("/login");
  await fill({ email });
  let status;
  do {
    await fill({ password: "not the password" });
    status = await send("main button[type=submit]");
  } while (status === 401);
  assert.equal(status, 423);
  await look("sign-in-locked");

  await go("/login?returnTo=%2Fauth%2Fconsole%2Fusers");
  await fill({ email: admin.email, password: admin.password });
  await send("main button[type=submit]");
  await look("people");
  await go("/account");
  await look("profile-administrator");
  await go("/auth/console/users?limit=1");
  await look("people-first-page");
  await send("a[rel=next]");
  await look("people-next-page");
  await go("/auth/console/users?query=nobody-is-called-so");
  await look("people-none");
  await go("/auth/console/users?role=a%20b");
  await look("people-refused");
  await go(`/auth/console/users?query=${email}`);
  await look("people-locked");
  await send("table a");
  for (const question of await page.locator("summary").all()) await question.click();
  await look("person-locked");
  await go(`/auth/console/users?query=${user.email}`);
  await send("table a");
  await look("person");
  await fill({ roles: "not a <role>" });
  await send("form[action$='/roles'] button");
  await look("person-refused");
  const person = new URL(page.url()).pathname.replace(/\/roles$/, "");
  await go(`${person}?done=unlock`);
  await look("person-done");
  if (wait === undefined) return;
  await go(person);
  await fill({ roles: "support" });
  await wait(TOO_OLD);
  await send("form[action$='/roles'] button");
  await look("person-question");
  await fill({ password: admin.password });
  await send("main button[type=submit]");
  await look("person-roles-again");
  await wait(TOO_OLD);
  await go(person);
  await look("person-unconfirmed");
}
