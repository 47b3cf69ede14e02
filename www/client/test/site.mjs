// One tab at one site, and how its refusals are told.

import assert from "node:assert/strict";
import { AuthError } from "@edgeward/client";
import { Machine } from "./world.mjs";

export function site({ signedIn = false, ...machine } = {}) {
  const world = new Machine(machine);
  if (signedIn) world.issuer.signInAs();
  const tab = world.open();
  return { machine: world, issuer: world.issuer, tab, client: tab.client };
}

/** For `assert.rejects`. */
export const refusedWith = (code, status) => (error) => {
  assert.ok(error instanceof AuthError, String(error));
  assert.deepEqual([error.code, error.status], [code, status]);
  return true;
};
