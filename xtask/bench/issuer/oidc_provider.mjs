// oidc-provider over node:sqlite: `node oidc_provider.mjs FOLDER PORT FULL|NORMAL PEOPLE`.
//
// FOLDER gets the file `refresh`, a token a line, each of a person and a grant of its own. The adapter below is what the
// package's documentation asks for and no more: one table, each call a statement that commits by itself. Access tokens are JWTs
// signed with EdDSA, as ours are, so none of them is stored.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [folder, port, synchronous, people] = process.argv.slice(2);
const RESOURCE = "https://app.example";

const db = new DatabaseSync(join(folder, "oidc.db"));
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
  CREATE TABLE IF NOT EXISTS models (
    key TEXT PRIMARY KEY, grant_id TEXT, uid TEXT, user_code TEXT, payload TEXT NOT NULL, expires_at INTEGER, consumed_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS models_of_grant ON models (grant_id) WHERE grant_id IS NOT NULL;`);
const statements = {
  upsert: db.prepare(`INSERT INTO models (key, grant_id, uid, user_code, payload, expires_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`),
  find: db.prepare("SELECT payload, expires_at, consumed_at FROM models WHERE key = ?"),
  findBy: (column) => db.prepare(`SELECT payload, expires_at, consumed_at FROM models WHERE key >= ? AND key < ? AND ${column} = ?`),
  consume: db.prepare("UPDATE models SET consumed_at = ? WHERE key = ?"),
  destroy: db.prepare("DELETE FROM models WHERE key = ?"),
  revoke: db.prepare("DELETE FROM models WHERE grant_id = ?"),
};
const byUid = statements.findBy("uid");
const byUserCode = statements.findBy("user_code");

class Adapter {
  constructor(model) {
    this.prefix = `${model}:`;
  }
  async upsert(id, payload, expiresIn) {
    const expires = expiresIn ? Math.floor(Date.now() / 1000) + expiresIn : null;
    const { grantId = null, uid = null, userCode = null } = payload;
    statements.upsert.run(this.prefix + id, grantId, uid, userCode, JSON.stringify(payload), expires);
  }
  async find(id) {
    return read(statements.find.get(this.prefix + id));
  }
  async findByUid(uid) {
    return read(byUid.get(this.prefix, `${this.prefix}\uffff`, uid));
  }
  async findByUserCode(code) {
    return read(byUserCode.get(this.prefix, `${this.prefix}\uffff`, code));
  }
  async consume(id) {
    statements.consume.run(Math.floor(Date.now() / 1000), this.prefix + id);
  }
  async destroy(id) {
    statements.destroy.run(this.prefix + id);
  }
  async revokeByGrantId(grantId) {
    statements.revoke.run(grantId);
  }
}

function read(row) {
  if (row === undefined || (row.expires_at !== null && row.expires_at < Date.now() / 1000)) return undefined;
  const payload = JSON.parse(row.payload);
  return row.consumed_at === null ? payload : { ...payload, consumed: row.consumed_at };
}

const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Adapter,
  clients: [
    {
      client_id: "bench",
      token_endpoint_auth_method: "none",
      application_type: "native",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: ["http://127.0.0.1/back"],
      id_token_signed_response_alg: "EdDSA",
    },
  ],
  jwks: { keys: [{ ...key, alg: "EdDSA", use: "sig", kid: "bench" }] },
  cookies: { keys: ["bench"] },
  rotateRefreshToken: true,
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  ttl: { AccessToken: 600, RefreshToken: 14 * 24 * 3600, Grant: 90 * 24 * 3600 },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => RESOURCE,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({
        scope: "api",
        audience: RESOURCE,
        accessTokenFormat: "jwt",
        accessTokenTTL: 600,
        jwt: { sign: { alg: "EdDSA" } },
      }),
    },
  },
});

if (Number(people) > 0) {
  const client = await provider.Client.find("bench");
  const tokens = [];
  db.exec("BEGIN");
  for (let number = 0; number < Number(people); number += 1) {
    const accountId = `person${number}`;
    const grant = new provider.Grant({ clientId: "bench", accountId });
    grant.addResourceScope(RESOURCE, "api");
    const grantId = await grant.save();
    const token = new provider.RefreshToken({
      client,
      accountId,
      grantId,
      scope: "api",
      resource: RESOURCE,
      gty: "authorization_code",
      authTime: Math.floor(Date.now() / 1000),
      iiat: Math.floor(Date.now() / 1000),
    });
    tokens.push(await token.save());
  }
  db.exec("COMMIT");
  writeFileSync(join(folder, "refresh"), tokens.join("\n"));
}
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
