// Joins the parts: options, the core in wasm, the keys, WebCrypto, and the tokens seen before.

import { EdgewardError, type EdgewardErrorCode, type PackageReason } from "./errors.js";
import { readOptions, wrong, type Settings } from "./options.js";
import { PlatformKeys, type Asked } from "./platform_keys.js";
import { RemoteKeys } from "./remote_keys.js";
import type { Runtime } from "./runtime.js";
import { SeenTokens, type Accepted } from "./seen_tokens.js";
import type { Claims, Verifier, VerifierOptions } from "./surface.js";
import { Question, Verifier as Core, type Outcomes } from "./wasm/edgeward.js";

/** In bytes. The core refuses longer tokens. */
const LONGEST_TOKEN = 8 * 1024;
/** A longer token fills more than `LONGEST_TOKEN` of this, also if a character of four bytes does not fit any more. */
const ROOM_FOR_TOKEN = LONGEST_TOKEN + 4;
/** So many desks are kept for the next tokens, half a megabyte; when more tokens wait for WebCrypto at a time, theirs go. */
const MOST_FREE_DESKS = 64;

const outcomes: Outcomes = {
  accepted: (claims, from, until): Accepted => ({ claims, from, until }),
  asked: (keyNumber, signedBytes, signature): Asked => ({ keyNumber, signedBytes, signature: signature as Uint8Array<ArrayBuffer> }),
  refused: (code, reason) => new EdgewardError(code as EdgewardErrorCode, reason),
};

/** `createVerifier` for one runtime. */
export async function createVerifierIn(runtime: Runtime, options: VerifierOptions): Promise<Verifier> {
  const settings = readOptions(options);
  try {
    await runtime.load();
  } catch (cause) {
    throw new EdgewardError("WASM_UNAVAILABLE", "wasm-not-loaded" satisfies PackageReason, { cause });
  }
  const { issuer, audiences, typ, leewaySeconds, keyIdOptional } = settings;
  const core = new Core(issuer, audiences, typ, leewaySeconds, keyIdOptional, outcomes);
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
        if (core.useKeySet(json)) onOtherKeys();
      });
    case "set":
      accept("jwks", () => core.useKeySet(keys.json));
      return undefined;
    case "public-key":
      accept("publicKey", () => core.usePublicKey(keys.pem));
      return undefined;
  }
}

/** Keys that are an option: that they are not acceptable is the programmer's fault. */
function accept(option: string, use: () => void): void {
  try {
    use();
  } catch (refusal) {
    if (refusal instanceof EdgewardError) throw wrong(option, `"${option}" is not acceptable: ${refusal.reason}`);
    throw refusal;
  }
}

/**
 * Where one token is judged: its bytes, and what is asked about it. Nobody else's are here while WebCrypto is waited for, so
 * answers cannot be mixed up; and the next token needs no memory of its own. While keys are waited for, nobody sits at one.
 */
class Desk {
  readonly question = new Question();
  readonly bytes = new Uint8Array(ROOM_FOR_TOKEN);
}

class TokenVerifier implements Verifier {
  readonly #core: Core;
  readonly #seen: SeenTokens;
  readonly #platform: PlatformKeys;
  readonly #remote: RemoteKeys | undefined;
  readonly #encoder = new TextEncoder();
  readonly #freeDesks: Desk[] = [];

  constructor(core: Core, seen: SeenTokens, platform: PlatformKeys, remote: RemoteKeys | undefined) {
    this.#core = core;
    this.#seen = seen;
    this.#platform = platform;
    this.#remote = remote;
  }

