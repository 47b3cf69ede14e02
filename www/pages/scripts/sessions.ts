// Ends a session without leaving the list: asks in a dialog, takes the row away at once, and puts it back if the issuer refuses or says nothing. Every
// text stands in the page, in its language; without this module the same links lead to a page that asks.

/** As long as the client package waits for an answer of the issuer. */
const PATIENCE_MS = 10_000;

const section = document.getElementById("sessions");
const status = document.getElementById("status");
const question = document.getElementById("question");
const alone = document.getElementById("alone");

if (section && status && alone && question instanceof HTMLDialogElement) {
  inTheZoneOfThePerson(section);
  section.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-end]") : null;
    const row = link?.closest("tr");
    // Whoever wants the page in another tab gets it.
    if (!link || !row || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    askFirst(row, () => void end(row, link));
  });

  /** What the question is about, until it is answered. */
  let asked: (() => void) | undefined;
  const answered = (): void => {
    if (question.open) return;
    const act = asked;
    asked = undefined;
    if (question.returnValue === "end") act?.();
  };
  // Comes with a frame after the answer, when the next question may be open already.
  question.addEventListener("close", answered);

  const askFirst = (row: HTMLTableRowElement, act: () => void): void => {
    // An answer whose event is still to come counts.
    answered();
    asked = act;
    const device = document.getElementById("question-device");
    if (device) device.textContent = row.querySelector("bdi")?.textContent ?? "";
    question.returnValue = "";
    question.showModal();
  };

  const end = async (row: HTMLTableRowElement, link: HTMLAnchorElement): Promise<void> => {
    const before = row.nextElementSibling;
    const body = row.parentElement;
    row.remove();
    tellWhetherAlone();
    const outcome = await revoke(row.dataset["session"] ?? "");
    if (outcome === "step-up") {
      const back = new URL(link.href);
      location.assign(`/account/step-up?returnTo=${encodeURIComponent(back.pathname + back.search)}`);
      return;
    }
    if (outcome === "signed-out") {
      location.reload();
      return;
    }
    if (outcome === "failed" || outcome === "unanswered") {
      body?.insertBefore(row, before?.isConnected ? before : null);
      tellWhetherAlone();
      say(section.dataset[outcome === "failed" ? "saidFailed" : "saidUnanswered"], false);
      link.focus();
      return;
    }
    say(outcome === "ended" ? section.dataset["saidEnded"] : section.dataset["saidAlready"], true);
    // The focus was on what is gone; the next thing to be read is the heading of the page.
    document.getElementById("main")?.focus();
  };

  const revoke = async (id: string): Promise<"ended" | "already" | "step-up" | "signed-out" | "failed" | "unanswered"> => {
    try {
      let answer = await ask(id);
      let code = await codeOf(answer);
      // A refresh in another tab has put another token into the cookie, and this page still has the one before.
      if (code === "CSRF_INVALID" && (await renewToken())) {
        answer = await ask(id);
        code = await codeOf(answer);
      }
      if (answer.ok) return "ended";
      if (answer.status === 404) return "already";
      // Whoever answers so, the issuer out of time or the edge in its place, does not say whether the session has ended.
      if (answer.status >= 500) return "unanswered";
      if (answer.status !== 401) return "failed";
      return code === "STEP_UP_REQUIRED" ? "step-up" : "signed-out";
    } catch {
      return "unanswered";
    }
  };

  const ask = (id: string): Promise<Response> =>
    fetch(`/auth/sessions/${encodeURIComponent(id)}`, {
      method: "DELETE",
      headers: { accept: "application/json", "x-csrf-token": section.dataset["token"] ?? "" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });

  /** Whether the page has a fresh token now. */
  const renewToken = async (): Promise<boolean> => {
    const answer = await fetch("/auth/csrf", { headers: { accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    const token = answer.ok && member(await answer.json(), "csrfToken");
    if (typeof token !== "string") return false;
    section.dataset["token"] = token;
    return true;
  };

  const tellWhetherAlone = (): void => {
    alone.hidden = section.querySelector("tr[data-session]") !== null;
  };

  const say = (text: string | undefined, good: boolean): void => {
    const notice = document.createElement("p");
    notice.className = good ? "notice notice-good" : "notice";
    notice.textContent = text ?? "";
    status.replaceChildren(notice);
  };
}

/** What the issuer calls its refusal; nothing of an answer that is none. */
async function codeOf(answer: Response): Promise<unknown> {
  return answer.ok ? undefined : member(await answer.json().catch(() => undefined), "code");
}

function member(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}

/** Writes the moments of the page in the language of the page and in the zone of the person. */
function inTheZoneOfThePerson(within: Element): void {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const element of within.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) element.textContent = format.format(moment);
  }
}
