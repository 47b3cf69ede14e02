// Where a runtime's bare WebCrypto says otherwise than the corpora, and how often. A row that fits nothing here fails, and so does
// a line that does not come out so any more. Why none of it can be reached stands in docs/THREATS.md.

/** Encodings of keys that RFC 8032 §5.1.3 refuses are read modulo p. */
const READS_ANY_ENCODING = { rows: /^Ed25519, a key in another spelling: .*, the equation holds: true$/, count: 12 };

/** Keys and R of small order are refused, as the package refuses them. */
const REFUSES_SMALL_ORDER = { rows: /^Ed25519, .*small order.*, R of (small order|somebody's).*, the equation holds: false$/, count: 59 };

/** Points beside the curve are imported, and then no signature is good. */
const IMPORTS_ANY_POINT = { rows: /^ES256, a point .*, (fresh|used): signature-invalid$/, count: 6 };

/** RSA keys of more than 4096 bits verify nothing. */
const RSA_UP_TO_4096_BITS = { rows: /^Rsa8192Sha256 \d+: false$/, count: 7 };

const [CORPUS, WYCHEPROOF] = ["the corpus of signatures", "Wycheproof"];

/** By runtime and case. */
export const DIFFERENCES = {
  "Node 22": { [CORPUS]: [READS_ANY_ENCODING] },
  "Node 24": { [CORPUS]: [REFUSES_SMALL_ORDER] },
  Deno: { [CORPUS]: [IMPORTS_ANY_POINT], [WYCHEPROOF]: [RSA_UP_TO_4096_BITS] },
  Bun: { [CORPUS]: [READS_ANY_ENCODING] },
  Chromium: { [CORPUS]: [READS_ANY_ENCODING] },
  workerd: { [CORPUS]: [READS_ANY_ENCODING] },
};
