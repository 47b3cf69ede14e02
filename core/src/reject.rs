//! Why a token was refused: the closed list, one variant for each rule.
//!
//! A variant carries no data. Nothing of a token (no byte, no claim, no key id) can therefore reach a log or an answer
//! through an error. What a variant means for HTTP is decided elsewhere.

use core::fmt;

/// One table generates the enum, its texts and the list of all of it, so that they cannot drift apart.
macro_rules! rejects {
    ($( $variant:ident: $code:literal, $reason:literal, $message:literal; )*) => {
        /// Why a token was refused.
        ///
        /// Each variant's documentation is its message; [`Reject::reason`] is its stable, precise name and
        /// [`Reject::code`] the coarse public code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reject {
            $( #[doc = $message] $variant, )*
        }

        impl Reject {
            /// Every variant, in the order in which the rules are applied.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The stable public code that clients may act upon, coarse on purpose: it tells an honest client what to
            /// do and an attacker little.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The stable, precise name of the broken rule, in kebab-case; for logs, metrics, tests and the command line.
            #[must_use]
            pub const fn reason(&self) -> &'static str {
                match self { $( Self::$variant => $reason, )* }
            }

            /// One sentence for a person.
            #[must_use]
            pub const fn message(&self) -> &'static str {
                match self { $( Self::$variant => $message, )* }
            }
        }
    };
}

impl Reject {
    /// Whether a rule about claims is broken. Claims are read after the signature has been found good, so the holder of the
    /// key signed what was refused.
    #[must_use]
    pub const fn is_about_claims(&self) -> bool {
        // In the order in which the rules are applied.
        *self as u8 > Self::SignatureInvalid as u8
    }
}

