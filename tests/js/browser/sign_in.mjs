// From the gate to the sign-in page and back, as people do it: every story with JavaScript and without.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { visits } from "./browser.mjs";

/** A navigation that is refused is a line in Chromium's console, however well the page explains it. */
const refused = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** The cookies that carry a session; the CSRF cookie of a stranger may stay. */
const credentials = (cookies) => cookies.map(({ name }) => name).filter((name) => /-(session|access|refresh)$/.test(name));

export function signInStories(world) {
  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
      const visit = visits(world, { javaScriptEnabled });

      visit("a protected page leads to the sign-in and back to itself", async (visitor, page) => {
        await page.goto("/app?tab=two");
        await visitor.expectSignInPage("/app?tab=two");
        await visitor.submitSignIn(world.site.user);
        await visitor.expectHeading("Hello, Uri User");
        assert.equal(page.url(), `${world.site.origin}/app?tab=two`);
      });

      visit(
        "a wrong password says so and keeps the address",
        async (visitor, page) => {
          await page.goto("/app");
          await visitor.submitSignIn({ ...world.site.user, password: "Wrong-password-1" });
          const alert = page.getByRole("alert");
          await alert.getByText(/password/i).waitFor();
          const email = page.getByLabel("E-mail address");
          const password = page.getByLabel("Password");
          assert.match(await page.title(), /^Error: Sign in/);
          assert.equal(await email.inputValue(), world.site.user.email);
          assert.equal(await password.inputValue(), "");
          assert.equal(await password.getAttribute("aria-invalid"), "true");
          const described = await password.getAttribute("aria-describedby");
          assert.equal(await page.locator(`#${described}`).innerText(), (await alert.innerText()).trim());
          // The way back survives the error.
          await visitor.submitSignIn(world.site.user);
          await visitor.expectHeading("Hello, Uri User");
        },
        refused(401),
      );

      visit("an unknown address is answered in the same words as a wrong password", async (visitor, page) => {
        const words = [];
        for (const email of [world.site.user.email, "nobody@example.test"]) {
          await page.goto("/login");
          await visitor.submitSignIn({ email, password: "Wrong-password-1" });
          await page.getByRole("alert").getByText(/password/i).waitFor();
          words.push((await page.getByRole("alert").innerText()).trim());
        }
        assert.notEqual(words[0], "");
        assert.equal(words[0], words[1]);
      }, refused(401));

      visit("a newcomer registers on the way and arrives with the name", async (visitor, page) => {
        await page.goto("/app");
        await page.getByRole("link", { name: "Create an account" }).click();
        await visitor.expectHeading("Create an account");
        assert.equal(new URL(page.url()).searchParams.get("returnTo"), "/app");
        await page.getByLabel("First name").fill("Zoë <b>");
        await page.getByLabel("Last name").fill("O'Neil & Søn");
        await page.getByLabel("E-mail address").fill(`zoe-${javaScriptEnabled}@example.test`);
        await page.getByLabel("Password").fill("Correct-horse-1-battery");
        await page.getByRole("button", { name: "Create account" }).click();
        await visitor.expectHeading("Hello, Zoë <b> O'Neil & Søn");
        assert.equal(new URL(page.url()).pathname, "/app");
      });

      visit(
        "a weak password keeps everything else that was typed",
        async (visitor, page) => {
          await page.goto("/register");
          await page.getByLabel("First name").fill('Wei "W"');
          await page.getByLabel("Last name").fill("Li");
          await page.getByLabel("E-mail address").fill("wei@example.test");
          await page.getByLabel("Password").fill("short");
          await page.getByRole("button", { name: "Create account" }).click();
          await page.getByRole("alert").getByText(/password/i).waitFor();
          assert.equal(await page.getByLabel("First name").inputValue(), 'Wei "W"');
          assert.equal(await page.getByLabel("Last name").inputValue(), "Li");
          assert.equal(await page.getByLabel("E-mail address").inputValue(), "wei@example.test");
          assert.equal(await page.getByLabel("Password").inputValue(), "");
        },
        refused("4(00|22)"),
      );

      visit(
        "the admin area is refused to the user",
        async (visitor, page) => {
          await visitor.signIn(world.site.user);
          const response = await page.goto("/admin");
          assert.equal(response.status(), 403);
          assert.doesNotMatch(await page.content(), /Admin area/);
          await page.getByRole("link", { name: "Go to the start page" }).click();
          await visitor.expectHeading("A page for anyone");
        },
        refused(403),
      );

      visit("the admin area is open to the admin", async (visitor, page) => {
        await visitor.signIn(world.site.admin);
        await page.getByRole("link", { name: "Admin" }).click();
        await visitor.expectHeading("Admin area");
      });

      visit("somebody who is signed in has no business on the sign-in page", async (visitor, page) => {
        await visitor.signIn(world.site.user);
        const ways = [
          ["/login", "/app"],
          ["/register", "/app"],
          ["/login?returnTo=%2Fapp%3Ftab%3D2", "/app?tab=2"],
          ["/login?returnTo=%2F%2Fevil.example", "/app"],
          // The question for the password is no place to be led to.
          ["/login?returnTo=%2Faccount%2Fstep-up", "/app"],
          ["/login?returnTo=%2Faccount%2Fstep-up%3FreturnTo%3D%252Fapp%253Ftab%253D2", "/app?tab=2"],
        ];
        for (const [path, place] of ways) {
          await page.goto(path);
          assert.equal(page.url(), `${world.site.origin}${place}`, path);
        }
      });

      visit("a way back that leads elsewhere is not followed", async (visitor, page) => {
        for (const elsewhere of ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]) {
          await page.goto(`/login?returnTo=${encodeURIComponent(elsewhere)}`);
          await visitor.submitSignIn(world.site.user);
          await page.getByRole("button", { name: "Sign out" }).waitFor();
          assert.equal(new URL(page.url()).origin, world.site.origin, elsewhere);
          await visitor.context.clearCookies();
        }
      });

      visit("signing out ends the session, and the back button shows nothing", async (visitor, page) => {
        await visitor.signIn(world.site.user);
        await page.getByRole("link", { name: "Demo app" }).click();
        await visitor.expectHeading("A page for anyone");
        const stepsBack = javaScriptEnabled ? 1 : 3;
        await page.getByRole("button", { name: "Sign out" }).click();
        if (!javaScriptEnabled) {
          await visitor.expectHeading("Sign out?");
          await page.getByRole("button", { name: "Sign out" }).click();
        }
        await page.getByRole("link", { name: "Sign in" }).waitFor();
        assert.deepEqual(await visitor.context.cookies().then(credentials), []);

        await page.evaluate((steps) => history.go(-steps), stepsBack);
        await visitor.expectSignInPage("/app");
        assert.doesNotMatch(await page.content(), /Uri/);
      });

      visit("the way in works with the keyboard alone, and the focus is seen at every step", async (visitor, page) => {
        await page.goto("/app");
        await visitor.expectHeading("Sign in");
        const press = async (key, label) => {
          await page.keyboard.press(key);
          const { name, outline } = await page.evaluate(() => {
            const element = document.activeElement;
            const style = getComputedStyle(element);
            return {
              name: element.labels?.[0]?.innerText ?? element.innerText,
              outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
            };
          });
          assert.equal(name.trim(), label);
          assert.ok(outline >= 2, `${label} shows its focus`);
        };
        // The page opens with the address in focus, so the first thing typed goes there. Chromium focuses it with a frame of its own.
        await page.locator("[name=email]:focus").waitFor();
        await page.keyboard.type(world.site.user.email);
        await press("Shift+Tab", "Edgeward");
        await press("Tab", "E-mail address");
        await press("Tab", "Password");
        await page.keyboard.type(world.site.user.password);
        await press("Tab", "Sign in");
        await press("Tab", "Create an account");
        await press("Shift+Tab", "Sign in");
        await page.keyboard.press("Enter");
        await visitor.expectHeading("Hello, Uri User");

        const focused = () => page.evaluate(() => document.activeElement.innerText.trim());
        for (let stops = 0; (await focused()) !== "Sign out"; stops += 1) {
          assert.ok(stops < 10, "the sign-out button is reached by Tab");
          await page.keyboard.press("Tab");
        }
        await page.keyboard.press("Enter");
        if (!javaScriptEnabled) {
          await visitor.expectHeading("Sign out?");
          await press("Tab", "Edgeward");
          await press("Tab", "Sign out");
          await page.keyboard.press("Enter");
        }
        await page.getByRole("link", { name: "Sign in" }).waitFor();
      });
    });
  }
}
