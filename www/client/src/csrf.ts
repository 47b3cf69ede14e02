import { refusal, unexpected } from "./error.js";
import { members, type Answer } from "./http.js";

/**
 * The anti-forgery token of this page, fetched when it is first needed and kept until something makes it stale: a
 * sign-in, a refresh, a sign-out, or a 403. Callers at the same time share one request.
 */
export class CsrfToken {
  #pending: Promise<string> | undefined;

  /** @param load `GET /auth/csrf` */
  constructor(private readonly load: () => Promise<Answer>) {}

  get(): Promise<string> {
    const pending = (this.#pending ??= this.#fetch());
    // A failure is not kept: the next caller asks again.
    pending.catch(() => this.#forgetIf(pending));
    return pending;
  }

  forget(): void {
    this.#pending = undefined;
  }

  /** Drops `stale` only: whoever noticed it later must not throw away its successor. */
  async forgetValue(stale: string): Promise<void> {
    const pending = this.#pending;
    const current = await pending?.catch(() => undefined);
    if (current === stale) this.#forgetIf(pending);
  }

  #forgetIf(pending: Promise<string> | undefined): void {
    if (this.#pending === pending) this.#pending = undefined;
  }

  async #fetch(): Promise<string> {
    const answer = await this.load();
    if (!answer.ok) throw refusal(answer);
    const token = members(answer.body)?.["csrfToken"];
    if (typeof token !== "string" || token === "") {
      throw unexpected(answer.status, "The server's answer carries no CSRF token.");
    }
    return token;
  }
}
