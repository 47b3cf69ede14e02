// Places of this site, in addresses that anybody can have written.

/** As the issuer has it: longer ones do not fit into an address that carries them encoded. */
const LONGEST_PLACE = 2_048;

/** Pages that would lead straight back. */
const SIGN_IN_PAGES = /^\/(login|register|account\/(step-up|sign-out))\/?$/i;

/** `place` if it is a path of this site and not of the sign-in itself, with its query and fragment; otherwise `fallback`. */
export function placeOfThisSite(place: unknown, fallback: string): string {
  if (typeof place !== "string" || place.length > LONGEST_PLACE) return fallback;
  // Browsers read `\` as `/`, drop tabs and line ends, and take `//` for the beginning of a host.
  if (!place.startsWith("/") || /^\/\/|[\\\u0000-\u0020\u007f]/.test(place)) return fallback;
  let url: URL;
  try {
    url = new URL(place, "http://site.invalid");
  } catch {
    return fallback;
  }
  // `/.//host` is a path here and an address elsewhere, once its dots are gone.
  if (url.host !== "site.invalid" || url.pathname.startsWith("//") || SIGN_IN_PAGES.test(url.pathname)) return fallback;
  return url.pathname + url.search + url.hash;
}

/**
 * Where the present address says to go after the sign-in: its parameter `returnTo`, or `callbackUrl`. Only a path of this
 * site survives; anything else, also a parameter that occurs twice, is the `fallback`.
 */
export function returnTo(fallback = "/", query: string = location.search): string {
  const parameters = new URLSearchParams(query);
  const named = parameters.getAll("returnTo");
  const places = named.length > 0 ? named : parameters.getAll("callbackUrl");
  return places.length === 1 ? placeOfThisSite(places[0], fallback) : fallback;
}

/** The address of the issuer's sign-in page, with the way back to `place`, which is the present page if it is left out. */
export function signInPage(place: string = location.pathname + location.search): string {
  return `/login?returnTo=${encodeURIComponent(placeOfThisSite(place, "/"))}`;
}
