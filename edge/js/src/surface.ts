// The types of the package, the same for every runtime.

/**
 * What an acceptable token says. The registered names are checked; everything else is as the issuer wrote it. Frozen
 * throughout: whoever comes with the same token again gets the same object.
 */
export interface Claims {
  /** The issuer, equal to the verifier's. */
  readonly iss: string;
  /** Whom the token is for; holds the verifier's audience unless that check was turned off. */
  readonly aud?: string | readonly string[];
  /** End of life, seconds since the epoch. */
  readonly exp: number;
  readonly sub?: string;
  readonly iat?: number;
  readonly nbf?: number;
  readonly jti?: string;
  /** The session the token belongs to. */
  readonly sid?: string;
  readonly client_id?: string;
  /** Granted scopes, separated by blanks (RFC 8693 §4.2). */
  readonly scope?: string;
  readonly roles?: readonly string[];
  readonly [name: string]: unknown;
}

/** A JSON Web Key Set (RFC 7517 §5). Public keys only: a private member makes the whole set unacceptable. */
export interface JsonWebKeySet {
  readonly keys: readonly object[];
}

interface Expected {
  /** Must equal the token's `iss`, character by character. */
  issuer: string;
  /** One of these must be in the token's `aud`. `null` turns the check off, and then any audience passes. */
  audience: string | readonly string[] | null;
  /** The `typ` the token must carry (RFC 8725 §3.11). Default `"at+jwt"`. */
  typ?: string;
  /** How far clocks may disagree, in whole seconds from 0 to 300. Default 60. */
  leewaySeconds?: number;
  /**
   * `"required"`: a token names its key. `"optional"`: with a set of one key it need not.
   * Default `"required"`, with `publicKey` `"optional"`.
   */
  keyId?: "required" | "optional";
}

/** Where the keys come from: exactly one of the three. */
type Keys =
  | {
      /** Address of the key set; `https:`, or `http:` on this machine. Fetched and kept up to date by the verifier. */
      jwksUri: string | URL;
      jwks?: never;
      publicKey?: never;
    }
  | {
      /** The key set itself. */
      jwks: JsonWebKeySet;
      jwksUri?: never;
      publicKey?: never;
    }
  | {
      /** One public key, SubjectPublicKeyInfo in PEM (`-----BEGIN PUBLIC KEY-----`): Ed25519, P-256 or RSA. */
      publicKey: string;
      jwksUri?: never;
      jwks?: never;
    };

export type VerifierOptions = Expected & Keys;

/** Judges the tokens of one issuer. Make one and keep it. */
export interface Verifier {
  /**
   * The claims of an acceptable token signed with EdDSA, ES256 or RS256.
   * @throws {EdgewardError}
   */
  verifyToken(token: string): Promise<Claims>;
  /**
   * The same without waiting, for EdDSA and with the keys that are loaded. ES256 and RS256, which WebCrypto checks in its
   * own time, are refused with the reason `"alg-needs-verify-token"`. With `jwksUri` it never waits for a fetch: an unknown
   * `kid` is refused at once, and keys that could not be loaded yet mean `KEYS_UNAVAILABLE`.
   * @throws {EdgewardError}
   */
  verifyTokenSync(token: string): Claims;
}
