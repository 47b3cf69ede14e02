// A `fetch` that behaves as the issuer and an app behind the edge do towards this client: one session, one CSRF token
// at a time, an access cookie that ends by the clock. It holds the cookies itself, as a browser does for all its tabs.

const PROBLEM = "application/problem+json";

/** The member `code` decides, the rest is for people. */
export function problem(status, code, detail, headers = {}) {
  return new Response(JSON.stringify({ type: "about:blank", title: code, status, code, detail }), {
    status,
    headers: { "content-type": PROBLEM, ...headers },
  });
}

const json = (status, body) => Response.json(body, { status });

const person = (id, firstName, lastName) => ({ id, email: `${firstName.toLowerCase()}@example.test`, firstName, lastName, roles: ["user"] });
export const ADA = person("u1", "Ada", "Lovelace");
export const BO = person("u2", "Bo", "Ek");

/** The life of an access token in seconds, as configured. */
export const LIFE = 600;

export class Issuer {
  /** Every request as `METHOD /path`, in order. */
  calls = [];
  /** How many requests are being answered. */
  busy = 0;
  user = undefined;
  accessUntil = 0;
  sessionEnded = false;
  life = LIFE;
  now = () => 0;
  #csrf = 0;
  #answers = new Map();

  /** Answers `call` (`METHOD /path`) with what `answer(request)` returns, in place of the behaviour below. */
  on(call, answer) {
    this.#answers.set(call, answer);
    return this;
  }

  signInAs(user = ADA) {
    this.user = user;
    this.#renew();
    return this;
  }

  expireAccess() {
    this.accessUntil = 0;
    return this;
  }

  count(call) {
    return this.calls.filter((each) => each === call).length;
  }

  /** Makes every token handed out so far stale. */
  rotateCsrf() {
    this.#csrf += 1;
  }

  csrf() {
    return `token-${this.#csrf}`;
  }

  fetch = async (input, init) => {
    const request = new Request(input, init);
    // What was given up before is not sent.
    request.signal.throwIfAborted();
    const { pathname } = new URL(request.url);
    const call = `${request.method} ${pathname}`;
    this.calls.push(call);
    this.busy += 1;
    try {
      // An answer always comes later than the request, so that several can be under way.
      await new Promise((resolve) => setImmediate(resolve));
      const answer = this.#answers.get(call)?.(request);
      if (answer === HANGS) {
        this.busy -= 1;
        return await new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => reject(request.signal.reason));
        }).finally(() => (this.busy += 1));
      }
      return (await answer) ?? (await this.#behave(call, pathname, request));
    } finally {
      this.busy -= 1;
    }
  };

  #renew() {
    this.accessUntil = this.now() + this.life * 1_000;
  }

  async #behave(call, pathname, request) {
    if (call === "GET /auth/csrf") return json(200, { csrfToken: this.csrf() });
    if (request.method !== "GET" && request.headers.get("x-csrf-token") !== this.csrf()) {
      return problem(403, "CSRF_INVALID");
    }
    const isFresh = this.user !== undefined && this.now() < this.accessUntil;
    switch (call) {
      case "POST /auth/login": {
        const { email, password } = await request.json();
        if (password !== "right") return problem(401, "INVALID_CREDENTIALS", "E-mail address or password is wrong.");
        return this.#enter(200, email === BO.email ? BO : ADA);
      }
      case "POST /auth/register":
        return this.#enter(201, { ...ADA, ...(await request.json()), password: undefined });
      case "POST /auth/refresh":
        if (this.user === undefined || this.sessionEnded) return problem(401, "NO_REFRESH_TOKEN");
        this.#renew();
        this.rotateCsrf();
        return json(200, { expiresIn: this.life });
      case "POST /auth/logout-all":
        if (!isFresh) return problem(401, "NOT_SIGNED_IN");
        if ((await request.json()).exceptCurrent) return new Response(null, { status: 204 });
        return this.#end();
      case "POST /auth/logout":
        // Having no session is no error.
        return this.#end();
    }
    if (!isFresh) return problem(401, "TOKEN_EXPIRED");
    if (pathname === "/auth/me") {
      return json(200, { user: this.user, expiresIn: Math.floor((this.accessUntil - this.now()) / 1_000) });
    }
    const csrf = request.headers.get("x-csrf-token");
    return json(200, { call, body: await request.text(), csrf, redirect: request.redirect });
  }

  #enter(status, user) {
    this.signInAs(user);
    this.sessionEnded = false;
    this.rotateCsrf();
    return json(status, { user, expiresIn: this.life });
  }

  #end() {
    this.user = undefined;
    this.rotateCsrf();
    return new Response(null, { status: 204 });
  }
}

/** What an answer is that never comes. */
export const HANGS = Symbol("hangs");
