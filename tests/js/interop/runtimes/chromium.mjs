// Opens an empty page in headless Chromium, with one bundled module to load, served from loopback.

import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { bundle } from "./bundle.mjs";

const TYPES = { "/main.mjs": "text/javascript", "/wasm/edgeward_bg.wasm": "application/wasm" };

/**
 * `{ page, stop }`: an empty page beside which the bundle of `entry` is served as `/main.mjs`. `host`: the name by which the page
 * is asked for, which need not exist.
 */
export async function startChromium(entry, host = "127.0.0.1") {
  const folder = await bundle(entry, ["browser"]);
  const server = createServer(async (request, response) => {
    const type = TYPES[request.url];
    if (type === undefined) {
      response.setHeader("content-type", "text/html");
      // What README.md tells users to allow, and nothing more.
      response.setHeader("content-security-policy", "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src *");
      response.end("<!doctype html><title>edgeward</title>");
      return;
    }
    response.setHeader("content-type", type);
    response.end(await readFile(join(folder, request.url)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--no-first-run",
      `--host-resolver-rules=MAP ${host} 127.0.0.1`,
    ],
  });
  const stop = async () => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  };
  const page = await browser.newPage();
  await page.goto(`http://${host}:${server.address().port}/`);
  return { page, stop };
}
