/**
 * Whether an answer is a refusal until the person has confirmed their identity (RFC 9470, section 3). No refresh changes that: a new
 * token tells of the same sign-in.
 */
export function wantsStepUp({ status, headers }: Response): boolean {
  return status === 401 && /\binsufficient_user_authentication\b/.test(headers.get("www-authenticate") ?? "");
}
