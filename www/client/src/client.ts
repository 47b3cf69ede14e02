import { Believed } from "./believed.js";
import { wantsStepUp } from "./challenge.js";
import { CsrfToken } from "./csrf.js";
import { refusal } from "./error.js";
import { Issuer, readProblem, type Answer, type Problem } from "./http.js";
import { Lock } from "./lock.js";
import type { Note } from "./note.js";
import { placeOfThisSite } from "./places.js";
import { Refresher, type Elsewhere, type Renewal } from "./refresh.js";
import { readLife, readSession, type Session } from "./session.js";
import type { Afterwards, AuthClient, Credentials, Registration } from "./surface.js";
import { Tabs } from "./tabs.js";
import { Timer } from "./timer.js";
import { pause, type PageEvent, type World } from "./world.js";

/** The methods that change nothing and need no CSRF token (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** How far two answers about the end of the same access token lie apart: they name whole seconds and take their time. */
const SAME_END_MS = 5_000;

/** After a 403 the present session is asked for at most so often, because an app may answer with many of them. */
const DOUBT_MS = 60_000;

/** Until word of another tab's refresh is here, after its lock was free. */
const WORD_OF_OTHERS_MS = 1_000;

/** So often an answer about the session is asked for anew when a sign-in or sign-out came between. */
const MOST_ROUNDS = 3;

/** The client of one page. `world` is what it needs of that page. */
export class CookieClient implements AuthClient {
  readonly #base: URL;
  readonly #world: World;
  readonly #issuer: Issuer;
  readonly #lock: Lock;
  readonly #tabs: Tabs;
  readonly #refresher: Refresher;
  readonly #timer: Timer;
  /** Asks who is signed in until that is known. */
  readonly #asker: Timer;
  readonly #csrf = new CsrfToken(() => this.#issuer.ask("GET", "/auth/csrf"));
  readonly #believed = new Believed();
  #asking: Promise<Session | null> | undefined;
  #doubtedAt = -Infinity;
  #isToBeAsked = false;

  constructor(baseUrl: string | URL, world: World) {
    this.#base = new URL(baseUrl);
    this.#world = world;
    const name = `edgeward ${this.#base.origin}`;
    this.#issuer = new Issuer(this.#base, world);
    this.#lock = new Lock(world, `${name} lock`);
    this.#tabs = new Tabs(world, name, (note) => this.#hear(note));
    this.#refresher = new Refresher(world, this.#lock, this.#tabs, () => this.#postRefresh());
    this.#timer = new Timer(world, () => this.#renewInTime());
    this.#asker = new Timer(world, () => {
      if (this.#believed.hasListeners) this.#revalidate(false);
    });
    world.listen((event) => this.#on(event));
    this.#armTimer();
  }

  async signIn({ email, password }: Credentials, afterwards?: Afterwards): Promise<Session> {
    const session = await this.#enter("/auth/login", { email, password }, readSession);
    this.#goOn(afterwards);
    return session;
  }

  async signUp({ email, password, firstName, lastName }: Registration, afterwards?: Afterwards): Promise<Session | null> {
    const form = { email, password, firstName, lastName };
    const session = await this.#enter("/auth/register", form, (answer) => (answer.status === 202 ? null : readSession(answer)));
    if (session !== null) this.#goOn(afterwards);
    return session;
  }

  async signOut(afterwards?: Afterwards): Promise<void> {
    const answer = await this.#lock.hold(() => this.#post("/auth/logout"));
    // Having no session is a success too. A 401 is not the issuer's, and so says nothing of what has ended.
    if (!answer.ok) throw refusal(answer);
    this.#leave();
    this.#goOn(afterwards);
  }

  async signOutEverywhere({ exceptCurrent = false, ...afterwards }: Afterwards & { exceptCurrent?: boolean } = {}): Promise<void> {
    const answer = await this.#lock.hold(() => this.#post("/auth/logout-all", { exceptCurrent }));
    if (!answer.ok) throw refusal(answer);
    if (!exceptCurrent) this.#leave();
    this.#goOn(afterwards);
  }

