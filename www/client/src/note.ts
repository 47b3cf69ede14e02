import { members } from "./http.js";

/**
 * What tabs tell each other: who is signed in, and until when the access token counts. It holds no token and opens nothing;
 * whoever forges one makes the client ask the issuer, who knows.
 */
export interface Note {
  readonly v: 1;
  /** By chance; the same note arrives by several ways and counts once. */
  readonly id: string;
  /** The id of the user; `""` if the tab did not know; `null`: nobody is signed in. */
  readonly who: string | null;
  /** When the request began that this came of, in milliseconds since the epoch. Notes are ordered by it. */
  readonly at: number;
  /** When the access token ends; `null` if that is not known. */
  readonly until: number | null;
  /** Whether somebody signed in then. Otherwise it was only renewed or found out. */
  readonly entered: boolean;
}

/** Nobody configures access tokens to live longer: they cannot be taken back where the feed is not read. */
const LONGEST_LIFE_MS = 24 * 60 * 60 * 1_000;

/** No session of the issuer's defaults lives longer without a new sign-in. */
const OLDEST_MS = 90 * 24 * 60 * 60 * 1_000;

/** What one machine's clock may be set back by without making its notes unbelievable. */
const CLOCK_STEP_MS = 60_000;

/** The value as a note, if it is one that a tab of this version could have left until now. */
export function readNote(value: unknown, now: number): Note | undefined {
  const { v, id, who, at, until, entered } = members(value) ?? {};
  if (v !== 1 || typeof id !== "string" || id === "" || id.length > 64) return undefined;
  if (who !== null && (typeof who !== "string" || who.length > 256)) return undefined;
  if (typeof at !== "number" || !(at <= now + CLOCK_STEP_MS && at >= now - OLDEST_MS)) return undefined;
  if (until !== null && (typeof until !== "number" || !(until >= at && until <= at + LONGEST_LIFE_MS))) return undefined;
  return { v, id, who, at, until, entered: entered === true };
}

/** Whether `note` says something that `known` does not, and is not from before it. */
export function isNews(note: Note, known: Note | undefined, now: number): boolean {
  if (known === undefined) return true;
  // What lies in the future was left before the clock was set back.
  return note.id !== known.id && (note.at >= known.at || known.at > now + CLOCK_STEP_MS);
}
