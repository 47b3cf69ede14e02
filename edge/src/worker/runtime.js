// What the runtime's objects are asked and told for every request, each in one crossing between wasm and JavaScript: a
// crossing that carries a text costs about as much as the work behind it. Nothing is decided here and nothing is kept.
// A header value holds no line break, so lists of headers travel as lines: the name, then the value.

/** Method and address, and what `values` says about the request's headers. */
export function head(request, wanted) {
  return `${request.method}\n${request.url}${values(request.headers, wanted)}`;
}

/** A line for each wanted header, begun by its line break: empty if it is absent, otherwise `=` and its value. */
export function values(headers, wanted) {
  let lines = "";
  for (const name of wanted) {
    const value = headers.get(name);
    lines += value === null ? "\n" : `\n=${value}`;
  }
  return lines;
}

/** All headers of a request, names in lower case. Several of one name are joined by the runtime, but for `Set-Cookie`. */
export function all(request) {
  let lines = "";
  for (const [name, value] of request.headers) lines += `${name}\n${value}\n`;
  return lines;
}

/** An answer of the edge's own; no name comes twice. */
export function reply(status, lines, body) {
  const headers = Object.create(null);
  each(lines, (name, value) => (headers[name] = value));
  return new Response(body, { status, headers });
}

/** The same answer once more, without a body, for another request. */
export function replyAgain(before, requestIdHeader, requestId) {
  const response = new Response(null, before);
  response.headers.set(requestIdHeader, requestId);
  return response;
}

/** Sends a request with these headers more. */
export function send(request, lines) {
  const { headers } = request;
  each(lines, (name, value) => headers.append(name, value));
  return fetch(request);
}

/**
 * An upstream's answer as it goes on. Body, status, every `Set-Cookie` and an accepted WebSocket stay as they are; some
 * headers are removed, then some are set, then those are filled in that are absent.
 */
export function handOn(upstream, removed, set, absent) {
  const response = new Response(upstream.body, upstream);
  const { headers } = response;
  for (const name of removed.split("\n")) headers.delete(name);
  each(set, (name, value) => headers.set(name, value));
  each(absent, (name, value) => headers.has(name) || headers.set(name, value));
  return response;
}

/** Names and values in turn. */
function each(lines, take) {
  const parts = lines.split("\n");
  for (let at = 0; at + 1 < parts.length; at += 2) take(parts[at], parts[at + 1]);
}
