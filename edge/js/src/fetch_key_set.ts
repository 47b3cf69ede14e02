// One fetch of a key set, with everything an address could do wrong bounded.

import { EdgewardError, type PackageReason } from "./errors.js";
import type { Runtime } from "./runtime.js";

/** Somebody is waiting for a sign-in decision; an issuer that needs longer counts as down. */
export const FETCH_TIMEOUT_MS = 5_000;
/** The core's limit of a key set; reading on would only fill memory. */
const LARGEST_KEY_SET_BYTES = 64 * 1024;

/** No honest server needs more; it is sent back with every further request. */
const LONGEST_ENTITY_TAG = 128;
/** The form of RFC 9110, section 8.8.3, without the octets that it only tolerates. */
const ENTITY_TAG = /^(?:W\/)?"[!#-~]*"$/;

/** What an address answered: a body of at most `LARGEST_KEY_SET_BYTES`, or that the set of the entity tag is still in force. */
export type Answer = { readonly json: Uint8Array; readonly entityTag: string | undefined } | "unchanged";

/** @throws {EdgewardError} `KEYS_UNAVAILABLE` */
export async function fetchKeySet(address: URL, runtime: Runtime, entityTag: string | undefined): Promise<Answer> {
  const headers: Record<string, string> = { accept: "application/jwk-set+json, application/json" };
  if (entityTag !== undefined) headers["if-none-match"] = entityTag;
  try {
    const response = await fetch(address.href, {
      ...runtime.fetchOptions,
      headers,
      // Followed, a redirect would let an open redirector at the issuer choose the keys.
      redirect: "manual",
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    if (response.status === 200) return { json: await readBounded(response), entityTag: entityTagOf(response, runtime) };
    await response.body?.cancel();
    if (response.status === 304 && entityTag !== undefined) {
      // Some servers and caches confirm whatever they are asked about; a set that is gone is not confirmed by them.
      if (opaque(response.headers.get("etag")) === opaque(entityTag)) return "unchanged";
      throw unavailable("key-set-other-tag");
    }
    // Browsers hide a redirect behind the status 0.
    const redirected = response.status === 0 || (response.status >= 300 && response.status < 400 && response.status !== 304);
    throw unavailable(redirected ? "key-set-redirected" : "key-set-status");
  } catch (cause) {
    if (cause instanceof EdgewardError) throw cause;
    const late = cause instanceof Error && cause.name === "TimeoutError";
    throw unavailable(late ? "key-set-timeout" : "key-set-unreachable", cause);
  }
}

function entityTagOf(response: Response, runtime: Runtime): string | undefined {
  const entityTag = runtime.sendsEntityTags ? response.headers.get("etag") : null;
  return entityTag !== null && entityTag.length <= LONGEST_ENTITY_TAG && ENTITY_TAG.test(entityTag) ? entityTag : undefined;
}

/** What a weak and a strong entity tag of the same content have in common. */
function opaque(entityTag: string | null): string | undefined {
  return entityTag?.replace(/^W\//, "");
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    length += part.value.byteLength;
    if (length > LARGEST_KEY_SET_BYTES) {
      await reader?.cancel();
      throw unavailable("key-set-too-large");
    }
    chunks.push(part.value);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

/** The core has the same limit of size under the same name. */
function unavailable(reason: PackageReason | "key-set-too-large", cause?: unknown): EdgewardError {
  return new EdgewardError("KEYS_UNAVAILABLE", reason, { cause });
}
