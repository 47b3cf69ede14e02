// Reads what the programmer wrote, so that everything behind it can rely on it. Depends on no token.

import { EdgewardError } from "./errors.js";
import type { VerifierOptions } from "./surface.js";

export type KeysFrom =
  | { readonly kind: "address"; readonly address: URL }
  | { readonly kind: "set"; readonly json: Uint8Array }
  | { readonly kind: "public-key"; readonly pem: string };

export interface Settings {
  readonly issuer: string;
  /** `undefined`: the check is off. */
  readonly audiences: string[] | undefined;
  readonly typ: string;
  readonly leewaySeconds: number;
  readonly keyIdOptional: boolean;
  readonly keys: KeysFrom;
}

/** A clock five minutes off is broken, and a longer leeway would outlive short-lived tokens. */
const LONGEST_LEEWAY_SECONDS = 300;

/** As everywhere in Edgeward: what clocks that are set by NTP never reach. */
const DEFAULT_LEEWAY_SECONDS = 60;

const KNOWN = ["issuer", "audience", "typ", "leewaySeconds", "keyId", "jwksUri", "jwks", "publicKey"];
const KEY_SOURCES = ["jwksUri", "jwks", "publicKey"] as const;

export function readOptions(options: VerifierOptions): Settings {
  if (typeof options !== "object" || options === null) {
    throw wrong("options", "createVerifier takes an object with issuer, audience and one of jwksUri, jwks, publicKey");
  }
  for (const name of Object.keys(options)) {
    // A misspelt option must not quietly mean its default.
    if (!KNOWN.includes(name)) throw wrong(name, `unknown option "${name}"; known are ${KNOWN.join(", ")}`);
  }
  const keys = readKeys(options);
  return {
    issuer: nonEmptyText("issuer", options.issuer),
    audiences: readAudience(options.audience),
    typ: nonEmptyText("typ", options.typ ?? "at+jwt"),
    leewaySeconds: readLeeway(options.leewaySeconds ?? DEFAULT_LEEWAY_SECONDS),
    keyIdOptional: readKeyId(options.keyId ?? (keys.kind === "public-key" ? "optional" : "required")),
    keys,
  };
}

/** An error about one option. */
export function wrong(option: string, message: string, cause?: unknown): EdgewardError {
  return new EdgewardError("INVALID_OPTIONS", option, { message: `edgeward: ${message}`, cause });
}

function nonEmptyText(option: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw wrong(option, `"${option}" must be a non-empty string`);
  return value;
}

function readAudience(value: unknown): string[] | undefined {
  if (value === null) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.some((entry) => typeof entry !== "string" || entry === "")) {
    throw wrong(
      "audience",
      '"audience" must be a non-empty string or a list of them; null, and nothing else, turns the check off',
    );
  }
  return [...list];
}

function readLeeway(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > LONGEST_LEEWAY_SECONDS) {
    throw wrong("leewaySeconds", `"leewaySeconds" must be a whole number from 0 to ${LONGEST_LEEWAY_SECONDS}`);
  }
  return value;
}

function readKeyId(value: unknown): boolean {
  if (value !== "required" && value !== "optional") throw wrong("keyId", '"keyId" must be "required" or "optional"');
  return value === "optional";
}

function readKeys(options: VerifierOptions): KeysFrom {
  const given = KEY_SOURCES.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    throw wrong(
      "keys",
      given.length === 0
        ? "one of jwksUri, jwks or publicKey is needed"
        : `only one of jwksUri, jwks and publicKey may be given, not ${given.join(" and ")}`,
    );
  }
  if (options.jwksUri !== undefined) return { kind: "address", address: readAddress(options.jwksUri) };
  if (options.publicKey !== undefined) {
    return { kind: "public-key", pem: nonEmptyText("publicKey", options.publicKey) };
  }
  const jwks: unknown = options.jwks;
  if (typeof jwks !== "object" || jwks === null || !Array.isArray((jwks as { keys?: unknown }).keys)) {
    throw wrong("jwks", '"jwks" must be an object with a list "keys"; for an address use "jwksUri"');
  }
  try {
    return { kind: "set", json: new TextEncoder().encode(JSON.stringify(jwks)) };
  } catch (cause) {
    throw wrong("jwks", '"jwks" cannot be written as JSON', cause);
  }
}

function readAddress(value: unknown): URL {
  let address: URL;
  try {
    address = new URL(String(value));
  } catch (cause) {
    throw wrong("jwksUri", '"jwksUri" must be an absolute address', cause);
  }
  // Whoever can change the key set in transit can sign any token, so plain http is for one's own machine only.
  const safe = address.protocol === "https:" || (address.protocol === "http:" && isThisMachine(address.hostname));
  if (!safe) throw wrong("jwksUri", '"jwksUri" must use https (http is allowed on localhost and loopback addresses)');
  if (address.username !== "" || address.password !== "") {
    throw wrong("jwksUri", '"jwksUri" must not carry a user name or password');
  }
  return address;
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}
