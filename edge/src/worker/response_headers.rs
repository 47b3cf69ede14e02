//! The headers that answers leave with.
//!
//! Tables and rules only: which header with which value, in which environment. The app's own headers are never overwritten,
//! with one exception: a route that needs a sign-in says by itself how its answers may be stored, because an app that was
//! written without the gate cannot know.

use edgeward_core::cookie::Environment;
use edgeward_core::gate::ResponsePolicy;

/// What every answer carries unless it says otherwise itself.
const SECURITY: [(&str, &str); 4] = [
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "geolocation=(), microphone=(), camera=()",
    ),
];

/// A year, because browsers' preload lists ask for no less. Subdomains are not ours to promise.
const STRICT_TRANSPORT: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// Our own pages need their style sheet and nothing else.
pub(super) const OWN_PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For answers about authentication: nobody keeps them.
pub(super) const NO_STORE: &str = "no-store";

/// For what a signed-in user sees: no shared cache, and nothing for the back button after signing out.
const PRIVATE_NO_STORE: &str = "private, no-store";

/// For a public page that was made for somebody known: the browser may keep it, nobody else.
const PRIVATE: &str = "private";

/// With these a response tells shared caches something else than `Cache-Control` does (RFC 9213), and they obey.
const FOR_SHARED_CACHES: [&str; 3] = [
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "surrogate-control",
];

/// What the edge signs for an upstream. One that answers with the headers it was asked with must not hand them out.
const SIGNED_BY_US: [&str; 2] = ["edgeward-assertion", "edgeward-proof"];

/// The answers of the gate depend on the credentials.
pub(super) const VARY_ON_CREDENTIALS: &str = "Cookie, Authorization";

/// The name under which a request is found in every log.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// The `Cache-Control` that takes the place of what a response `said`, if one must. `knows_caller`: the upstream was told
/// who asks, so that the answer may be about them.
pub(super) fn cache_control(
    policy: ResponsePolicy,
    knows_caller: bool,
    said: Option<&str>,
) -> Option<&'static str> {
    match policy {
        ResponsePolicy::PrivateNoStore => {
            (!said.is_some_and(forbids_storing)).then_some(PRIVATE_NO_STORE)
        }
        ResponsePolicy::Untouched => (knows_caller && said.is_none()).then_some(PRIVATE),
    }
}

/// Whether a `Cache-Control` already says that nobody keeps the answer (RFC 9111, section 5.2.2.5).
fn forbids_storing(cache_control: &str) -> bool {
    cache_control
        .split(',')
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
}

/// Headers that belong to one connection and are never handed on (RFC 9110, section 7.6.1). The runtime speaks its own
/// version of them on either side.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The security headers of an environment, for whoever has not set them.
pub(super) fn security(
    environment: Environment,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let encrypted = match environment {
        Environment::Production | Environment::Preview => Some(STRICT_TRANSPORT),
        Environment::Development => None,
    };
    SECURITY.into_iter().chain(encrypted)
}

/// The headers of every upstream's answer that end here.
pub(super) fn removed(policy: ResponsePolicy) -> impl Iterator<Item = &'static str> {
    let for_shared_caches: &[_] = match policy {
        ResponsePolicy::PrivateNoStore => &FOR_SHARED_CACHES,
        ResponsePolicy::Untouched => &[],
    };
    HOP_BY_HOP
        .into_iter()
        .chain(SIGNED_BY_US)
        .chain(for_shared_caches.iter().copied())
}

/// The headers that a `Connection` header names, which end here too.
pub(super) fn named_by(connection: Option<&str>) -> impl Iterator<Item = &str> {
    let named = connection.unwrap_or("").split(',');
    named.map(str::trim).filter(|name| is_header_name(name))
}

/// Whether a text can be a header's name (RFC 9110, section 5.6.2), so that asking the runtime for it cannot fail.
pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_security_is_promised_only_where_there_is_encryption() {
        for (environment, promised) in [
            (Environment::Production, true),
            (Environment::Preview, true),
            (Environment::Development, false),
        ] {
            let names: Vec<_> = security(environment).map(|(name, _)| name).collect();
            assert_eq!(
                names.contains(&"strict-transport-security"),
                promised,
                "{environment}"
            );
            assert!(names.contains(&"x-frame-options"));
        }
    }

    #[test]
    fn what_was_made_for_one_person_is_kept_by_nobody_else() {
        let (signed_in, public) = (ResponsePolicy::PrivateNoStore, ResponsePolicy::Untouched);
        for (policy, knows_caller, said, becomes) in [
            (signed_in, true, None, Some("private, no-store")),
            (
                signed_in,
                true,
                Some("public, max-age=60"),
                Some("private, no-store"),
            ),
            (
                signed_in,
                true,
                Some("private, no-cache"),
                Some("private, no-store"),
            ),
            (
                signed_in,
                true,
                Some("x-no-store"),
                Some("private, no-store"),
            ),
            (signed_in, true, Some(""), Some("private, no-store")),
            (signed_in, true, Some("no-store"), None),
            (signed_in, true, Some("max-age=0, No-Store"), None),
            (public, false, None, None),
            (public, false, Some("public"), None),
            (public, true, None, Some("private")),
            (public, true, Some("public, max-age=60"), None),
        ] {
            assert_eq!(
                cache_control(policy, knows_caller, said),
                becomes,
                "{policy:?} {said:?}"
            );
        }
    }

    #[test]
    fn what_belongs_to_another_connection_or_to_us_ends_here() {
        for (policy, for_shared_caches) in [
            (ResponsePolicy::PrivateNoStore, true),
            (ResponsePolicy::Untouched, false),
        ] {
            let names: Vec<_> = removed(policy).collect();
            for name in HOP_BY_HOP.iter().chain(&SIGNED_BY_US) {
                assert!(names.contains(name), "{policy:?} {name}");
            }
            for name in FOR_SHARED_CACHES {
                assert_eq!(
                    names.contains(&name),
                    for_shared_caches,
                    "{policy:?} {name}"
                );
            }
        }
    }

    #[test]
    fn what_the_connection_header_names_ends_here() {
        for (connection, expected) in [
            (None, &[][..]),
            (Some(""), &[]),
            (
                Some("close, X-Internal,, bad name"),
                &["close", "X-Internal"],
            ),
        ] {
            let names: Vec<_> = named_by(connection).collect();
            assert_eq!(names, expected, "{connection:?}");
        }
    }
}
