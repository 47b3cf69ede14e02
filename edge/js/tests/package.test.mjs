// What npm would publish: every file that an export leads to, and nothing of the workshop.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const { exports, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
const npm = execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
const packed = filesOf(JSON.parse(npm));

it("has every file that an export leads to, and the WebAssembly", () => {
  const targets = Object.values(exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  assert.ok(Object.keys(exports).length > 4 && targets.every((target) => target.startsWith("./")), "it has entries for frameworks");
  const files = targets.map((target) => target.slice("./".length));
  for (const file of [...files, "dist/wasm/edgeward.js", "dist/wasm/edgeward.d.ts", "dist/wasm/edgeward_bg.wasm"]) {
    assert.ok(packed.includes(file), `${file} is not in the package`);
  }
});

it("has the licence it names", () => {
  assert.equal(license, "Apache-2.0");
  assert.ok(packed.includes("LICENSE"));
});

it("has no sources and no tests", () => {
  assert.deepEqual(packed.filter((file) => !/^(dist\/|README\.md$|LICENSE$|package\.json$)/.test(file)), []);
});

/** npm answers with a list of packages, newer versions of it with an object of them. */
function filesOf(answer) {
  return Object.values(answer)[0].files.map((file) => file.path);
}
