//! Which paths are the issuer's. Every other path is the application's and is judged by the policy.
//!
//! The comparison is with the full canonical path: letter case counts and no locale is taken away, so `/de/login` and
//! `/LOGIN` are the application's. What the issuer answers outside of its own prefixes, `/healthz` and `/readyz`, is not reachable
//! through the gate.

use super::path::CanonicalPath;

/// The page that a person without a session is led to.
pub(super) const SIGN_IN_PAGE: &str = "/login";

/// What the gate does with a path before any rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Territory {
    /// The policy decides.
    App,
    /// Goes to the issuer, which judges for itself.
    Issuer,
    /// The issuer's, but a signed-in person has no business there.
    SignInPage,
    /// Answered by the gate, never forwarded.
    VerifyToken,
}

impl Territory {
    pub(super) fn of(path: &CanonicalPath) -> Self {
        let judged = path.without_locale(&[]);
        let first = judged
            .get(1..)
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        match (first, judged) {
            (_, "/auth/verify-token") => Self::VerifyToken,
            (_, "/login" | "/register") => Self::SignInPage,
            ("auth" | "oauth" | "account", _) => Self::Issuer,
            (".well-known", document) if is_issuer_document(document) => Self::Issuer,
            _ => Self::App,
        }
    }
}

/// Whether a path of the issuer is for those who administer: its resources and its pages.
pub(super) fn is_for_administrators(path: &CanonicalPath) -> bool {
    let mut segments = path.without_locale(&[]).split('/').skip(1);
    let (first, second) = (segments.next(), segments.next());
    first == Some("auth") && matches!(second, Some("admin" | "console"))
}

fn is_issuer_document(path: &str) -> bool {
    let document = path.strip_prefix("/.well-known/").unwrap_or_default();
    matches!(document, "jwks.json" | "oauth-authorization-server")
        || (document.starts_with("edgeward-") && !document.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_owns_what_the_documentation_says_and_no_more() {
        for (path, expected) in [
            ("/", Territory::App),
            ("/auth", Territory::Issuer),
            ("/auth/", Territory::Issuer),
            ("/auth/login", Territory::Issuer),
            ("/auth/verify-token", Territory::VerifyToken),
            ("/auth/verify-token/", Territory::VerifyToken),
            ("/%61uth/verify%2dtoken", Territory::VerifyToken),
            ("/x/../auth/verify-token", Territory::VerifyToken),
            ("/auth/verify-token/x", Territory::Issuer),
            ("/oauth/token", Territory::Issuer),
            ("/account/sign-out", Territory::Issuer),
            ("/login", Territory::SignInPage),
            ("/login/", Territory::SignInPage),
            ("/register", Territory::SignInPage),
            ("/login/x", Territory::App),
            ("/loginx", Territory::App),
            ("/authx", Territory::App),
            ("/accounts", Territory::App),
            ("/AUTH/login", Territory::App),
            ("/de/login", Territory::App),
            ("/.well-known/jwks.json", Territory::Issuer),
            ("/.well-known/oauth-authorization-server", Territory::Issuer),
            ("/.well-known/edgeward-revocations", Territory::Issuer),
            ("/.well-known/edgeward-x/y", Territory::App),
            ("/.well-known/security.txt", Territory::App),
            ("/.well-known", Territory::App),
            ("/metrics", Territory::App),
            ("/healthz", Territory::App),
            ("/readyz", Territory::App),
            ("/admin", Territory::App),
        ] {
            assert_eq!(
                Territory::of(&CanonicalPath::parse(path).unwrap()),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn what_administers_is_below_two_paths_of_the_issuer() {
        for (path, expected) in [
            ("/auth/admin", true),
            ("/auth/admin/", true),
            ("/auth/admin/users/1/roles", true),
            ("/auth/console", true),
            ("/auth/console/users", true),
            ("/%61uth/%61dmin/users", true),
            ("/x/../auth/./admin/users", true),
            ("/auth/administrator", false),
            ("/auth/consoles", false),
            ("/auth/me/admin", false),
            ("/auth", false),
            ("/admin", false),
            ("/auth/login", false),
        ] {
            let path = CanonicalPath::parse(path).unwrap();
            assert_eq!(is_for_administrators(&path), expected, "{path}");
        }
    }
}
