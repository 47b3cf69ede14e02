// What the runtime's objects are asked and told for every request, each in one crossing between wasm and JavaScript: a
// crossing that carries a text costs about as much as the work behind it. Nothing is decided here but that a limiter which fails grants.
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

/** What `values` says about the request's headers, and a line for the name of each header that is there. */
export function names(request, wanted) {
  const { headers } = request;
  let lines = values(headers, wanted);
  // An iterator makes an object for each step.
  headers.forEach((_, name) => (lines += `\n${name}`));
  return lines;
}

/** An answer of the edge's own; no name comes twice. */
export function reply(status, lines, body) {
  const headers = Object.create(null);
  const parts = lines.split("\n");
  for (let at = 0; at + 1 < parts.length; at += 2) headers[parts[at]] = parts[at + 1];
  return new Response(body, { status, headers });
}

/** The same answer once more, without a body, with the headers that name another request. */
export function replyAgain(before, lines) {
  const response = new Response(null, before);
  const parts = lines.split("\n");
  for (let at = 0; at + 1 < parts.length; at += 2) response.headers.set(parts[at], parts[at + 1]);
  return response;
}

/** The request for an address as the runtime has it. Sent as it is, it bears nothing of the client's. */
export function draft(url) {
  return new Request(url);
}

/**
 * Sends a request on with its method, its body if it `hasBody`, and its headers, of which some end and some are set. `lines`
 * are the address, the names of those that end, and those that are set. `draft` takes the place of the address. `oneLine`: what
 * the client sent in several lines of one name goes on in one, as it was read. `timeout` ends the whole exchange, `patience` the
 * wait for the head of an answer to a request without a body. `exchange` is told the outcome and makes the answer.
 */
export function send(request, draft, hasBody, noStore, timeout, patience, oneLine, lines, exchange) {
  let sent;
  try {
    const headers = new Headers(oneLine ? Object.fromEntries(request.headers) : request.headers);
    const parts = lines.split("\n");
    change(headers, parts);
    const init = { method: request.method, headers, redirect: "manual" };
    if (hasBody && request.body !== null) init.body = forms.get(request) || request.body;
    if (noStore) init.cache = "no-store";
    if (timeout !== undefined) init.signal = AbortSignal.timeout(timeout);
    sent = fetch(draft ?? parts[0], init);
    // It is sent once, and the answer may take its time.
    forms.delete(request);
  } catch {
    return exchange.notSent();
  }
  if (patience !== undefined && request.body === null) return first(sent, patience, exchange);
  return sent.then(
    (upstream) => exchange.answered(upstream),
    () => exchange.unanswered(),
  );
}

/** The platform's limiter of a limit, if one is bound under the limit's name. */
const limiter = (env, limit) => env[`RATE_LIMITER_${limit.toUpperCase().replaceAll("-", "_")}`];

/** Whether the platform counts a limit. */
export function hasLimiter(env, limit) {
  return limiter(env, limit) !== undefined;
}

let failureIsTold = false;

/**
 * Whether the platform's limiter grants a turn. One that fails, or says nothing within `patience` milliseconds, grants: the isolate
 * has counted the turn. The log hears of it once.
 */
export async function takeTurn(env, limit, octets, patience) {
  let said;
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, patience)));
  try {
    const key = btoa(String.fromCharCode(...octets));
    said = (await Promise.race([limiter(env, limit).limit({ key }), late]))?.success;
  } catch {
    // It said nothing.
  }
  clearTimeout(timer);
  if (typeof said !== "boolean" && !failureIsTold) {
    failureIsTold = true;
    console.log(JSON.stringify({ level: "error", event: "limiter-failed", limit }));
  }
  return said !== false;
}

/** Tells the exchange what comes first: an answer's head, that there is none, or the end of `patience`. */
function first(sent, patience, exchange) {
  return new Promise((answer, fail) => {
    const tell = (outcome) => {
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = undefined;
      try {
        answer(outcome());
      } catch (error) {
        fail(error);
      }
    };
    let timer = setTimeout(() => tell(() => exchange.late()), patience);
    sent.then(
      (upstream) => tell(() => exchange.answered(upstream)),
      () => tell(() => exchange.unanswered()),
    );
  });
}

