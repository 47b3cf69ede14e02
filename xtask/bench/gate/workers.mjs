// The Workers under load, each in a workerd of its own, and the upstream that they share.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AUDIENCE, ISSUER, makeKeys, makeTokens } from "../verify/tokens.mjs";
import { bundled, layOut } from "../workerd.mjs";

const ROOT = new URL("../../../", import.meta.url);
const UNGATED = new URL("../ungated/build/", import.meta.url);

/** So many tokens were seen before. */
const SEEN = 64;

/** Keys and tokens of a gate: `{ jwks, tokens, distinct, forged, feed }`; of `distinct` there are more than any gate remembers. */
export async function makeFixture() {
  const keys = await makeKeys("EdDSA");
  const { tokens: distinct, forged } = makeTokens(keys, "usual");
  const tokens = distinct.slice(0, SEEN);
  const key = keys.privateKey.export({ type: "pkcs8", format: "pem" });
  const feed = { key, kid: keys.jwk.kid, issuer: ISSUER, audience: AUDIENCE };
  return { jwks: keys.jwks, tokens, distinct, forged, feed };
}

/** Starts the upstream, which also is the issuer, of which so many sessions have ended: `{ origin, port, stop }`. */
export async function startUpstream({ jwks, feed }, revoked = 0) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("upstream.mjs", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, JWKS: JSON.stringify(jwks), FEED: JSON.stringify({ ...feed, revoked }) },
  });
  const port = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the upstream ended with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line)));
  });
  return { origin: `http://127.0.0.1:${port}`, port, pid: child.pid, stop: () => child.kill("SIGKILL") };
}

/** How each Worker is laid out, and where a gate finds the token of a browser; they are told where issuer and app are. */
export const workers = {
  edgeward: {
    title: "edgeward Worker",
    cookie: "__Host-edgeward-access",
    async layOut(origin) {
      const modules = await compiled(new URL("edge/build/", ROOT), "edge/build/");
      return layOut(
        {
          "edge/worker.mjs": { esModule: new URL("edge/worker.mjs", ROOT) },
          ...modules,
          "gate.toml": { text: new URL("gate.toml", ROOT) },
        },
        {
          ...gateBindings(origin),
          EDGEWARD_ENVIRONMENT: "production",
          EDGE_KEY: `edge1.bench.${randomBytes(32).toString("base64url")}`,
        },
      );
    },
  },
  jose: {
    title: "the same gate with jose",
    cookie: "edgeward-access",
    async layOut(origin) {
      return layOut({ "main.mjs": { esModule: await joseGate() } }, gateBindings(origin));
    },
  },
  ungated: {
    title: "ungated Worker of the worker crate",
    async layOut() {
      const { "index.js": main, ...others } = await compiled(UNGATED, "");
      return layOut({ "main.mjs": { esModule: ENTRY }, "index.js": main, ...others });
    },
  },
  bare: {
    title: "bare JavaScript Worker",
    layOut: async () => layOut({ "main.mjs": { esModule: await readFile(new URL("bare_worker.mjs", import.meta.url)) } }),
  },
};

/** The text of the gate that is written with jose. */
export function joseGate(minify = false) {
  return bundled(new URL("jose_worker.mjs", import.meta.url), minify);
}

const ENTRY = 'export { default } from "./index.js";\n';

function gateBindings(origin) {
  return { ISSUER, AUDIENCE, ISSUER_ORIGIN: origin, APP_ORIGIN: origin };
}

/** The modules that worker-build left in a folder. */
async function compiled(folder, prefix) {
  const modules = {};
  for (const name of await readdir(folder)) {
    const kind = name.endsWith(".wasm") ? "wasm" : name.endsWith(".js") ? "esModule" : undefined;
    if (kind !== undefined) modules[prefix + name] = { [kind]: new URL(name, folder) };
  }
  return modules;
}
