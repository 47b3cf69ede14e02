// The package as its users get it: packed by npm and installed into an empty folder.

import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../../edge/js/", import.meta.url));
const CASES = fileURLToPath(new URL(".", import.meta.url));

/** `{ folder, stop }`: a folder with nothing but the installed package, the cases, and these files. */
export async function installTarball(files) {
  const folder = await mkdtemp(join(tmpdir(), "edgeward-runtimes-"));
  const npm = (...args) => execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  await writeFile(join(folder, "package.json"), '{ "name": "nothing-yet", "private": true, "type": "module" }');
  // The package depends on nothing, so nothing is fetched.
  npm("pack", PACKAGE, "--pack-destination", folder, "--silent");
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  npm("install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", `./${tarball}`);
  for (const name of (await readdir(CASES)).filter((name) => name.endsWith(".mjs") && !name.endsWith(".test.mjs"))) {
    await copyFile(join(CASES, name), join(folder, name));
  }
  for (const file of files) await copyFile(file, join(folder, basename(file)));
  return { folder, stop: () => rm(folder, { recursive: true, force: true }) };
}
