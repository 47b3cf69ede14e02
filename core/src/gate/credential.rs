//! The one credential of a request: a bearer token or the access cookie, never a choice between two.
//!
//! Two readers that pick differently among several credentials let one user act as another, so several different ones
//! are refused instead of being ranked (RFC 6750, section 2). Tokens in query strings and bodies are never read.

use core::fmt;

use crate::cookie::{CookieHeader, CookieNames};

/// What the request offers as proof of who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing of ours: the caller is anonymous. `Authorization` with a scheme other than `Bearer` is nothing of ours.
    None,
    /// An access token, not yet judged.
    Token(&'a str),
    /// Several credentials, or one that can be read in several ways. Answered 400 `AMBIGUOUS_CREDENTIALS`.
    Ambiguous,
}

impl<'a> Credential<'a> {
    /// Finds the credential in all values of `Authorization` and in the cookies.
    ///
    /// Ambiguous are: two `Authorization` headers (also when a proxy joined them with a comma), a `Bearer` scheme that
    /// has something odd before it or is not followed by spaces and one token68 (RFC 6750, section 2.1), two cookies of one of our names or a shadow
    /// of one, and a bearer token beside a different access cookie. The same token in both is one credential. An empty
    /// access cookie is none.
    #[must_use]
    pub fn from_headers(
        authorization: &[&'a str],
        cookies: &CookieHeader<'a>,
        names: &CookieNames,
    ) -> Self {
        let bearer = match authorization {
            [] => Bearer::Absent,
            [value] => Bearer::read(value),
            _ => Bearer::Unclear,
        };
        if names.all().iter().any(|name| cookies.get(name).is_err()) {
            return Self::Ambiguous;
        }
        let cookie = cookies
            .get(&names.access)
            .ok()
            .flatten()
            .filter(|token| !token.is_empty());
        match (bearer, cookie) {
            (Bearer::Unclear, _) => Self::Ambiguous,
            (Bearer::Absent, None) => Self::None,
            (Bearer::Absent, Some(token)) | (Bearer::Token(token), None) => Self::Token(token),
            (Bearer::Token(one), Some(two)) if one == two => Self::Token(one),
            (Bearer::Token(_), Some(_)) => Self::Ambiguous,
        }
    }
}

/// Without the token.
impl fmt::Debug for Credential<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(redacted)",
            Self::Ambiguous => "Ambiguous",
        })
    }
}

enum Bearer<'a> {
    Absent,
    Token(&'a str),
    Unclear,
}

impl<'a> Bearer<'a> {
    fn read(value: &'a str) -> Self {
        let value = value.trim_matches([' ', '\t']);
        if !starts_with_bearer(value) {
            // `Basic …, Bearer …`: two headers that a proxy joined. Or a blank in front that other readers drop, so that
            // they would find a token that was never judged.
            let hidden = value.split(',').any(|part| {
                starts_with_bearer(part.trim_start_matches(|c: char| !c.is_ascii_graphic()))
            });
            return if hidden { Self::Unclear } else { Self::Absent };
        }
        let after = value.get(BEARER.len()..).unwrap_or_default();
        let token = after.trim_start_matches(' ');
        let separated = token.len() < after.len();
        if separated && is_token68(token) {
            Self::Token(token)
        } else {
            Self::Unclear
        }
    }
}

const BEARER: &str = "bearer";

/// True also for `Bearer` glued to an odd separator (tab, no-break space, `:`), which some readers accept.
fn starts_with_bearer(value: &str) -> bool {
    let Some((start, after)) = value.split_at_checked(BEARER.len()) else {
        return false;
    };
    let ends = |byte: u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_');
    start.eq_ignore_ascii_case(BEARER) && after.bytes().next().is_none_or(ends)
}

/// RFC 9110, section 11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::Environment;
    use alloc::format;

    fn check(authorization: &[&str], cookies: &[&str], expected: Credential<'_>) {
        let names = CookieNames::for_environment(Environment::Production, false);
        let found = Credential::from_headers(authorization, &CookieHeader::parse(cookies), &names);
        assert!(
            found == expected,
            "{authorization:?} {cookies:?}: {found:?} instead of {expected:?}"
        );
    }

    #[test]
    fn one_credential_is_found_wherever_it_is() {
        check(&[], &[], Credential::None);
        check(&["Bearer a.b.c"], &[], Credential::Token("a.b.c"));
        check(&["bearer a.b.c"], &[], Credential::Token("a.b.c"));
        check(&["BEARER   a.b.c"], &[], Credential::Token("a.b.c"));
        check(&["Bearer YWJj=="], &[], Credential::Token("YWJj=="));
        check(
            &[],
            &["x=1; __Host-edgeward-access=a.b.c"],
            Credential::Token("a.b.c"),
        );
        check(
            &["Bearer a.b.c"],
            &["__Host-edgeward-access=a.b.c"],
            Credential::Token("a.b.c"),
        );
        check(
            &["Bearer a.b.c"],
            &["__Host-edgeward-access="],
            Credential::Token("a.b.c"),
        );
        check(
            &[],
            &["__Host-edgeward-session=s; edgeward-access=a.b.c"],
            Credential::None,
        );
        check(&["Basic dTpw"], &[], Credential::None);
        check(
            &["Basic dTpw"],
            &["__Host-edgeward-access=a.b.c"],
            Credential::Token("a.b.c"),
        );
        check(
            &["Digest username=\"u\", realm=\"bearers\""],
            &[],
            Credential::None,
        );
        check(&["BearerX abc"], &[], Credential::None);
        check(&[""], &[], Credential::None);
    }

    #[test]
    fn several_credentials_are_refused() {
        check(
            &["Bearer a.b.c"],
            &["__Host-edgeward-access=d.e.f"],
            Credential::Ambiguous,
        );
        check(
            &["Bearer a.b.c", "Bearer a.b.c"],
            &[],
            Credential::Ambiguous,
        );
        check(&["Bearer a.b.c", "Basic dTpw"], &[], Credential::Ambiguous);
        check(&["Bearer a.b.c, Bearer d.e.f"], &[], Credential::Ambiguous);
        check(&["Bearer a.b.c,d.e.f"], &[], Credential::Ambiguous);
        check(&["Basic dTpw, Bearer a.b.c"], &[], Credential::Ambiguous);
        check(
            &[],
            &["__Host-edgeward-access=a; __Host-edgeward-access=a"],
            Credential::Ambiguous,
        );
        check(
            &[],
            &["__Host-edgeward-access=a", "__Host-edgeward-access=b"],
            Credential::Ambiguous,
        );
        check(
            &[],
            &["__Host-edgeward-session=a; __Host-edgeward-session=b"],
            Credential::Ambiguous,
        );
        check(
            &["Bearer a.b.c"],
            &["__host-Edgeward-refresh=a"],
            Credential::Ambiguous,
        );
    }

    #[test]
    fn a_bearer_scheme_that_readers_disagree_about_is_refused() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer\ta.b.c",
            "Bearer \ta.b.c",
            "Bearer\u{a0}a.b.c",
            "\u{a0}Bearer a.b.c",
            "\u{b}Bearer a.b.c",
            "\u{ef}\u{bb}\u{bf}Bearer a.b.c",
            "Bearer a.b.c d.e.f",
            "Bearer: a.b.c",
            "Bearer \"a.b.c\"",
            "Bearer a.b.c\u{0}",
            "Bearer =",
            "Bearer a=b",
        ] {
            check(&[value], &[], Credential::Ambiguous);
        }
    }

    #[test]
    fn the_token_is_not_printed() {
        assert!(!format!("{:?}", Credential::Token("secret")).contains("secret"));
    }
}
