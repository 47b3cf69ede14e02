// The pages about one's own account: every act with JavaScript, where it is a dialog and the list stays, and without, where it is a page.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe } from "node:test";
import { visits } from "./browser.mjs";
import { countRequests } from "./tab.mjs";

const refused = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** A newcomer, signed in; nobody else's sessions are in their list. */
export async function register(visitor, site, names = { first: "Mia", last: "Müller" }) {
  const { page } = visitor;
  const email = `mia-${randomUUID()}@example.test`;
  await page.goto("/register?returnTo=/account");
  await page.locator("[name=firstName]").fill(names.first);
  await page.locator("[name=lastName]").fill(names.last);
  await page.locator("[name=email]").fill(email);
  await page.locator("[name=password]").fill(site.password);
  await page.locator("button[type=submit]").click();
  // The address of the form ends with the same path, in its query.
  await page.waitForURL(({ pathname }) => pathname === "/account");
  await page.waitForLoadState();
  return { email, name: `${names.first} ${names.last}`, password: site.password };
}

/** The same person with another program, which has a name that nothing else in the list has. */
export async function elsewhere(visitor, site, user, userAgent) {
  const other = await visitor.accompanied({ baseURL: site.origin, userAgent });
  await other.signIn(user);
  return other;
}

/** An edge may take a second to learn that a session has ended; that it takes no longer is shown where the story owns the clock. */
async function expectSignedOut(visitor) {
  const tries = 500;
  for (let left = tries; left > 0; left -= 1) {
    await visitor.page.goto("/app");
    if (new URL(visitor.page.url()).pathname === "/login") return;
  }
  assert.fail("the session goes on elsewhere");
}

