// A `fetch` that behaves as the issuer and an app behind the edge do towards this client: one session, one CSRF token
// at a time, an access cookie that the test may let expire. It holds the cookies itself, as a browser would.

const PROBLEM = "application/problem+json";

/** The member `code` decides, the rest is for people. */
export function problem(status, code, detail) {
  return new Response(JSON.stringify({ type: "about:blank", title: code, status, code, detail }), {
    status,
    headers: { "content-type": PROBLEM },
  });
}

const json = (status, body) => Response.json(body, { status });

export const ADA = { id: "u1", email: "ada@example.test", firstName: "Ada", lastName: "Lovelace", roles: ["user"] };

export class Issuer {
  /** Every request as `METHOD /path`, in order. */
  calls = [];
  signedIn = false;
  accessFresh = false;
  sessionEnded = false;
  #csrf = 0;
  #answers = new Map();

  /** Answers `call` (`METHOD /path`) with what `answer(request)` returns, in place of the behaviour below. */
  on(call, answer) {
    this.#answers.set(call, answer);
    return this;
  }

  signInAs() {
    this.signedIn = this.accessFresh = true;
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
    const { pathname } = new URL(request.url);
    const call = `${request.method} ${pathname}`;
    this.calls.push(call);
    // An answer always comes later than the request, so that several can be under way.
    await new Promise((resolve) => setImmediate(resolve));
    return (await this.#answers.get(call)?.(request)) ?? this.#behave(call, pathname, request);
  };

  async #behave(call, pathname, request) {
    if (call === "GET /auth/csrf") return json(200, { csrfToken: this.csrf() });
    if (request.method !== "GET" && request.headers.get("x-csrf-token") !== this.csrf()) {
      return problem(403, "CSRF_INVALID");
    }
    switch (call) {
      case "POST /auth/login": {
        const { password } = await request.json();
        if (password !== "right") return problem(401, "INVALID_CREDENTIALS", "E-mail address or password is wrong.");
        this.#enter();
        return json(200, { user: ADA, expiresIn: 600 });
      }
      case "POST /auth/register":
        this.#enter();
        return json(201, { user: { ...ADA, ...(await request.json()), password: undefined }, expiresIn: 600 });
      case "POST /auth/refresh":
        if (!this.signedIn || this.sessionEnded) return problem(401, "NO_REFRESH_TOKEN");
        this.accessFresh = true;
        this.rotateCsrf();
        return json(200, { expiresIn: 600 });
      case "POST /auth/logout":
        if (!this.signedIn) return problem(401, "INVALID_TOKEN");
        this.signedIn = this.accessFresh = false;
        this.rotateCsrf();
        return new Response(null, { status: 204 });
    }
    if (!this.accessFresh) return problem(401, "TOKEN_EXPIRED");
    if (pathname === "/auth/me") return json(200, { user: ADA });
    return json(200, { call, body: await request.text(), csrf: request.headers.get("x-csrf-token") });
  }

  #enter() {
    this.signInAs();
    this.rotateCsrf();
  }
}
