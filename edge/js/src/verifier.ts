// Joins the parts: options, the core in wasm, and the keys.

import { EdgewardError, type EdgewardErrorCode } from "./errors.js";
import { readOptions, wrong, type Settings } from "./options.js";
import { RemoteKeys } from "./remote_keys.js";
import type { Runtime } from "./runtime.js";
import type { Claims, Verifier, VerifierOptions } from "./surface.js";
import { Verifier as Core } from "./wasm/edgeward.js";

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
  const remote = giveKeys(core, settings, runtime);
  // An issuer that is down now must not keep a service from starting; without keys every token is refused.
  await remote?.load(Date.now());
  return new TokenVerifier(core, remote);
}

function giveKeys(core: Core, { keys }: Settings, runtime: Runtime): RemoteKeys | undefined {
  switch (keys.kind) {
    case "address":
      return new RemoteKeys(keys.address, runtime, (json) => {
        try {
          core.useKeySet(json);
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
  readonly #remote: RemoteKeys | undefined;

  constructor(core: Core, remote: RemoteKeys | undefined) {
    this.#core = core;
    this.#remote = remote;
  }

  async verifyToken(token: string): Promise<Claims> {
    const remote = this.#remote;
    const now = Date.now();
    if (remote === undefined) return this.#verify(token, now);
    if (!remote.usable(now)) {
      await remote.load(now);
      if (!remote.usable(Date.now())) throw remote.unavailable();
    }
    try {
      return this.#verify(token, now);
    } catch (error) {
      const unknownKey = error instanceof EdgewardError && error.code === "UNKNOWN_KEY";
      if (!unknownKey || !(await remote.refetchForUnknownKey(now))) throw error;
      return this.#verify(token, Date.now());
    }
  }

  verifyTokenSync(token: string): Claims {
    const now = Date.now();
    if (this.#remote !== undefined && !this.#remote.usable(now)) {
      this.#remote.loadBehind(now);
      throw this.#remote.unavailable();
    }
    return this.#verify(token, now);
  }

  #verify(token: string, now: number): Claims {
    if (typeof token !== "string") throw new EdgewardError("INVALID_TOKEN", "token-not-text");
    const bounded = token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN + 1) : token;
    let claims: string;
    try {
      claims = this.#core.verify(bounded, now / 1000);
    } catch (refusal) {
      throw asError(refusal);
    }
    return JSON.parse(claims) as Claims;
  }
}

/** What the core threw, as our error. Anything but its `{ code, reason }` is a defect and passes through unchanged. */
function asError(thrown: unknown): EdgewardError {
  if (thrown instanceof Error) throw thrown;
  const { code, reason } = thrown as { code: EdgewardErrorCode; reason: string };
  return new EdgewardError(code, reason);
}
