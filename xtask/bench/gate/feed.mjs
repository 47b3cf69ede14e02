// The feed of ended sessions, as the issuer serves it: each page signed for the request that it answers.

import { createHash, createPrivateKey, sign } from "node:crypto";

/** Because a page has at most as many entries. */
const PAGE = 5_000;

/** Answers a path of the feed; `revoked` sessions have ended. The proof is believed: nothing is measured about it. */
export function feedOf({ key, kid, issuer, audience, revoked }) {
  const privateKey = createPrivateKey(key);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return (path, proof) => {
    const after = Number(path.split("?after=")[1] ?? 0);
    const last = Math.min(after + PAGE, revoked);
    const now = Math.floor(Date.now() / 1000);
    let lines = "";
    for (let number = after; number < last; number += 1) lines += `sid ended-${number} ${now} signed-out\n`;
    const { rid } = JSON.parse(Buffer.from(proof.split(".")[1], "base64url"));
    const claims = {
      iss: issuer,
      aud: audience,
      iat: now,
      exp: now + 60,
      rid,
      after,
      last,
      more: last < revoked,
      count: last - after,
      sha256: createHash("sha256").update(lines).digest("base64url"),
    };
    const signed = `${part({ alg: "EdDSA", kid, typ: "edgeward-revocations+jwt" })}.${part(claims)}`;
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}\n${lines}`;
  };
}
