// What the client adds to an app: bundled and minified as an app's bundler does it, and gzipped as its server does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** 6 KB, as promised in the README. */
const LIMIT = 6_000;

async function bundled(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["react"],
    write: false,
    absWorkingDir: import.meta.dirname,
    metafile: true,
  });
  return { size: gzipSync(outputFiles[0].contents, { level: 9 }).length, files: Object.keys(metafile.inputs) };
}

test("the whole client is smaller than 6 KB", async (t) => {
  const { size, files } = await bundled('export * from "@edgeward/client";');
  t.diagnostic(`${size} bytes gzipped`);
  assert.ok(size < LIMIT, `${size} bytes`);
  assert.deepEqual(files.filter((file) => !file.startsWith("../dist/") && file !== "<stdin>"), [], "no dependencies");
});

test("with the React hook it still is", async (t) => {
  const { size } = await bundled('export * from "@edgeward/client"; export * from "@edgeward/client/react";');
  t.diagnostic(`${size} bytes gzipped`);
  assert.ok(size < LIMIT, `${size} bytes`);
});

test("keeping forms is little more, and nothing for who does not keep any", async (t) => {
  const [whole, alone] = [await bundled('export * from "@edgeward/client";'), await bundled('export * from "@edgeward/client/forms";')];
  t.diagnostic(`${alone.size} bytes gzipped`);
  assert.ok(alone.size < 1_500, `${alone.size} bytes`);
  assert.ok(!whole.files.some((file) => file.endsWith("/forms.js")));
});

test("what an app does not use is not in it", async () => {
  const { size } = await bundled('import { returnTo } from "@edgeward/client"; console.log(returnTo());');
  assert.ok(size < 800, `${size} bytes`);
});
