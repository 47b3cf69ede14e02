// Every page and every state of one, in the order that somebody can meet them: `look(name)` is called at each; where a page is in
// one language only, with `{ language }`, and where something had to move before, with `{ since }`, the moment after it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { layoutShift, painted } from "./browser.mjs";

/** Goes through them with `page`, which begins without a sign-in. `password` is the one that the person will have. */
export async function tour(page, origin, password, look) {
  const go = async (path) => void (await page.goto(origin + path));
  const send = async (selector = "main button[type=submit]") => {
    await Promise.all([page.waitForNavigation(), page.locator(selector).first().click()]);
  };
  const fill = async (fields) => {
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name=${name}]`).fill(value);
  };
  const email = `tour-${randomUUID()}@example.test`;

  await go("/login?returnTo=%2Fapp");
  await look("sign-in");
  await fill({ email, password: "not the password" });
  await unanswered(page, "**/auth/login", look, "sign-in");
  await send();
  await look("sign-in-refused");
  await go("/account/nothing");
  await look("not-found");

  await go("/register?returnTo=%2Faccount");
  await look("register");
  await fill({ firstName: "Ada <b>", lastName: "עבד אללה", email, password: "short" });
  await send();
  await look("register-refused");
  await fill({ password });
  await send();
  await look("profile");
  // The issuer refuses this page, and the edge that one.
  await go("/auth/console/users");
  await look("refused");
  await go("/admin");
  await look("edge-refused", { language: "en" });
  await go("/account/sessions");
  await look("sessions-alone");

  const other = await page.context().browser().newContext({ userAgent: "Toaster/1.0" });
  const elsewhere = await other.newPage();
  await elsewhere.goto(`${origin}/login?returnTo=%2Faccount`);
  await elsewhere.locator("[name=email]").fill(email);
  await elsewhere.locator("[name=password]").fill(password);
  await Promise.all([elsewhere.waitForURL(({ pathname }) => pathname === "/account"), elsewhere.locator("main button[type=submit]").click()]);
  await other.close();

  await go("/account/sessions");
  await look("sessions");
  const link = page.locator("[data-end]").first();
  const question = await link.getAttribute("href");
  await link.click();
  await page.locator("dialog[open]").waitFor();
  await look("sessions-question");
  // No answer, and then one that refuses. It is kept until it is seen that nothing moves when the row goes, as fast as a person's act is
  // followed. What the answer moves comes when it comes, and where the notice stays, nothing moves any more.
  const refusal = { status: 429, contentType: "application/problem+json", body: '{"code":"RATE_LIMITED"}' };
  for (const [name, answer] of [
    ["sessions-unanswered", (route) => route.abort()],
    ["sessions-failed", (route) => route.fulfill(refusal)],
  ]) {
    let isRouted;
    const asked = new Promise((resolve) => (isRouted = page.route("**/auth/sessions/*", resolve, { times: 1 })));
    await isRouted;
    await page.locator("dialog .button-danger").click();
    const request = await asked;
    assert.equal(await layoutShift(page), 0, "the list moves while an answer is awaited");
    await answer(request);
    await page.locator("#status .notice").waitFor();
    await look(name, { since: await painted(page) });
    await go("/account/sessions");
    await link.click();
  }
  for (const [name, path] of [
    ["end-session", question],
    ["end-all", "/account/sessions/end-all"],
  ]) {
    await go(path);
    await look(name);
    // As a page whose cookie has changed meanwhile.
    await page.locator("[name=csrf_token]").evaluate((field) => (field.value = "stale"));
    await send();
    await look(`${name}-refused`);
  }
  await go("/account/sessions?done=session-ended");
  await look("sessions-done");

  await go("/account/password");
  await look("change-password");
  await fill({ currentPassword: "not the password", newPassword: "Another-Mule-8-engine" });
  await send();
  await look("change-password-refused");
  await go("/account/step-up?returnTo=%2Faccount");
  await look("step-up");
  await fill({ password: "not the password" });
  await send();
  await look("step-up-refused");
  // As it comes after a form that was refused.
  await page.locator("main form").evaluate((form, id) => {
    for (const [name, value] of Object.entries({ resendTo: "/account/sessions/end", "resend.id": id })) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  }, question.split("=")[1]);
  await fill({ password });
  await send();
  await look("resend");
  await go("/account/sign-out");
  await look("sign-out");
  await page.locator("[name=csrf_token]").evaluate((field) => (field.value = "stale"));
  await send();
  await look("sign-out-refused");
}

/**
 * The page of a form that is on its way, and after the time that people are asked to wait. It stays as it is for as long as anybody
 * looks: an answer without content leads nowhere, and the page's patience ends when it is told to.
 */
async function unanswered(page, action, look, name) {
  const said = page.locator(".said:not(:empty)");
  await page.route(action, (route) => route.fulfill({ status: 204 }));
  await page.evaluate(() => {
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (act, delay, ...rest) => {
      // The first is the form's; whoever inspects the page has some as long.
      if (delay !== 10_000 || globalThis.patienceEnds) return setTimeout(act, delay, ...rest);
      globalThis.patienceEnds = act;
      return 0;
    };
  });
  await page.locator("main button[type=submit]").click({ noWaitAfter: true });
  await said.waitFor();
  await look(`${name}-sent`);
  const sent = await said.innerText();
  await page.evaluate(() => globalThis.patienceEnds());
  assert.notEqual(await said.innerText(), sent);
  await look(`${name}-late`);
  await page.unroute(action);
}

/** The same of what begins with a mail, at a site that sends some; `letter(email)` resolves to the link of the next one to somebody. */
export async function mailTour(page, origin, password, letter, look) {
  const send = () => Promise.all([page.waitForNavigation(), page.locator("main button[type=submit]").first().click()]);
  const fill = async (fields) => {
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name=${name}]`).fill(value);
  };
  const email = `letter-${randomUUID()}@example.test`;

  await page.goto(`${origin}/register`);
  await fill({ firstName: "Ada", lastName: "Post", email, password });
  await send();
  await look("mailed");
  const confirm = await letter(email);
  await page.goto(confirm);
  await look("confirm");
  await page.context().clearCookies();
  await page.goto(confirm);
  await look("confirm-elsewhere");
  await fill({ password: "not the password" });
  await send();
  await look("confirm-refused");
  await fill({ password });
  await send();
  await look("confirmed");
  await page.goto(confirm);
  await look("link-dead");
  await page.goto(`${origin}/auth/forgot`);
  await look("forgot");
  await fill({ email });
  await send();
  await look("forgot-mailed");
  await page.goto(await letter(email));
  await look("reset");
  await fill({ newPassword: "short" });
  await send();
  await look("reset-refused");
  await fill({ newPassword: `${password}-2` });
  await send();
  await look("reset-done");
  await page.goto(`${origin}/login`);
  await look("sign-in-with-reset");
}

/** What an issuer is told that asks for challenges. Nobody is asked about them, and nothing here is a secret. */
export const CHALLENGING = {
  EDGEWARD__CAPTCHA__PROVIDER: "turnstile",
  EDGEWARD__CAPTCHA__SITE_KEY: "1x00000000000000000000AA",
  EDGEWARD__CAPTCHA__SECRET: "1x0000000000000000000000000000000AA",
};

/** The same of what asks for a challenge, at a site that has a provider of some. Its widget is its own affair, and so it is empty. */
export async function challengeTour(page, origin, look) {
  const provider = "https://challenges.cloudflare.com/**";
  await page.route(provider, (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await page.goto(`${origin}/register`);
  await look("register-challenge");
  await page.goto(`${origin}/login`);
  await page.locator("[name=email]").fill(`challenge-${randomUUID()}@example.test`);
  while ((await page.locator(".cf-turnstile").count()) === 0) {
    await page.locator("[name=password]").fill("not the password");
    await Promise.all([page.waitForNavigation(), page.locator("main button[type=submit]").click()]);
  }
  await look("sign-in-challenge");
  await page.unroute(provider);
}