export function accountStories(world) {
  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? "the account, with JavaScript" : "the account, without JavaScript", () => {
      const visit = visits(world, { javaScriptEnabled });

      visit("a session is ended in the list, and its device is refused", async (visitor, page) => {
        const user = await register(visitor, world.site);
        await page.goto("/account/sessions");
        await page.getByText("You are signed in on this device only.").waitFor();
        const other = await elsewhere(visitor, world.site, user, "Toaster/1.0");
        try {
          await page.goto("/account/sessions");
          const row = page.getByRole("row", { name: /Toaster/ });
          await row.getByRole("link", { name: "End: Toaster" }).click();
          if (javaScriptEnabled) {
            const dialog = page.getByRole("dialog", { name: "End this session?" });
            await dialog.getByText("Toaster").waitFor();
            await dialog.getByRole("button", { name: "End the session" }).click();
          } else {
            await visitor.expectHeading("End this session?");
            await page.getByRole("button", { name: "End the session" }).click();
          }
          await page.getByRole("status").getByText("The session is ended.").waitFor();
          assert.equal(new URL(page.url()).pathname, "/account/sessions");
          assert.equal(await row.count(), 0);
          await page.getByText("You are signed in on this device only.").waitFor();
          await expectSignedOut(other);
        } finally {
          await other.leave();
        }
      });

      visit("signing out everywhere else, and then here too", async (visitor, page) => {
        const user = await register(visitor, world.site);
        const other = await elsewhere(visitor, world.site, user, "Kettle/1.0");
        try {
          await page.goto("/account/sessions");
          await page.getByRole("link", { name: "Sign out everywhere" }).click();
          await visitor.expectHeading("Sign out everywhere?");
          await page.getByRole("button", { name: "Everywhere else" }).click();
          await page.getByRole("status").getByText("Every other device was signed out.").waitFor();
          await expectSignedOut(other);
          await page.goto("/account/sessions/end-all");
          await page.getByRole("button", { name: "Everywhere, here too" }).click();
          await page.getByRole("link", { name: "Sign in" }).waitFor();
          await expectSignedOut(visitor);
        } finally {
          await other.leave();
        }
      });

      visit("after a sign-out the back button shows nothing of who was there", async (visitor, page) => {
        const { email } = await register(visitor, world.site);
        await page.goto("/account/sessions");
        await page.goto("/account");
        await page.getByText(email).first().waitFor();
        await page.goto("/account/sign-out");
        await page.getByRole("button", { name: "Sign out" }).click();
        await page.waitForURL((url) => url.pathname === "/");
        await page.goBack();
        for (const place of ["/account", "/account/sessions"]) {
          await page.goBack();
          await visitor.expectSignInPage(place);
          assert.ok(!(await page.content()).includes(email), place);
        }
      });

      visit(
        "the password is changed, and a wrong one says which field it is",
        async (visitor, page) => {
          const user = await register(visitor, world.site);
          await page.getByRole("link", { name: "Change the password" }).click();
          await visitor.expectHeading("Change your password");
          await page.getByLabel("Present password").fill("Wrong-password-1");
          await page.getByLabel("New password").fill("Another-Mule-8-engine");
          await page.getByRole("button", { name: "Change the password" }).click();
          await page.getByRole("alert").getByText("The password is wrong.").waitFor();
          assert.equal(await page.getByLabel("Present password").getAttribute("aria-invalid"), "true");
          assert.equal(await page.getByLabel("New password").getAttribute("aria-invalid"), null);
          await page.getByLabel("Present password").fill(user.password);
          await page.getByLabel("New password").fill("Another-Mule-8-engine");
          await page.getByRole("button", { name: "Change the password" }).click();
          await page.getByRole("status").getByText("Your password is changed.").waitFor();
        },
        refused(401),
      );

      visit("who is signed in in the background only confirms and comes back", async (visitor, page) => {
        const user = await register(visitor, world.site);
        await visitor.context.clearCookies({ name: "edgeward-session" });
        await page.goto("/account/sessions");
        await visitor.expectHeading("Confirm that it is you");
        await page.getByLabel("Password").fill(user.password);
        await page.getByRole("button", { name: "Confirm" }).click();
        await visitor.expectHeading("Where you are signed in");
        await page.getByRole("table", { name: "Where you are signed in" }).waitFor();
      });
    });
  }

  describe("the list of sessions", () => {
    const visit = visits(world, { locale: "de-DE", timezoneId: "Asia/Tokyo" });

    const open = async (visitor, userAgent) => {
      const user = await register(visitor, world.site);
      const other = await elsewhere(visitor, world.site, user, userAgent);
      await other.leave();
      await visitor.page.goto("/account/sessions");
      return visitor.page.getByRole("row", { name: new RegExp(userAgent.split("/")[0]) });
    };

    const REFUSED = "Das hat nicht geklappt";
    const UNANSWERED = "Ob die Sitzung beendet ist, ist nicht bekannt";
    for (const [status, contentType, body, said] of [
      [429, "application/problem+json", '{"code":"RATE_LIMITED"}', REFUSED],
      // As the issuer answers also what took too long and may be done all the same.
      [503, "application/problem+json", '{"code":"BUSY"}', UNANSWERED],
      [503, "application/problem+json", '{"code":"ISSUER_UNAVAILABLE"}', UNANSWERED],
      [502, "text/html", "<!doctype html><title>Bad Gateway</title>", UNANSWERED],
    ]) {
      visit(`takes a row away at once and puts it back where it was after ${status} ${body}`, async (visitor, page) => {
        const row = await open(visitor, "Radio/1.0");
        const rows = () => page.locator("tbody tr").allInnerTexts();
        const before = await rows();
        let answer;
        let isRouted;
        const asked = new Promise((resolve) => {
          isRouted = page.route("**/auth/sessions/*", (route) => {
            answer = () => route.fulfill({ status, contentType, body });
            resolve();
          });
        });
        await isRouted;
        await row.getByRole("link").click();
        await page.getByRole("button", { name: "Sitzung beenden" }).click();
        await asked;
        assert.equal(await row.count(), 0, "it is gone while the answer is awaited");
        await answer();
        await page.getByRole("status").getByText(said).waitFor();
        assert.deepEqual(await rows(), before);
        assert.equal(await page.evaluate(() => document.activeElement.innerText), "Beenden");
      }, refused(status));
    }

    visit("leads to the question for the password where the issuer wants it", async (visitor, page) => {
      const row = await open(visitor, "Lamp/1.0");
      const body = '{"code":"STEP_UP_REQUIRED"}';
      await page.route("**/auth/sessions/*", (route) => route.fulfill({ status: 401, contentType: "application/problem+json", body }));
      const link = await row.getByRole("link").getAttribute("href");
      await row.getByRole("link").click();
      await page.getByRole("button", { name: "Sitzung beenden" }).click();
      await page.waitForURL("**/account/step-up?**");
      assert.equal(new URL(page.url()).searchParams.get("returnTo"), link);
    }, refused(401));

    visit("ends a session although a refresh in another tab has replaced the token of the page", async (visitor, page) => {
      const row = await open(visitor, "Kite/1.0");
      const token = async () => (await visitor.context.cookies()).find(({ name }) => name.endsWith("-csrf")).value;
      const before = await token();
      const other = await visitor.context.newPage();
      await visitor.context.clearCookies({ name: "edgeward-access" });
      await other.goto("/app");
      assert.notEqual(await token(), before);
      const [ends, tokens] = [countRequests(page, /^\/auth\/sessions\//), countRequests(page, "/auth/csrf")];
      await row.getByRole("link").click();
      await page.getByRole("button", { name: "Sitzung beenden" }).click();
      await page.getByRole("status").getByText("Die Sitzung ist beendet.").waitFor();
      assert.equal(await row.count(), 0);
      assert.deepEqual([ends.count, tokens.count], [2, 1]);
    }, refused(403));

    visit("asks once more with a fresh token, and not in a loop", async (visitor, page) => {
      const row = await open(visitor, "Loop/1.0");
      const body = '{"code":"CSRF_INVALID"}';
      await page.route("**/auth/sessions/*", (route) => route.fulfill({ status: 403, contentType: "application/problem+json", body }));
      const ends = countRequests(page, /^\/auth\/sessions\//);
      await row.getByRole("link").click();
      await page.getByRole("button", { name: "Sitzung beenden" }).click();
      await page.getByRole("status").getByText("Das hat nicht geklappt").waitFor();
      assert.equal(await row.count(), 1);
      assert.equal(ends.count, 2);
    }, refused(403));

    visit("takes each answer for its own question, however soon the next one is asked", async (visitor, page) => {
      const user = await register(visitor, world.site);
      for (const name of ["Flute", "Horn", "Drum"]) await (await elsewhere(visitor, world.site, user, `${name}/1.0`)).leave();
      await page.goto("/account/sessions");
      const link = (name) => page.getByRole("link", { name: `Beenden: ${name}` });
      // Within one frame, after which the browser tells the page of the first answer.
      const ask = async (one, answer, other) => {
        const handles = [await link(one).elementHandle(), await link(other).elementHandle()];
        await page.evaluate(([one, answer, other]) => {
          one.click();
          document.getElementById("question").close(answer);
          other.click();
        }, [handles[0], answer, handles[1]]);
        await page.getByRole("dialog").getByText(other).waitFor();
      };
      const ends = countRequests(page, /^\/auth\/sessions\//);
      await ask("Flute", "", "Horn");
      await page.getByRole("button", { name: "Sitzung beenden" }).click();
      await link("Horn").waitFor({ state: "detached" });
      assert.equal(await link("Flute").count(), 1);
      await ask("Flute", "end", "Drum");
      await link("Flute").waitFor({ state: "detached" });
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      assert.equal(await link("Drum").count(), 1);
      await page.getByRole("status").getByText("Die Sitzung ist beendet.").waitFor();
      assert.equal(ends.count, 2);
    });

    visit("is operated with the keyboard alone, and the focus is seen at every step", async (visitor, page) => {
      await open(visitor, "Piano/1.0");
      const press = async (key) => {
        await page.keyboard.press(key);
        return page.evaluate(() => {
          const style = getComputedStyle(document.activeElement);
          const outline = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
          const element = document.activeElement;
          return { name: (element.ariaLabel ?? element.innerText).trim(), outline };
        });
      };
      const seen = [];
      for (let steps = 0; seen.at(-1) !== "Beenden: Piano"; steps += 1) {
        assert.ok(steps < 15, `reached: ${seen.join(", ")}`);
        const { name, outline } = await press("Tab");
        assert.ok(outline >= 2, `${name} shows its focus`);
        seen.push(name);
      }
      assert.equal(seen[0], "Zum Inhalt springen", "first of all, the way past the navigation");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Diese Sitzung beenden?" }).waitFor();
      await page.keyboard.press("Escape");
      assert.equal(await page.getByRole("row", { name: /Piano/ }).count(), 1);
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("status").getByText("Die Sitzung ist beendet.").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    });

    visit("has its times in the language and in the zone of the person", async (visitor, page) => {
      await open(visitor, "Clock/1.0");
      const [machine, person] = await page.locator("time").first().evaluate((time) => [time.dateTime, time.innerText]);
      const format = new Intl.DateTimeFormat("de", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Tokyo" });
      assert.equal(person, format.format(new Date(machine)));
    });
  });
}
