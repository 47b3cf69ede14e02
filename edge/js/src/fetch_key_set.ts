// One fetch of a key set, with everything an address could do wrong bounded.

import { EdgewardError } from "./errors.js";

/** Somebody is waiting for a sign-in decision; an issuer that needs longer counts as down. */
export const FETCH_TIMEOUT_MS = 5_000;
/** The core's limit of a key set; reading on would only fill memory. */
const LARGEST_KEY_SET_BYTES = 64 * 1024;

/** The body of the answer, at most `LARGEST_KEY_SET_BYTES` long. */
export async function fetchKeySet(address: URL, fetchOptions: RequestInit): Promise<Uint8Array> {
  try {
    const response = await fetch(address.href, {
      ...fetchOptions,
      headers: { accept: "application/jwk-set+json, application/json" },
      // Followed, a redirect would let an open redirector at the issuer choose the keys.
      redirect: "manual",
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      // Browsers hide a redirect behind the status 0.
      const redirected = response.status === 0 || (response.status >= 300 && response.status < 400);
      throw unavailable(redirected ? "key-set-redirected" : "key-set-status");
    }
    return await readBounded(response);
  } catch (cause) {
    if (cause instanceof EdgewardError) throw cause;
    const late = cause instanceof Error && cause.name === "TimeoutError";
    throw unavailable(late ? "key-set-timeout" : "key-set-unreachable", cause);
  }
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

function unavailable(reason: string, cause?: unknown): EdgewardError {
  return new EdgewardError("KEYS_UNAVAILABLE", reason, { cause });
}