  session(): Promise<Session | null> {
    return this.#ask(false).catch((error: unknown) => {
      this.#believed.isAwaited = this.#believed.hasListeners;
      throw error;
    });
  }

  onChange(listener: (session: Session | null) => void): () => void {
    return this.#believed.listen(listener);
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input instanceof Request ? input : new URL(input, this.#base), {
      credentials: "include",
      ...init,
    });
    if (new URL(request.url).origin !== this.#base.origin) {
      throw new TypeError(`This client speaks to ${this.#base.origin} only.`);
    }
    return unlessAborted(request.signal, () => this.#renewedOn401(this.#attempts(request)));
  }

  /** What sends `request`. Each attempt sends a copy, because a body can be read only once. */
  #attempts(request: Request): () => Promise<Response> {
    if (SAFE_METHODS.has(request.method)) {
      return async () => {
        const response = await this.#world.fetch(request.clone());
        if (response.status === 403) this.#doubt();
        return response;
      };
    }
    const attempt = (token: string) => {
      // A redirect could take the token and the body to another site, and a browser would follow it.
      const redirect = request.redirect === "manual" ? "manual" : "error";
      const copy = new Request(request.clone(), { redirect });
      copy.headers.set("x-csrf-token", token);
      return this.#world.fetch(copy);
    };
    const problem = (response: Response) => readProblem(response.clone());
    return async () => {
      // Nobody wants a token any more.
      request.signal.throwIfAborted();
      return this.#withCsrf(attempt, problem);
    };
  }

  /** Signs in or up. No refresh of any tab runs meanwhile: its late answer would put old cookies over the new ones. */
  async #enter<T extends Session | null>(path: string, body: object, read: (answer: Answer) => T): Promise<T> {
    return this.#lock.hold(async () => {
      const startedAt = this.#world.now();
      const answer = await this.#post(path, body);
      if (!answer.ok) throw refusal(answer);
      // The token is bound to the session, and the session is another one now.
      this.#csrf.forget();
      const session = read(answer);
      if (session === null) return session;
      const life = readLife(answer);
      const until = life === undefined ? null : startedAt + life;
      this.#tabs.leave({ who: session.user.id, at: startedAt, until, entered: true });
      this.#armTimer();
      this.#asker.stop();
      this.#believed.become(session);
      return session;
    });
  }

  /** Nobody is signed in any more: this tab's doing, or found out by it. */
  #leave(): void {
    this.#tabs.leave({ who: null, at: this.#world.now(), until: null, entered: false });
    this.#forgetSession();
  }

  #forgetSession(): void {
    this.#timer.stop();
    this.#asker.stop();
    this.#csrf.forget();
    this.#believed.become(null);
  }

  #goOn(afterwards: Afterwards | undefined): void {
    if (afterwards?.returnTo !== undefined) this.#world.navigate(placeOfThisSite(afterwards.returnTo, "/"));
  }

  /** Who asks while a question is under way shares its answer. One that fails is asked again while somebody listens. */
  #ask(isNews: boolean): Promise<Session | null> {
    this.#asking ??= this.#askSession(isNews)
      .catch((error: unknown) => {
        this.#asker.fail(error);
        throw error;
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  /** @param isNews whether it is a change even if nothing was known before */
  async #askSession(isNews: boolean): Promise<Session | null> {
    for (let round = 1; ; round += 1) {
      const { turn } = this.#believed;
      const startedAt = this.#world.now();
      const answer = await this.#renewedOn401(() => this.#issuer.ask("GET", "/auth/me"));
      if (answer.status === 403) this.#doubt();
      // A 401 that is not the issuer's is some proxy's on the way, and says nothing of the session.
      const isNobody = answer.status === 401 && typeof answer.problem?.["code"] === "string";
      if (!answer.ok && !isNobody) throw refusal(answer);
      // Somebody signed in or out meanwhile: the answer may be older than that.
      if (turn !== this.#believed.turn && round < MOST_ROUNDS) continue;
      const session = answer.ok ? readSession(answer) : null;
      if (session !== null) this.#learn(session, readLife(answer), startedAt);
      this.#asker.stop();
      this.#believed.know(session, isNews);
      return session;
    }
  }

  /** Leaves a note of what only a page of the issuer or the edge did: signed in, or refreshed. */
  #learn({ user }: Session, life: number | undefined, at: number): void {
    const until = life === undefined ? null : at + life;
    const note = this.#tabs.latest();
    const isKnown =
      note !== undefined &&
      (note.who === user.id || note.who === "") &&
      (until === null || (note.until !== null && Math.abs(note.until - until) < SAME_END_MS));
    if (isKnown) return;
    this.#tabs.leave({ who: user.id, at, until, entered: false });
    this.#armTimer();
  }

  /** Asks anew behind what is going on. That nobody answers changes nothing yet. */
  #revalidate(isNews: boolean): void {
    this.#ask(isNews).catch(() => {
      this.#believed.isAwaited ||= isNews;
    });
  }

  /** A 403: what was believed of roles, token or session is in doubt. */
  #doubt(): void {
    const wasKnown = this.#tabs.latest() !== undefined || this.#believed.session !== undefined;
    this.#csrf.forget();
    this.#tabs.forget();
    this.#timer.stop();
    this.#believed.session = undefined;
    if (!wasKnown || this.#isToBeAsked) return;
    this.#isToBeAsked = true;
    const now = this.#world.now();
    const again = Math.max(this.#doubtedAt + DOUBT_MS, now);
    this.#doubtedAt = again;
    this.#world.after(again - now, () => {
      this.#isToBeAsked = false;
      this.#revalidate(false);
    });
  }

  /** What another tab did. */
  #hear({ who, entered }: Note): void {
    this.#csrf.forget();
    if (who === null) return this.#forgetSession();
    this.#armTimer();
    const { session } = this.#believed;
    // Who never asked is told of acts only, and whoever is known to be somebody else or nobody is asked for.
    const isNews = session === undefined ? entered && this.#believed.hasListeners : who === "" ? session === null : who !== session?.user.id;
    if (!isNews) return;
    this.#believed.turn += 1;
    this.#revalidate(true);
  }

  #on({ kind }: PageEvent): void {
    if (kind === "restored" || (kind === "visible" && this.#tabs.isWiped())) this.#revalidate(false);
    const isOnline = kind === "online";
    this.#timer.wake(isOnline);
    this.#asker.wake(isOnline || kind === "visible");
  }

  #armTimer(): void {
    const note = this.#tabs.latest();
    if (note !== undefined && note.who !== null && note.until !== null) this.#timer.arm(note.at, note.until);
  }

  async #renewInTime(): Promise<void> {
    const mark = this.#refresher.mark();
    let renewal = await this.#renew(mark);
    while (typeof renewal === "object") {
      await pause(this.#world, WORD_OF_OTHERS_MS * (1 + this.#world.random()));
      renewal = await this.#renew(mark, renewal);
    }
  }

  /**
   * Runs `attempt`; after a 401 renews the cookies and runs it once more. The second answer stands, whatever it is, unless
   * somebody else was to renew them and left none: their answer may be lost, so then this tab renews, and runs it again.
   */
  async #renewedOn401<T extends { readonly status: number }>(attempt: () => Promise<T>): Promise<T> {
    let before: Elsewhere | undefined;
    for (let isRenewed = false; ; ) {
      const mark = this.#refresher.mark();
      const answer = await attempt();
      if (answer.status !== 401 || isRenewed || (answer instanceof Response && wantsStepUp(answer))) return answer;
      const renewal = await this.#renew(mark, before);
      if (renewal === "over") return answer;
      if (renewal === "renewed") isRenewed = true;
      else before = renewal;
    }
  }

  async #renew(mark: string | undefined, before?: Elsewhere): Promise<Renewal> {
    const renewal = await this.#refresher.renew(mark, before);
    if (renewal === "renewed") this.#armTimer();
    else if (renewal === "over") this.#end();
    return renewal;
  }

  /** The issuer said that the session is over. Somebody who never had one is not told. */
  #end(): void {
    const wasSignedIn = this.#believed.session || this.#tabs.latest()?.who;
    if (wasSignedIn) this.#leave();
  }

  #postRefresh(): Promise<Answer> {
    // A refresh sets a new CSRF cookie, and an ended session leaves no use for the old one.
    return this.#post("/auth/refresh").finally(() => this.#csrf.forget());
  }

  #post(path: string, body?: object): Promise<Answer> {
    return this.#withCsrf(
      (token) => this.#issuer.ask("POST", path, token, body),
      async ({ problem }) => problem,
    );
  }

  /** Runs `attempt` with the CSRF token; if the token is refused as stale, once more with a fresh one. */
  async #withCsrf<T extends { readonly status: number }>(
    attempt: (token: string) => Promise<T>,
    problem: (answer: T) => Promise<Problem | undefined>,
  ): Promise<T> {
    const token = await this.#csrf.get();
    const first = await attempt(token);
    if (first.status !== 403) return first;
    await this.#csrf.forgetValue(token);
    const isStale = (await problem(first))?.["code"] === "CSRF_INVALID";
    const answer = isStale ? await attempt(await this.#csrf.get()) : first;
    if (answer.status === 403) this.#doubt();
    return answer;
  }
}

/**
 * Who gives a request up waits for none of what it waits for: a token, a refresh, an answer. Token and refresh go on, for the
 * others; the request itself is not sent any more, which `fetch` sees to by the same signal.
 */
function unlessAborted<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    act().then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
