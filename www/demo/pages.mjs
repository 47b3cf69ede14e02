// The markup of the demo app. `html` escapes everything that is put into it, a user's name above all.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Markup that needs no more escaping. */
class Markup {
  constructor(text) {
    this.text = text;
  }
}

const markup = (value) =>
  value instanceof Markup ? value.text : String(value ?? "").replace(/[&<>"']/g, (character) => ENTITIES[character]);

function html(strings, ...values) {
  return new Markup(String.raw({ raw: strings }, ...values.map((value) => [value].flat().map(markup).join(""))));
}

function page(title, who, content) {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>${title} – Demo app</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <link rel="icon" href="/favicon.ico" type="image/svg+xml">
  <link rel="stylesheet" href="/assets/demo.css">
  <script type="module" src="/assets/demo.js"></script>
</head>
<body>
  <a class="skip" href="#content">Skip to the content</a>
  <header class="bar">
    <a class="bar-home" href="/">Demo app</a>
    <nav aria-label="Main">
      <a href="/app">App</a>
      <a href="/admin">Admin</a>
    </nav>
    ${who ? signOut(who) : html`<a class="button button-quiet" href="/login?returnTo=/app">Sign in</a>`}
  </header>
  <main id="content">
    ${content}
  </main>
</body>
</html>
`.text;
}

/** A form, so that it is a button and works without JavaScript; `demo.js` then signs out at once. */
const signOut = (who) => html`<form class="bar-who" action="/account/sign-out" method="get" data-sign-out>
      <span>${nameOf(who)}</span>
      <button class="button button-quiet" type="submit">Sign out</button>
    </form>`;

const nameOf = (who) => who.name || who.email || who.sub;

const facts = (pairs) => html`<dl class="facts">${pairs.map(
  ([term, value]) => html`
      <div><dt>${term}</dt><dd>${value || "–"}</dd></div>`,
)}
    </dl>`;

export const home = (who) =>
  page(
    "Welcome",
    who,
    html`<h1>A page for anyone</h1>
    <p class="lead">This small app has no sign-in of its own. Whatever needs one is stopped at the gate in front of it.</p>
    <ul class="cards">
      <li><a href="/app">/app</a> is for people who are signed in.</li>
      <li><a href="/admin">/admin</a> is for those with the role <code>admin</code>.</li>
      <li><a href="/api/echo">/api/echo</a> answers the headers that reached it.</li>
    </ul>`,
  );

export const app = (who) =>
  page(
    "App",
    who,
    html`<h1>Hello, ${nameOf(who)}</h1>
    <p class="lead">You are signed in. This is what the signed assertion of the edge says about you:</p>
    ${facts([
      ["Name", who.name],
      ["E-mail address", who.email],
      ["Roles", [who.roles ?? []].flat().join(", ")],
      ["User", who.sub],
      ["Session", who.sid],
      ["Through the edge", who.edge],
    ])}`,
  );

export const admin = (who) =>
  page(
    "Admin area",
    who,
    html`<h1>Admin area</h1>
    <p class="lead">Only the role <code>admin</code> gets here, and ${nameOf(who)} has it.</p>`,
  );

export const refusal = (title, sentence) =>
  page(title, undefined, html`<h1>${title}</h1>
    <p class="lead">${sentence}</p>`);
