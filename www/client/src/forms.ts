/**
 * `@edgeward/client/forms`: what somebody typed into a form of the app outlives the question for their password.
 *
 * It is kept in the `sessionStorage` of the tab, which only pages of this site read, and given back once: to the same form, at the
 * same address, to the same person, within ten minutes, and never sent. No link can put anything there, nor have it filled into
 * another form than the person's own.
 */
import type { AuthClient } from "./index.js";
import { placeOfThisSite } from "./places.js";
import { wantsStepUp } from "./challenge.js";

/** The issuer's page that asks for the password. */
const STEP_UP_PAGE = "/account/step-up";

const KEY = "edgeward form";

/** Longer than it takes to find a password, and too short to meet somebody who has long turned to something else. */
const LONGEST_MS = 10 * 60_000;

/** Forms that people fill in by hand are shorter, and a tab has 5 MB for everything. */
const LONGEST_TEXT = 65_536;

/** What a person types or chooses. Not among them: passwords, files, what is hidden, and buttons. */
const TYPED =
  /^(text|search|email|tel|url|number|range|color|date|month|week|time|datetime-local|textarea|checkbox|radio|select-one|select-multiple)$/;

/** What is not to be kept: where the app says so, and what is a secret whatever the type of its field. */
const SECRET = /(^|\s)(off|cc-\S+|one-time-code|current-password|new-password)(\s|$)/i;

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** A text, whether a box is ticked, or which options are chosen. */
type Value = string | boolean | readonly string[];

interface Kept {
  readonly who: string;
  readonly place: string;
  readonly form: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, Value>>;
}

/**
 * Where `response`, the answer to what `form` has sent, wants the identity confirmed first: keeps the form, leads to the page that asks,
 * and resolves to `true`. The way back is the present page, which gives the form back by {@link fillAgain}.
 * @throws {AuthError} if it cannot be found out whose form it is. Then nothing has happened, and it stands where it stood.
 */
export async function confirmFirst(client: AuthClient, form: HTMLFormElement, response: Response): Promise<boolean> {
  if (!wantsStepUp(response)) return false;
  const session = await client.session();
  const place = here();
  if (session !== null && place !== undefined) keep({ who: session.user.id, place, form: nameOf(form), at: Date.now(), fields: read(form) });
  location.assign(place === undefined ? STEP_UP_PAGE : `${STEP_UP_PAGE}?returnTo=${encodeURIComponent(place)}`);
  return true;
}

/**
 * Fills in what {@link confirmFirst} has kept of this form, and resolves to whether there was something. It is gone then, and nothing is
 * sent: the person looks at it and presses the button.
 * @throws {AuthError} if it cannot be found out who is asking. Then it is still kept.
 */
export async function fillAgain(client: AuthClient, form: HTMLFormElement): Promise<boolean> {
  const kept = recall();
  if (kept === undefined || kept.form !== nameOf(form) || kept.place !== here()) return false;
  const session = await client.session();
  // Two calls at the same time share the answer, and the second finds nothing any more.
  if (recall()?.at !== kept.at) return false;
  forget();
  if (session?.user.id !== kept.who) return false;
  for (const [key, field] of fieldsOf(form)) {
    const value = Object.hasOwn(kept.fields, key) ? kept.fields[key] : undefined;
    if (value !== undefined && write(field, value)) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return true;
}

/** This page, without its fragment, which the way back does not carry. */
function here(): string | undefined {
  return placeOfThisSite(location.pathname + location.search, "") || undefined;
}

/** Which form of the page it is: where it goes, and what the page calls it. */
function nameOf(form: HTMLFormElement): string {
  return ["id", "name", "action"].map((attribute) => form.getAttribute(attribute)).join(" ");
}

/** The fields that are kept, each by its name, its type, and the how-manieth it is of these. */
function fieldsOf(form: HTMLFormElement): Map<string, Field> {
  const fields = new Map<string, Field>();
  if (SECRET.test(form.getAttribute("autocomplete") ?? "")) return fields;
  for (const element of form.elements) {
    const field = element as Field;
    const isKept = TYPED.test(field.type) && field.name !== "" && !field.disabled && !("readOnly" in field && field.readOnly);
    if (!isKept || SECRET.test(field.getAttribute("autocomplete") ?? "")) continue;
    for (let nth = 0; ; nth += 1) {
      const key = `${field.type} ${nth} ${field.name}`;
      if (fields.has(key)) continue;
      fields.set(key, field);
      break;
    }
  }
  return fields;
}

function read(form: HTMLFormElement): Record<string, Value> {
  const fields: Record<string, Value> = {};
  for (const [key, field] of fieldsOf(form)) {
    if ("options" in field) fields[key] = [...field.options].filter(({ selected }) => selected).map(({ value }) => value);
    else fields[key] = isTicked(field) ? field.checked : field.value;
  }
  return fields;
}

/** Whether the value is one that such a field can have. */
function write(field: Field, value: Value): boolean {
  if ("options" in field) {
    if (!Array.isArray(value)) return false;
    for (const option of field.options) option.selected = value.includes(option.value);
  } else if (isTicked(field)) {
    if (typeof value !== "boolean") return false;
    field.checked = value;
  } else {
    if (typeof value !== "string") return false;
    field.value = value;
  }
  return true;
}

function isTicked(field: Field): field is HTMLInputElement {
  return field.type === "checkbox" || field.type === "radio";
}

/** Where nothing can be kept, the form is empty afterwards. */
function keep(kept: Kept): void {
  const text = JSON.stringify(kept);
  try {
    if (text.length <= LONGEST_TEXT) sessionStorage.setItem(KEY, text);
  } catch {
    // Full, or forbidden.
  }
}

function recall(): Kept | undefined {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (isKept(kept)) return kept;
    forget();
  } catch {
    // Forbidden, or not ours.
  }
  return undefined;
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { who, place, form, at, fields } = value as Record<keyof Kept, unknown>;
  const age = typeof at === "number" ? Date.now() - at : Number.NaN;
  return (
    [who, place, form].every((text) => typeof text === "string") &&
    age >= 0 &&
    age <= LONGEST_MS &&
    typeof fields === "object" &&
    fields !== null
  );
}

function forget(): void {
  sessionStorage.removeItem(KEY);
}
