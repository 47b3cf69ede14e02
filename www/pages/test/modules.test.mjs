// The modules that the issuer has compiled in are what their sources give: `cargo xtask build pages` makes them anew.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { build } from "esbuild";

const pages = new URL("../", import.meta.url);

test("each module is the one of its source", async () => {
  const sources = (await readdir(new URL("scripts/", pages))).filter((name) => name.endsWith(".ts"));
  assert.notEqual(sources.length, 0);
  for (const source of sources) {
    const { outputFiles } = await build({
      entryPoints: [new URL(`scripts/${source}`, pages).pathname],
      bundle: true,
      format: "esm",
      target: "es2022",
      minify: true,
      write: false,
    });
    const committed = await readFile(new URL(`assets/${source.replace(/\.ts$/, ".js")}`, pages), "utf8");
    assert.equal(outputFiles[0].text, committed, `${source}: run \`cargo xtask build pages\``);
  }
});
