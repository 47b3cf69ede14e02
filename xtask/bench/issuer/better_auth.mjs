// better-auth with its OAuth provider over node:sqlite: `node better_auth.mjs FOLDER PORT FULL|NORMAL PEOPLE`.
//
// FOLDER gets the files `refresh` (tokens of the OAuth provider) and `sessions` (values of the session cookie), a line for each
// person. The database adapter is better-auth's own; access tokens are opaque and stored, which is its default where no
// resource is asked for. What it does besides what is measured, and can be told not to do, is switched off: limits, telemetry, spans
// around its functions, and a JWT that it would sign for every reading of a session.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { betterAuth } from "better-auth";
import { toNodeHandler } from "better-auth/node";
import { getMigrations } from "better-auth/db/migration";
import { jwt } from "better-auth/plugins";
import { oauthProvider } from "@better-auth/oauth-provider";

const [folder, port, synchronous, people] = process.argv.slice(2);
const SECRET = "a secret of the bench, which guards nothing";
const PASSWORD = "correct horse battery staple";
const RESOURCE = "https://app.example";

const db = new DatabaseSync(join(folder, "better_auth.db"));
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`);
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: SECRET,
  database: db,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  experimental: { instrumentation: { enabled: false } },
  logger: { level: "error" },
  plugins: [
    jwt({ disableSettingJwtHeader: true }),
    oauthProvider({
      loginPage: "/login",
      consentPage: "/consent",
      scopes: ["openid", "offline_access", "api"],
      validAudiences: [RESOURCE],
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
};
if (Number(people) > 0) await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);
const context = await auth.$context;

if (Number(people) > 0) {
  await context.adapter.create({
    model: "oauthClient",
    data: {
      clientId: "bench",
      name: "bench",
      public: true,
      type: "native",
      tokenEndpointAuthMethod: "none",
      redirectUris: ["http://127.0.0.1/back"],
      grantTypes: ["authorization_code", "refresh_token"],
      scopes: ["offline_access", "api"],
      createdAt: new Date(),
      updatedAt: new Date(),
    },
  });
  const password = await context.password.hash(PASSWORD);
  const files = { refresh: [], sessions: [], emails: [] };
  db.exec("PRAGMA synchronous = OFF");
  for (let number = 0; number < Number(people); number += 1) {
    const email = `person${number}@example.test`;
    const user = await context.internalAdapter.createUser({ email, name: "Ada Lovelace", emailVerified: true });
    await context.internalAdapter.linkAccount({ userId: user.id, providerId: "credential", accountId: user.id, password });
    const session = await context.internalAdapter.createSession(user.id);
    const token = randomBytes(24).toString("base64url");
    await context.adapter.create({
      model: "oauthRefreshToken",
      data: {
        token: createHash("sha256").update(token).digest("base64url"),
        clientId: "bench",
        userId: user.id,
        scopes: ["offline_access", "api"],
        createdAt: new Date(),
        expiresAt: new Date(Date.now() + 14 * 24 * 3600 * 1000),
      },
    });
    const signature = createHmac("sha256", SECRET).update(session.token).digest("base64");
    files.refresh.push(token);
    files.sessions.push(encodeURIComponent(`${session.token}.${signature}`));
    files.emails.push(email);
  }
  db.exec(`PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = ${synchronous};`);
  for (const [name, lines] of Object.entries(files)) writeFileSync(join(folder, name), lines.join("\n"));
}
createServer(toNodeHandler(auth)).listen(Number(port), "127.0.0.1", () => console.log("ready"));