/** Status, and what `values` says about the answer's headers. */
export function answerHead(response, wanted) {
  return `${response.status}${values(response.headers, wanted)}`;
}

/** A line for each cookie that an answer sets. */
export function setCookies(response) {
  return response.headers.getSetCookie().join("\n");
}

/**
 * An upstream's answer as it goes on. Body, status, every `Set-Cookie` and an accepted WebSocket stay as they are, unless
 * `cookies` are the lines of those that stay; some headers end, always or as `lines` say behind the first, some are set, and
 * those are filled in that are absent.
 */
export function handOn(upstream, removed, lines, absent, cookies) {
  const response = new Response(upstream.body, upstream);
  const { headers } = response;
  if (cookies !== undefined) {
    headers.delete("set-cookie");
    for (const line of cookies.split("\n")) if (line !== "") headers.append("set-cookie", line);
  }
  for (const name of removed) headers.delete(name);
  change(headers, lines.split("\n"));
  for (let at = 0; at < absent.length; at += 2) {
    if (!headers.has(absent[at])) headers.set(absent[at], absent[at + 1]);
  }
  return response;
}

/**
 * Asks an address with these headers and nothing else. A line for each: the status of the answer, its `Retry-After` and every
 * `Set-Cookie`. The status is 0 if there was no answer in time.
 */
export async function ask(method, url, timeout, lines) {
  try {
    const headers = new Headers();
    change(headers, lines.split("\n"));
    const signal = AbortSignal.timeout(timeout);
    const answer = await fetch(url, { method, headers, redirect: "manual", cache: "no-store", signal });
    const said = [answer.status, answer.headers.get("retry-after") ?? "", ...answer.headers.getSetCookie()];
    await answer.body?.cancel();
    return said.join("\n");
  } catch {
    return "0";
  }
}

/** Puts more `Set-Cookie` beside those of an answer of ours. */
export function addCookies(response, lines) {
  for (const line of lines.split("\n")) response.headers.append("set-cookie", line);
}

/** The whole body of a request or an answer, or `null` if it is longer than `limit`; rejected if it breaks off. */
export function body(message, limit) {
  return drain(message.body?.getReader(), limit);
}

/**
 * What a reader brings is copied as it comes: the runtime has kilobytes behind each piece, and who sends byte by byte would make
 * thousands of these.
 */
async function drain(reader, limit) {
  let whole = new Uint8Array(Math.min(limit, 1024));
  let length = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    const before = length;
    length += value.length;
    if (length > limit) {
      // Tells the runtime to stop; whether it listens changes nothing here.
      reader.cancel().catch(() => {});
      return null;
    }
    if (length > whole.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(length, 2 * whole.length)));
      larger.set(whole.subarray(0, before));
      whole = larger;
    }
    whole.set(value, before);
  }
  return whole.subarray(0, length);
}

/** What was read of the requests with a form: the form, `null` if it was too long, `false` if it came too slowly. */
const forms = new WeakMap();

/**
 * The value of a field of a form (`application/x-www-form-urlencoded`) that is there once; nothing if it is not, or if the form breaks
 * off, `null` if the form is longer than `limit`, and `false` if it has not arrived after `patience` milliseconds. What was read
 * goes on in place of the body, and what was not read whole goes nowhere.
 */
export async function fieldOfForm(request, name, limit, patience) {
  let form = forms.get(request);
  if (form === undefined) {
    form = await formOf(request, limit, patience);
    forms.set(request, form);
  }
  const values = form && new URLSearchParams(new TextDecoder().decode(form)).getAll(name);
  return values?.length === 1 ? values[0] : values ? undefined : form;
}

async function formOf(request, limit, patience) {
  const reader = request.body?.getReader();
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, patience, false)));
  try {
    const form = await Promise.race([drain(reader, limit), late]);
    if (form === false) reader?.cancel().catch(() => {});
    return form;
  } finally {
    clearTimeout(timer);
  }
}

/** Behind the first line come the names of headers that end, in one, and those that are set, name and value in turn. */
function change(headers, lines) {
  if (lines[1] !== "") for (const name of lines[1].split(",")) headers.delete(name);
  for (let at = 2; at + 1 < lines.length; at += 2) headers.set(lines[at], lines[at + 1]);
}
