//! For which hosts cookies are set, and with which requests of other sites they go along.

use edgeward_core::cookie::{Environment, SameSite};

/// `[cookies]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cookies {
    /// The domain that shares the cookies with its subdomains; `None` binds them to one host.
    pub parent_domain: Option<String>,
    /// With which requests of other sites they go along; `None` for what the environment says.
    pub same_site: Option<SameSite>,
}

impl Cookies {
    /// What a browser is told.
    #[must_use]
    pub fn same_site_in(&self, environment: Environment) -> SameSite {
        self.same_site.unwrap_or(match environment {
            Environment::Production | Environment::Development => SameSite::Lax,
            Environment::Preview => SameSite::None,
        })
    }
}

/// The word of the settings.
pub(super) const fn name_of(same_site: SameSite) -> &'static str {
    match same_site {
        SameSite::Strict => "strict",
        SameSite::Lax => "lax",
        SameSite::None => "none",
    }
}

/// What the word of the settings means.
pub(super) fn named(name: &str) -> Option<SameSite> {
    [SameSite::Strict, SameSite::Lax, SameSite::None]
        .into_iter()
        .find(|same_site| name_of(*same_site) == name)
}
