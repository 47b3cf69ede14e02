// Who is measured: how each is filled and started, and how it is asked the same things.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Question } from "./load.mjs";
import { Server, folder, freePort, runAlone } from "./servers.mjs";

const { ISSUER, FILL } = process.env;
const PASSWORD = "correct horse battery staple";
const FORM = "content-type: application/x-www-form-urlencoded";
const JSON_BODY = "content-type: application/json";

/** So many clients take turns; those of a large database are spread over all of it. */
export const SAMPLE = 1000;

/** A data folder of ours with so many people who are signed in; resolves to it and the milliseconds of a hash. */
export function fill(name, people) {
  const at = folder(name);
  mkdirSync(join(at, "data"), { mode: 0o700 });
  const printed = runAlone(FILL, [join(at, "data"), String(people), String(SAMPLE), at]);
  return { at, hash: Number(printed.trim().split("\n").at(-1)) };
}

/** The milliseconds of a hash on the servers' core, now. */
export function hashMilliseconds() {
  const at = folder("hash");
  return Number(runAlone(FILL, [join(at, "data"), "0", "0", at]).trim().split("\n").at(-1));
}

/** The issuer over a filled folder. */
export async function startOurs(at) {
  const port = await freePort();
  const metrics = await freePort();
  const settings = join(at, "edgeward.toml");
  const sockets = `[server]\nlisten = "127.0.0.1:${port}"\n\n[metrics]\nlisten = "127.0.0.1:${metrics}"\n`;
  writeFileSync(settings, `environment = "development"\n\n${sockets}`);
  const args = ["--config", settings, "--data", join(at, "data"), "serve"];
  const server = await Server.start({ name: "edgeward", program: ISSUER, args, port, ready: "/readyz", at });
  server.metrics = metrics;
  return server;
}

/** A peer of this folder, filled with as many people as there are clients. */
export async function startPeer(script, synchronous, { again } = {}) {
  const at = again ?? folder(`${script}-${synchronous}`);
  const port = await freePort();
  const file = fileURLToPath(new URL(`./${script}.mjs`, import.meta.url));
  const args = [file, at, String(port), synchronous, again ? "0" : String(SAMPLE)];
  const ready = script === "oidc_provider" ? "/jwks" : "/api/auth/ok";
  // As their documentation has them run where it counts.
  const env = { NODE_ENV: "production" };
  const server = await Server.start({ name: script, program: process.execPath, args, port, ready, at, env });
  server.at = at;
  return server;
}

export const ours = {
  refresh: (server, at) =>
    new Question(server, ["POST /auth/refresh", "user-agent: bench", JSON_BODY], {
      body: '{"refreshToken":"{}","tokenMode":"body"}',
      clients: join(at, "refresh"),
      next: "refreshToken",
    }),
  keys: (server) => new Question(server, ["GET /.well-known/jwks.json"]),
  health: (server, path) => new Question(server, [`GET ${path}`]),
  me: (server, at) =>
    new Question(server, ["GET /auth/me", "user-agent: bench", "cookie: edgeward-session={}"], { clients: join(at, "sessions") }),
  login: (server, clients, password = PASSWORD, expect = 200) =>
    new Question(server, ["POST /auth/login", "user-agent: bench", JSON_BODY], {
      body: JSON.stringify({ email: "{}", password }),
      clients,
      expect,
      again: 503,
    }),
};

export const oidcProvider = {
  refresh: (server) =>
    new Question(server, ["POST /token", FORM], {
      body: "grant_type=refresh_token&client_id=bench&refresh_token={}",
      clients: join(server.at, "refresh"),
      next: "refresh_token",
    }),
  keys: (server) => new Question(server, ["GET /jwks"]),
};

export const betterAuth = {
  refresh: (server) =>
    new Question(server, ["POST /api/auth/oauth2/token", FORM], {
      body: "grant_type=refresh_token&client_id=bench&refresh_token={}",
      clients: join(server.at, "refresh"),
      next: "refresh_token",
    }),
  me: (server) =>
    new Question(server, ["GET /api/auth/get-session", "cookie: better-auth.session_token={}"], { clients: join(server.at, "sessions") }),
  login: (server) =>
    new Question(server, ["POST /api/auth/sign-in/email", `origin: http://127.0.0.1:${server.port}`, JSON_BODY], {
      body: JSON.stringify({ email: "{}", password: PASSWORD }),
      clients: join(server.at, "emails"),
    }),
};

/** Ends the run if the cookie is not taken for a session: to that, better-auth answers 200 too, and sooner. */
export async function mustKnowItsSessions(server) {
  const [cookie] = readFileSync(join(server.at, "sessions"), "utf8").split("\n");
  const headers = { cookie: `better-auth.session_token=${cookie}` };
  const answer = await (await fetch(`http://127.0.0.1:${server.port}/api/auth/get-session`, { headers })).json();
  if (answer?.user?.email !== "person0@example.test") throw new Error(`better-auth does not know its session: ${JSON.stringify(answer)}`);
}

/** What the machine says of itself. */
export function versions() {
  const said = (program, ...args) => spawnSync(program, args, { encoding: "utf8" }).stdout.trim();
  return `${said(ISSUER, "--version")}, Node ${process.versions.node}`;
}
