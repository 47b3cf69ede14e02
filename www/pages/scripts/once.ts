// Sends a form once, and says that it is on its way. On a slow network the first press of a button shows nothing, and a second one
// would sign somebody in twice, or tell them that the account exists which the first has just made. Without this module the forms
// are the same.

/** Whoever has waited so long may have stopped the loading, which no page is told of: the button is theirs again. */
const PATIENCE_MS = 10_000;

const { saidSent, saidLate } = document.body.dataset;
const said = document.createElement("p");
said.className = "said";
said.setAttribute("role", "status");
// Here before its text, so that the text is read out. It has its own place on the screen, and moves nothing when it gets one.
document.querySelector("main")?.prepend(said);

/** Makes the button usable again; there is one while a form is on its way. */
let release: (() => void) | undefined;

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.method !== "post") return;
  if (release) {
    event.preventDefault();
    return;
  }
  // Not `disabled`: such a button would not be sent along, and would lose the focus.
  event.submitter?.setAttribute("aria-disabled", "true");
  said.textContent = saidSent ?? "";
  const timer = setTimeout(() => {
    release?.();
    said.textContent = saidLate ?? "";
  }, PATIENCE_MS);
  release = () => {
    clearTimeout(timer);
    event.submitter?.removeAttribute("aria-disabled");
    said.textContent = "";
    release = undefined;
  };
});

// Out of the browser's memory the page comes as it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) release?.();
});
