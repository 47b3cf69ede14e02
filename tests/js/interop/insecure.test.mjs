// A page that came over http from another machine has no WebCrypto: what the core checks itself works, the rest says why not.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { startChromium } from "./runtimes/chromium.mjs";

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://app.example";

const ALGORITHMS = {
  EdDSA: { kind: ["ed25519"], digest: null },
  ES256: { kind: ["ec", { namedCurve: "P-256" }], digest: "sha256" },
  RS256: { kind: ["rsa", { modulusLength: 2048 }], digest: "sha256" },
};

/** A token, and options for a verifier that must accept it. Made here, because the page could not. */
function good(alg) {
  const { kind, digest } = ALGORITHMS[alg];
  const { publicKey, privateKey } = generateKeyPairSync(...kind);
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 600 };
  const signed = `${part({ alg, kid: "k1", typ: "at+jwt" })}.${part(claims)}`;
  const signature = sign(digest, Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1", alg };
  return {
    token: `${signed}.${signature.toString("base64url")}`,
    options: { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [jwk] } },
  };
}

for (const [what, host, secure] of [
  ["of this machine", "127.0.0.1", true],
  ["of another machine, over http", "app.test", false],
]) {
  describe(`a page ${what}`, () => {
    let chromium;
    before(async () => {
      chromium = await startChromium(new URL("page.mjs", import.meta.url), host);
      await chromium.page.addScriptTag({ url: "/main.mjs", type: "module" });
      await chromium.page.waitForFunction("window.verify");
    });
    after(() => chromium?.stop());

    it(`is ${secure ? "a" : "no"} secure context`, async () => {
      const facts = await chromium.page.evaluate(() => [location.hostname, isSecureContext, crypto.subtle !== undefined]);
      assert.deepEqual(facts, [host, secure, secure]);
    });

    for (const alg of Object.keys(ALGORITHMS)) {
      const works = secure || alg === "EdDSA";
      it(`${works ? "verifies" : "says that it cannot verify"} ${alg}`, async () => {
        const said = await chromium.page.evaluate((given) => window.verify(given), good(alg));
        assert.equal(said, works ? "ada" : "CRYPTO_UNAVAILABLE no-web-crypto");
      });
    }
  });
}