rejects! {
    // Structure.
    TokenTooLarge: "INVALID_TOKEN", "token-too-large", "The token is longer than the limit.";
    NotThreeSegments: "INVALID_TOKEN", "not-three-segments", "A compact JWS has exactly three segments.";
    HeaderTooLarge: "INVALID_TOKEN", "header-too-large", "The header is longer than the limit.";
    NotBase64Url: "INVALID_TOKEN", "not-base64url", "A segment is not canonical base64url without padding.";
    NotUtf8: "INVALID_TOKEN", "not-utf8", "The header or payload is not valid UTF-8.";
    ByteOrderMark: "INVALID_TOKEN", "byte-order-mark", "The header or payload begins with a byte order mark.";
    NotJson: "INVALID_TOKEN", "not-json", "The header or payload is not valid JSON.";
    NotAnObject: "INVALID_TOKEN", "not-an-object", "The header or payload is not a JSON object.";
    DuplicateMember: "INVALID_TOKEN", "duplicate-member", "A JSON object names a member twice.";
    ForbiddenMember: "INVALID_TOKEN", "forbidden-member", "A JSON object has a member that pollutes prototypes.";
    TooDeep: "INVALID_TOKEN", "too-deep", "The JSON is nested more deeply than the limit.";
    TooManyMembers: "INVALID_TOKEN", "too-many-members", "A JSON object has more members than the limit.";
    // Header.
    CriticalExtension: "INVALID_TOKEN", "crit-present", "The header demands extensions, and none is supported.";
    UnencodedPayload: "INVALID_TOKEN", "b64-present", "The header speaks of an unencoded payload.";
    NestedContent: "INVALID_TOKEN", "cty-present", "The header announces nested content.";
    EmbeddedKey: "INVALID_TOKEN", "embedded-key", "The header carries or points to a key; keys never come from a token.";
    AlgorithmMissing: "INVALID_TOKEN", "alg-missing", "The header names no algorithm.";
    AlgorithmMalformed: "INVALID_TOKEN", "alg-malformed", "The header's alg is not a string.";
    KeyIdMalformed: "INVALID_TOKEN", "kid-malformed", "The header's kid is not a short string of plain characters.";
    TypeMalformed: "INVALID_TOKEN", "typ-malformed", "The header's typ is not a string.";
    AlgorithmNotAllowed: "INVALID_TOKEN", "alg-not-allowed", "The algorithm is not in the closed list.";
    TypeMissing: "INVALID_TOKEN", "typ-missing", "The header names no token type.";
    TypeMismatch: "INVALID_TOKEN", "typ-mismatch", "The token is of another type than expected here.";
    // Key.
    KeysUnavailable: "KEYS_UNAVAILABLE", "no-keys", "There is no key to verify with.";
    KeyIdMissing: "INVALID_TOKEN", "kid-missing", "The header names no key.";
    UnknownKey: "UNKNOWN_KEY", "unknown-key", "The key set has no such key.";
    AlgorithmKeyMismatch: "INVALID_TOKEN", "alg-key-mismatch", "The key is not for the header's algorithm.";
    KeyTypeRestricted: "INVALID_TOKEN", "key-not-for-typ", "The key may not sign tokens of this type.";
    // Signature.
    SignatureLength: "INVALID_TOKEN", "signature-length", "The signature has the wrong length.";
    KeyRefused: "INVALID_TOKEN", "key-refused", "The platform that checks signatures does not take the key.";
    SignatureNotChecked: "KEYS_UNAVAILABLE", "signature-not-checked", "The platform that checks signatures failed before it looked at this one.";
    SignatureInvalid: "INVALID_TOKEN", "signature-invalid", "The signature does not belong to this token and key.";
    // Claims: form.
    IssuerMissing: "INVALID_TOKEN", "issuer-missing", "The token has no iss.";
    IssuerMalformed: "INVALID_TOKEN", "issuer-malformed", "The iss is not a string.";
    ClaimMalformed: "INVALID_TOKEN", "claim-malformed", "A claim that must be a string is something else.";
    ScopeMalformed: "INVALID_TOKEN", "scope-malformed", "The scope is not a string.";
    AudienceMalformed: "INVALID_TOKEN", "audience-malformed", "The aud is neither a string nor a non-empty array of strings.";
    ExpiryMissing: "INVALID_TOKEN", "exp-missing", "The token has no exp.";
    TimeMalformed: "INVALID_TOKEN", "time-malformed", "A time claim is not a number.";
    TimeOutOfRange: "INVALID_TOKEN", "time-out-of-range", "A time claim lies before 1970 or beyond the year 9999.";
    SequenceMalformed: "INVALID_TOKEN", "seq-malformed", "The seq is not an unsigned whole number.";
    RolesMalformed: "INVALID_TOKEN", "roles-malformed", "The roles are not an array of strings.";
    MethodsMalformed: "INVALID_TOKEN", "amr-malformed", "The amr is not an array of strings.";
    // Claims: content.
    IssuerMismatch: "INVALID_TOKEN", "issuer-mismatch", "The token is from another issuer.";
    AudienceMissing: "INVALID_TOKEN", "audience-missing", "The token has no aud.";
    AudienceMismatch: "INVALID_TOKEN", "audience-mismatch", "The token is for another audience.";
    Expired: "TOKEN_EXPIRED", "expired", "The token has expired.";
    NotYetValid: "TOKEN_NOT_YET_VALID", "not-yet-valid", "The token's nbf lies in the future.";
    IssuedInTheFuture: "TOKEN_NOT_YET_VALID", "issued-in-the-future", "The token's iat lies in the future.";
}

impl fmt::Display for Reject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl core::error::Error for Reject {}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn claims_are_what_is_judged_after_the_signature() {
        for (reject, is_about_claims) in [
            (Reject::TokenTooLarge, false),
            (Reject::NotJson, false),
            (Reject::UnknownKey, false),
            (Reject::SignatureInvalid, false),
            (Reject::IssuerMissing, true),
            (Reject::AudienceMismatch, true),
            (Reject::Expired, true),
            (Reject::IssuedInTheFuture, true),
        ] {
            assert_eq!(reject.is_about_claims(), is_about_claims, "{reject:?}");
        }
    }

    #[test]
    fn reasons_are_unique_and_kebab_case() {
        let reasons: BTreeSet<_> = Reject::ALL.iter().map(Reject::reason).collect();
        assert_eq!(reasons.len(), Reject::ALL.len());
        for reason in reasons {
            assert!(
                reason
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{reason}"
            );
        }
    }
}