  async verifyToken(token: string): Promise<Claims> {
    const remote = this.#remote;
    if (remote !== undefined && !remote.usable(Date.now())) {
      await remote.load();
      if (!remote.usable(Date.now())) throw remote.unavailable();
    }
    // The clock is read now, because the keys may have been waited for.
    const now = Date.now() / 1000;
    mustBeText(token);
    const seen = this.#seen.recall(token, now);
    if (seen !== undefined) return seen.claims;
    let desk = this.#takeDesk();
    let answer: Accepted | Asked;
    try {
      answer = this.#ask(desk, token, now);
    } catch (error) {
      const unknownKey = error instanceof EdgewardError && error.code === "UNKNOWN_KEY";
      if (remote === undefined || !unknownKey || !(await remote.refetchForUnknownKey())) throw error;
      desk = this.#takeDesk();
      answer = this.#ask(desk, token, Date.now() / 1000);
    }
    // Taken before WebCrypto is waited for: a token is remembered only under the keys it was judged with.
    const { generation } = this.#seen;
    if ("claims" in answer) return this.#seen.remember(token, answer, "core", generation);
    let isValid: boolean | undefined;
    try {
      isValid = await this.#platform.check(desk.question, answer, desk.bytes.subarray(0, answer.signedBytes));
    } catch (error) {
      if (error instanceof EdgewardError) {
        this.#leave(desk);
        throw error;
      }
      isValid = false;
    }
    return this.#seen.remember(token, this.#settle(desk, isValid), "platform", generation);
  }

  verifyTokenSync(token: string): Claims {
    const now = Date.now();
    if (this.#remote !== undefined && !this.#remote.usable(now)) {
      this.#remote.loadBehind(now);
      throw this.#remote.unavailable();
    }
    mustBeText(token);
    const seen = this.#seen.recall(token, now / 1000);
    // A token that the platform judged is refused as it was before: what a call answers must not depend on earlier ones.
    if (seen?.checkedBy === "core") return seen.claims;
    const desk = this.#takeDesk();
    const answer = this.#ask(desk, token, now / 1000);
    if ("claims" in answer) return this.#seen.remember(token, answer, "core", this.#seen.generation);
    this.#leave(desk);
    throw new EdgewardError("INVALID_TOKEN", "alg-needs-verify-token" satisfies PackageReason, {
      message: "edgeward: verifyTokenSync checks EdDSA only; ES256 and RS256 need verifyToken",
    });
  }

  /**
   * What the core says of a token that was not seen before. The desk is still taken afterwards only if the core asks something.
   * @throws {EdgewardError} why the token is refused
   */
  #ask(desk: Desk, token: string, now: number): Accepted | Asked {
    const { question, bytes } = desk;
    let answer: Accepted | Asked;
    try {
      const { written } = this.#encoder.encodeInto(token, bytes);
      answer = this.#core.verify(question, bytes.subarray(0, written), now) as Accepted | Asked;
    } catch (error) {
      this.#leaveAfter(error, desk);
      throw error;
    }
    if ("claims" in answer) this.#leave(desk);
    return answer;
  }

  /**
   * What the core says of the token at the desk, now that the signature was looked at. Nobody sits at the desk afterwards.
   * @throws {EdgewardError} why the token is refused
   */
  #settle(desk: Desk, isValid: boolean | undefined): Accepted {
    let accepted: Accepted;
    try {
      accepted = this.#core.settle(desk.question, isValid, Date.now() / 1000) as Accepted;
    } catch (error) {
      this.#leaveAfter(error, desk);
      throw error;
    }
    this.#leave(desk);
    return accepted;
  }

  #takeDesk(): Desk {
    return this.#freeDesks.pop() ?? new Desk();
  }

  /** Anything but a refusal is a trap: the question may have stayed locked, and would then trap every later token. */
  #leaveAfter(error: unknown, desk: Desk): void {
    if (error instanceof EdgewardError) this.#leave(desk);
  }

  #leave(desk: Desk): void {
    if (this.#freeDesks.length < MOST_FREE_DESKS) this.#freeDesks.push(desk);
    else desk.question.free();
  }
}

function mustBeText(token: unknown): void {
  if (typeof token !== "string") throw new EdgewardError("INVALID_TOKEN", "token-not-text" satisfies PackageReason);
}
