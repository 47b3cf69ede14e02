// Joins the parts: options, the core in wasm, the keys, WebCrypto, and the tokens seen before.

import { EdgewardError, type EdgewardErrorCode } from "./errors.js";
import { readOptions, wrong, type Settings } from "./options.js";
import { PlatformKeys } from "./platform_keys.js";
import { RemoteKeys } from "./remote_keys.js";
import type { Runtime } from "./runtime.js";
import { SeenTokens, type Accepted } from "./seen_tokens.js";
import type { Claims, Verifier, VerifierOptions } from "./surface.js";
import { Question, Verifier as Core } from "./wasm/edgeward.js";

/** The core refuses longer tokens; copying more than one character beyond its limit into wasm would only cost memory. */
const LONGEST_TOKEN = 8 * 1024;

/** `createVerifier` for one runtime. */
export async function createVerifierIn(runtime: Runtime, options: VerifierOptions): Promise<Verifier> {
  const settings = readOptions(options);
  try {
    await runtime.load();
  } catch (cause) {
    throw new EdgewardError("WASM_UNAVAILABLE", "wasm-not-loaded", { cause });
  }
  const core = new Core(settings.issuer, settings.audiences, settings.typ, settings.leewaySeconds);
  if (settings.keyIdOptional) core.keyIdOptional();
  const seen = new SeenTokens();
  const remote = giveKeys(core, settings, runtime, () => seen.forgetAll());
  // An issuer that is down now must not keep a service from starting; without keys every token is refused.
  await remote?.load();
  return new TokenVerifier(core, seen, new PlatformKeys(runtime), remote);
}

function giveKeys(core: Core, { keys }: Settings, runtime: Runtime, onOtherKeys: () => void): RemoteKeys | undefined {
  switch (keys.kind) {
    case "address":
      return new RemoteKeys(keys.address, runtime, (json) => {
        try {
          if (core.useKeySet(json)) onOtherKeys();
        } catch (refusal) {
          throw asError(refusal);
        }
      });
    case "set":
      try {
        core.useKeySet(keys.json);
      } catch (refusal) {
        throw wrong("jwks", `"jwks" is not acceptable: ${asError(refusal).reason}`);
      }
      return undefined;
    case "public-key":
      try {
        core.usePublicKey(keys.pem);
      } catch (refusal) {
        throw wrong("publicKey", `"publicKey" is not acceptable: ${asError(refusal).reason}`);
      }
      return undefined;
  }
}

class TokenVerifier implements Verifier {
  readonly #core: Core;
  readonly #seen: SeenTokens;
  readonly #platform: PlatformKeys;
  readonly #remote: RemoteKeys | undefined;

  constructor(core: Core, seen: SeenTokens, platform: PlatformKeys, remote: RemoteKeys | undefined) {
    this.#core = core;
    this.#seen = seen;
    this.#platform = platform;
    this.#remote = remote;
  }

  async verifyToken(token: string): Promise<Claims> {
    const now = Date.now();
    const remote = this.#remote;
    if (remote !== undefined && !remote.usable(now)) {
      await remote.load();
      if (!remote.usable(Date.now())) throw remote.unavailable();
    }
    // The clock is read again, because the keys may have been waited for.
    const seen = this.#seen.recall(token, Date.now() / 1000);
    if (seen !== undefined) return seen.claims;
    try {
      return await this.#judge(token);
    } catch (error) {
      const unknownKey = error instanceof EdgewardError && error.code === "UNKNOWN_KEY";
      if (remote === undefined || !unknownKey || !(await remote.refetchForUnknownKey())) throw error;
      return await this.#judge(token);
    }
  }

  verifyTokenSync(token: string): Claims {
    const now = Date.now();
    if (this.#remote !== undefined && !this.#remote.usable(now)) {
      this.#remote.loadBehind(now);
      throw this.#remote.unavailable();
    }
    const seen = this.#seen.recall(token, now / 1000);
    // A token that the platform judged is refused as it was before: what a call answers must not depend on earlier ones.
    if (seen?.checkedBy === "core") return seen.claims;
    const outcome = this.#ask(token, now);
    if (outcome instanceof Question) {
      outcome.free();
      throw new EdgewardError("INVALID_TOKEN", "alg-needs-verify-token", {
        message: "edgeward: verifyTokenSync checks EdDSA only; ES256 and RS256 need verifyToken",
      });
    }
    return this.#seen.remember(token, outcome, "core", this.#seen.generation);
  }

  /** What the core says of a token that was not seen before, with WebCrypto's help where it needs it. */
  async #judge(token: string): Promise<Claims> {
    // Taken before the first wait: a token is remembered only under the keys it was judged with.
    const { generation } = this.#seen;
    const outcome = this.#ask(token, Date.now());
    if (!(outcome instanceof Question)) return this.#seen.remember(token, outcome, "core", generation);
    let isValid: boolean | undefined;
    try {
      isValid = await this.#platform.check(outcome);
    } catch (error) {
      outcome.free();
      throw error;
    }
    return this.#seen.remember(token, settle(outcome, isValid), "platform", generation);
  }

  #ask(token: string, now: number): Accepted | Question {
    if (typeof token !== "string") throw new EdgewardError("INVALID_TOKEN", "token-not-text");
    const bounded = token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN + 1) : token;
    try {
      return this.#core.verify(bounded, now / 1000);
    } catch (refusal) {
      throw asError(refusal);
    }
  }
}

function settle(question: Question, isValid: boolean | undefined): Accepted {
  try {
    return question.settle(isValid, Date.now() / 1000);
  } catch (refusal) {
    throw asError(refusal);
  }
}

/** What the core threw, as our error. Anything but its `{ code, reason }` is a defect and passes through unchanged. */
function asError(thrown: unknown): EdgewardError {
  if (thrown instanceof Error) throw thrown;
  const { code, reason } = thrown as { code: EdgewardErrorCode; reason: string };
  return new EdgewardError(code, reason);
}
