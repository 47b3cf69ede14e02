// The hook in React itself, which draws nothing here: what a component is told is all that counts.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { act, createElement, Fragment, StrictMode } from "react";
import { useAuth } from "@edgeward/client/react";
import { ADA, BO } from "./issuer.mjs";
import { site } from "./site.mjs";

const ME = "GET /auth/me";

let createRoot;

before(async () => {
  // As much of a page as React asks for where components give it nothing to draw.
  globalThis.window = globalThis;
  globalThis.HTMLIFrameElement = class {};
  globalThis.IS_REACT_ACT_ENVIRONMENT = true;
  ({ createRoot } = await import("react-dom/client"));
});

/** Renders into a page of `client`'s; `told(name)` is what the component of that name was told, each thing once. */
function page({ client, machine }) {
  const ownerDocument = { nodeType: 9, addEventListener() {} };
  const root = createRoot({ nodeType: 1, tagName: "MAIN", ownerDocument, addEventListener() {} });
  const all = new Map();
  const told = (name) => all.get(name) ?? [];
  function Component({ name }) {
    const { status, session } = useAuth(client);
    const now = session?.user.id ?? status;
    if (told(name).at(-1) !== now) all.set(name, [...told(name), now]);
    return null;
  }
  return {
    told,
    async show(names, mode = Fragment) {
      await act(async () => root.render(createElement(mode, null, ...names.map((name) => createElement(Component, { name, key: name })))));
      // What its effects ask for is answered afterwards.
      await act(() => machine.settle());
    },
  };
}

test("who comes when nobody was there for a while is not told who was signed in before", async () => {
  for (const [who, told] of [
    [BO, BO.id],
    [undefined, "signed-out"],
  ]) {
    const at = site({ signedIn: true });
    const { told: all, show } = page(at);
    await show(["first"]);
    assert.deepEqual(all("first"), ["loading", ADA.id]);
    await show([]);
    at.issuer.user = who;
    await show(["later"]);
    assert.deepEqual(all("later"), ["loading", told]);
  }
});

test("who takes the place of the last one knows what that one knew, and nobody is asked", async () => {
  const at = site({ signedIn: true });
  const { told, show } = page(at);
  await show(["one"]);
  await show(["other"]);
  assert.deepEqual([told("other"), at.issuer.count(ME)], [[ADA.id], 1]);
  await act(() => at.client.signOut());
  assert.deepEqual([told("one"), told("other")], [["loading", ADA.id], [ADA.id, "signed-out"]]);
});

test("components that React puts there twice share one question, and each is told of changes", async () => {
  const at = site({ signedIn: true });
  const { told, show } = page(at);
  await show(["one", "other"], StrictMode);
  assert.equal(at.issuer.count(ME), 1);
  await act(() => at.client.signOut());
  for (const name of ["one", "other"]) assert.deepEqual(told(name), ["loading", ADA.id, "signed-out"], name);
});

test("nobody is asked any more once the last component has gone", async () => {
  const at = site({ signedIn: true });
  at.issuer.on(ME, () => Response.json({}, { status: 503 }));
  const { told, show } = page(at);
  await show(["one"]);
  assert.deepEqual(told("one"), ["loading", "unavailable"]);
  await show([]);
  await at.machine.pass(600_000);
  assert.equal(at.issuer.count(ME), 1);
});
