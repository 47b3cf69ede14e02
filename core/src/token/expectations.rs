//! What a verifier expects of a token.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use crate::time::LEEWAY_SECONDS;

/// Which audiences are acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audiences {
    /// The token's `aud` must contain one of these, compared exactly. An empty list accepts nothing.
    OneOf(Vec<String>),
    /// Any `aud`, or none. Only for a caller that decides by audience itself: a token made for another service passes.
    Unchecked,
}

/// The pinned `typ` (RFC 8725 section 3.11): what a token is for, so that one kind never passes as another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `at+jwt`, an access token (RFC 9068).
    Access,
    /// `edge+jwt`, an edge's assertion to the application about who is asking.
    Assertion,
    /// `edge-proof+jwt`, an edge's proof to the issuer that a request comes through it.
    EdgeProof,
    /// Another type, for tokens of other issuers, for example `JWT`.
    Other(String),
}

impl TokenType {
    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        [Self::Access, Self::Assertion, Self::EdgeProof]
            .into_iter()
            .find(|ours| ours.matches(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// The type as it is written into a header.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Access => "at+jwt",
            Self::Assertion => "edge+jwt",
            Self::EdgeProof => "edge-proof+jwt",
            Self::Other(name) => name,
        }
    }

    /// Whether a header's `typ` means this type. Media types are compared without regard to case, and `application/` may stand
    /// in front (RFC 7515 section 4.1.9).
    #[must_use]
    pub fn matches(&self, typ: &str) -> bool {
        bare(self.name()).eq_ignore_ascii_case(bare(typ))
    }
}

/// A media type without its `application/`.
fn bare(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        Some(_) | None => typ,
    }
}

/// Whether a token must name its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIdRule {
    /// The header has a `kid`, and the key set has that key.
    Required,
    /// As above; but if the key set has exactly one entry, a token without `kid` is checked with it, and so is a token with
    /// any `kid` if that one key came without a name.
    OptionalForSetOfOne,
}

/// What [`verify`](super::verify) expects. There is no default: who accepts tokens must say from whom, for whom and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The exact `iss`.
    pub issuer: String,
    /// The acceptable `aud`.
    pub audiences: Audiences,
    /// The pinned `typ`.
    pub token_type: TokenType,
    /// Allowed clock difference in seconds; a negative one counts as 0.
    pub leeway_seconds: i64,
    /// Whether the token must name its key.
    pub key_id: KeyIdRule,
}

impl Expectations {
    /// With the leeway of [`LEEWAY_SECONDS`] and a required `kid`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audiences: Audiences, token_type: TokenType) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            token_type,
            leeway_seconds: LEEWAY_SECONDS,
            key_id: KeyIdRule::Required,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_as_media_types() {
        let check = |typ: &str, expected: bool| {
            assert_eq!(TokenType::Access.matches(typ), expected, "{typ}")
        };
        check("at+jwt", true);
        check("AT+JWT", true);
        check("application/at+jwt", true);
        check("Application/AT+jwt", true);
        check("", false);
        check("application/", false);
        check("JWT", false);
        check("at+jwt ", false);
        check("application/application/at+jwt", false);
        check("text/at+jwt", false);
        check("edge+jwt", false);
        check("äpplicatioñ/at+jwt", false);
    }

    #[test]
    fn a_name_is_that_of_its_type() {
        for ours in [
            TokenType::Access,
            TokenType::Assertion,
            TokenType::EdgeProof,
            TokenType::Other("JWT".to_owned()),
        ] {
            assert_eq!(TokenType::named(ours.name()), ours);
        }
        assert_eq!(TokenType::named("application/AT+JWT"), TokenType::Access);
    }
}
