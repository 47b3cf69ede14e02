//! Scopes: what an access token permits whoever brings it (RFC 6749, section 3.3).
//!
//! Nothing here knows whose they are: which role permits what is a setting.

use std::collections::BTreeSet;

/// All scopes of a site together, as one claim: who has every role brings them all. Browsers keep no cookie of more than
/// 4096 bytes; beside the longest names, address and roles that an account may have, in base64url, and the 64 bytes of
/// an EdDSA or ES256 signature, there is room for so many.
pub const SCOPES_MAX_BYTES: usize = 256;

/// What one scope permits, in one word that the policy of the gate and the app know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope(String);

/// The text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is visible ASCII without blanks, '\"' and '\\'")]
pub struct UnfitScope;

impl Scope {
    /// Takes a scope-token. A blank would make two of one, and a quote or a backslash would end the list of scopes in a
    /// challenge.
    ///
    /// # Errors
    /// [`UnfitScope`].
    pub fn parse(text: &str) -> Result<Self, UnfitScope> {
        let fits = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if !text.is_empty() && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(UnfitScope)
        }
    }

    /// The scope.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Scopes as a claim: each once, in order, with a blank between two (RFC 8693, section 4.2).
pub fn claim<'s>(scopes: impl IntoIterator<Item = &'s Scope>) -> String {
    let scopes: BTreeSet<&str> = scopes.into_iter().map(Scope::as_str).collect();
    scopes.into_iter().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_scope_token_of_rfc_6749() {
        for byte in 0..=0xff_u8 {
            let text = char::from(byte).to_string();
            let fits =
                byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte);
            assert_eq!(Scope::parse(&text).is_ok(), fits, "{text:?}");
        }
        for (text, fits) in [
            ("articles:write", true),
            ("https://api.example.com/read", true),
            ("", false),
            ("articles:write articles:read", false),
            (" articles:write", false),
            ("articles:\"write\"", false),
            ("articles\\write", false),
            ("articles:wríte", false),
            ("articles:write\n", false),
        ] {
            assert_eq!(Scope::parse(text).is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn a_claim_names_each_scope_once_and_in_order() {
        for (scopes, expected) in [
            (&[][..], ""),
            (&["b"], "b"),
            (&["b", "a"], "a b"),
            (&["b", "a", "b", "a:c", "A"], "A a a:c b"),
        ] {
            let scopes: Vec<Scope> = scopes.iter().flat_map(|it| Scope::parse(it)).collect();
            assert_eq!(claim(&scopes), expected);
        }
    }
}
