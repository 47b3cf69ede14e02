// A route that wants a recent sign-in, at the real edge and the real issuer, whose clock the story owns: the challenge, the question
// for the password, and the way back to where the person was.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { elsewhere, register } from "./account.mjs";
import { clockedVisits } from "./clocked_site.mjs";
import { clientIn, countRequests, REFUSALS } from "./tab.mjs";

/** A second more than the site takes for recent; the access token of then is still good. */
const TOO_OLD = 301;

/** The access token of then has ended too, and the edge has a new one made, which says as well when the person signed in. */
const LONG_AGO = 1_500;

/** A second more than a session cookie lives unused. */
const IDLE = 1_801;

/** RFC 9470, section 3. */
const CHALLENGE =
  'Bearer error="insufficient_user_authentication", error_description="A more recent or stronger sign-in is required", max_age="300"';

export function stepUpStories(world) {
  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? "a recent sign-in, with JavaScript" : "a recent sign-in, without JavaScript", () => {
      const visit = clockedVisits(world, { javaScriptEnabled });

      for (const [when, seconds] of [
        ["five minutes later", TOO_OLD],
        ["when the token has ended besides", LONG_AGO],
      ]) {
        visit(
          `a page that wants one asks for the password, ${when}, and is there again afterwards`,
          async (visitor, page, clock) => {
            const { admin, origin } = world.clocked;
            await visitor.signIn(admin);
            await page.goto("/admin");
            await visitor.expectHeading("Admin area");
            await clock.wait(seconds);
            await page.goto("/admin?tab=two");
            await visitor.expectHeading("Confirm that it is you");
            assert.equal(page.url(), `${origin}/account/step-up?returnTo=%2Fadmin%3Ftab%3Dtwo`);
            await page.getByLabel("Password").fill("not the password");
            await page.getByRole("button", { name: "Confirm" }).click();
            await page.getByRole("alert").getByText(/password/i).waitFor();
            await page.getByLabel("Password").fill(admin.password);
            await page.getByRole("button", { name: "Confirm" }).click();
            await visitor.expectHeading("Admin area");
            assert.equal(page.url(), `${origin}/admin?tab=two`);
          },
          REFUSALS,
        );
      }

      visit("whoever is signed out meanwhile signs in, and is asked for nothing more", async (visitor, page) => {
        const { admin, origin } = world.clocked;
        await page.goto("/account/step-up?returnTo=%2Fadmin");
        await visitor.expectSignInPage("/admin");
        // As a link that was made while the question was open.
        await page.goto(`/login?returnTo=${encodeURIComponent("/account/step-up?returnTo=%2Fadmin")}`);
        await visitor.submitSignIn(admin);
        await visitor.expectHeading("Admin area");
        assert.equal(page.url(), `${origin}/admin`);
      });
    });
  }

  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? "a form that outlives the sign-in, with JavaScript" : "a form that outlives the sign-in, without JavaScript", () => {
      const visit = clockedVisits(world, { javaScriptEnabled });

      visit("leads to the sign-in and back to its page, and then does what it is for", async (visitor, page, clock) => {
        const user = await register(visitor, world.clocked);
        await page.goto("/account/password");
        await visitor.expectHeading("Change your password");
        await clock.wait(IDLE);
        await changePassword(page, user.password);
        await visitor.expectSignInPage("/account/password");
        await visitor.submitSignIn(user);
        await visitor.expectHeading("Change your password");
        await changePassword(page, user.password);
        await page.getByRole("status").getByText("Your password is changed.").waitFor();
      });

      visit("leads to the question for the password where the access is still renewed", async (visitor, page) => {
        const user = await register(visitor, world.clocked);
        await page.goto("/account/password");
        await visitor.expectHeading("Change your password");
        await visitor.context.clearCookies({ name: "edgeward-session" });
        await changePassword(page, user.password);
        await visitor.expectHeading("Confirm that it is you");
        const { pathname, search } = new URL(page.url());
        assert.equal(pathname + search, "/account/step-up?returnTo=/account/password");
        await confirm(page, user.password);
        await visitor.expectHeading("Change your password");
      });

      visit("leads to the sign-in and back to its page where the session has ended", async (visitor, page, clock) => {
        const user = await register(visitor, world.clocked);
        const other = await elsewhere(visitor, world.clocked, user, "Toaster/1.0");
        await clock.governs(other.context);
        for (const [path, heading, act] of [
          ["/account/password", "Change your password", () => changePassword(page, user.password)],
          ["/account/step-up?returnTo=%2Faccount%2Fpassword", "Confirm that it is you", () => confirm(page, user.password)],
        ]) {
          await page.goto(path);
          await visitor.expectHeading(heading);
          await other.page.goto("/account/sessions/end-all");
          await other.page.getByRole("button", { name: "Everywhere else" }).click();
          await other.page.getByRole("status").getByText("Every other device was signed out.").waitFor();
          await act();
          await visitor.expectSignInPage("/account/password");
          await visitor.submitSignIn(user);
          await visitor.expectHeading("Change your password");
        }
        await other.leave();
      });

      visit("keeps the roles that an administrator has chosen, and saves them when the person says so", async (visitor, page, clock) => {
        const user = await register(visitor, world.clocked);
        await visitor.context.clearCookies();
        const { admin } = world.clocked;
        await visitor.signIn(admin);
        await page.goto(`/auth/console/users?query=${user.email}`);
        await page.getByRole("link", { name: user.name }).click();
        await visitor.expectHeading(user.name);
        await page.getByLabel("Further roles").fill("support, writer");
        await clock.wait(TOO_OLD);
        await page.getByRole("button", { name: "Save roles" }).click();
        await visitor.expectHeading("Confirm that it is you");
        await confirm(page, "not the password");
        await page.getByRole("alert").getByText(/password/i).waitFor();
        await confirm(page, admin.password);
        await visitor.expectHeading("Save these roles?");
        await page.getByRole("main").getByText(user.email).waitFor();
        assert.equal(await page.getByLabel("Roles of this person").inputValue(), "support writer");
        await page.getByRole("button", { name: "Save roles" }).click();
        await page.getByRole("status").getByText("The roles are saved.").waitFor();
        for (const name of ["support", "writer"]) assert.ok(await page.getByRole("checkbox", { name }).isChecked(), name);
      }, REFUSALS);
    });
  }

  describe("a recent sign-in, for a script", () => {
    const visit = clockedVisits(world, {});

    visit(
      "what was typed into a form of the app outlives the question for the password",
      async (visitor, page, clock) => {
        const { user, origin } = world.clocked;
        await visitor.signIn(user);
        await page.goto("/app?tab=two");
        await clock.wait(TOO_OLD);
        await writeForm(page);
        const challenge = await (await clientIn(page)).evaluate(async (client) => {
          const response = await client.fetch("/api/echo", { method: "POST" });
          return [response.status, response.headers.get("www-authenticate"), (await response.json()).code];
        });
        assert.deepEqual(challenge, [401, CHALLENGE, "STEP_UP_REQUIRED"]);

        const sent = countRequests(page, "/api/echo");
        await page.getByLabel("To").fill("Bo <b>");
        await page.getByLabel("Note").fill("two\nlines");
        await page.getByLabel("PIN").fill("1234");
        // The page is gone before this comes to anything.
        void page.evaluate(send).catch(() => {});
        await visitor.expectHeading("Confirm that it is you");
        await page.getByLabel("Password").fill(user.password);
        await page.getByRole("button", { name: "Confirm" }).click();
        await visitor.expectHeading(`Hello, ${user.name}`);
        assert.equal(page.url(), `${origin}/app?tab=two`);
        await writeForm(page);
        const found = await page.evaluate(async () => {
          const [{ createAuthClient }, { fillAgain }] = await Promise.all([
            import("/assets/client/index.js"),
            import("/assets/client/forms.js"),
          ]);
          const client = createAuthClient({ baseUrl: location.origin });
          const form = document.querySelector("#transfer");
          const filled = [await fillAgain(client, form), await fillAgain(client, form)];
          return { filled, fields: Object.fromEntries(new FormData(form)), left: sessionStorage.length };
        });
        assert.deepEqual(found, {
          filled: [true, false],
          fields: { to: "Bo <b>", note: "two\nlines", pin: "" },
          left: 0,
        });
        assert.equal(sent.count, 1, "nothing was sent again");
        assert.equal(await page.evaluate(send), 200, "and when the person sends it, it passes");
      },
      REFUSALS,
    );
  });
}

async function changePassword(page, present) {
  await page.getByLabel("Present password").fill(present);
  await page.getByLabel("New password").fill("Another-Mule-8-engine");
  await page.getByRole("button", { name: "Change the password" }).click();
}

async function confirm(page, password) {
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Confirm" }).click();
}

/** A form of the app, as each of its pages would have it. */
async function writeForm(page) {
  await page.evaluate(() => {
    document.querySelector("main").insertAdjacentHTML(
      "beforeend",
      `<form id="transfer" action="/api/echo"><label>To <input name="to"></label> <label>Note <textarea name="note"></textarea></label>
      <label>PIN <input name="pin" type="password"></label></form>`,
    );
  });
}

/** In the page: sends the form, and leads to the question for the password where that is wanted first. */
async function send() {
  const [{ createAuthClient }, { confirmFirst }] = await Promise.all([
    import("/assets/client/index.js"),
    import("/assets/client/forms.js"),
  ]);
  const client = createAuthClient({ baseUrl: location.origin });
  const form = document.querySelector("#transfer");
  const response = await client.fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  await confirmFirst(client, form, response);
  return response.status;
}
