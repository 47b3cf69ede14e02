//! Our five cookies: their names in each environment, reading them strictly, removing them from what is forwarded, and
//! writing `Set-Cookie`.
//!
//! | cookie | production, preview | with a parent domain | development | what it holds |
//! |---|---|---|---|---|
//! | session | `__Host-edgeward-session` | `__Secure-edgeward-session` | `edgeward-session` | an opaque id |
//! | access | `__Host-edgeward-access` | `__Secure-edgeward-access` | `edgeward-access` | the access token |
//! | refresh | `__Host-edgeward-refresh` | `__Secure-edgeward-refresh` | `edgeward-refresh` | the refresh token |
//! | csrf | `__Host-edgeward-csrf` | `__Secure-edgeward-csrf` | `edgeward-csrf` | the double-submit token |
//! | device | `__Host-edgeward-device` | `__Secure-edgeward-device` | `edgeward-device` | an opaque id, which opens nothing |
//!
//! This module knows nothing about what a cookie's value means.

mod received;
mod set;

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use received::{CookieHeader, DuplicateCookie};
pub use set::{BadCookie, SameSite, SetCookie};

/// Where the system runs; it decides the cookies' names and attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// `Secure; HttpOnly; SameSite=Lax` unless `cookies.same_site` says otherwise, host-only names with `__Host-` unless a parent domain is configured.
    Production,
    /// Like production, with `SameSite=None`, so that it works in frames of preview tools; always host-only, because
    /// preview hosts share their parent domain with strangers.
    Preview,
    /// No prefix and no `Secure`: plain HTTP on localhost.
    Development,
}

impl fmt::Display for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Production => "production",
            Self::Preview => "preview",
            Self::Development => "development",
        })
    }
}

/// The text names no environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEnvironment;

impl fmt::Display for UnknownEnvironment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("expected \"production\", \"preview\" or \"development\"")
    }
}

impl core::error::Error for UnknownEnvironment {}

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "production" => Ok(Self::Production),
            "preview" => Ok(Self::Preview),
            "development" => Ok(Self::Development),
            _ => Err(UnknownEnvironment),
        }
    }
}

/// The names of our cookies. Edge and issuer make them from the same two facts and so agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    /// The session cookie.
    pub session: String,
    /// The access token's cookie, the credential that the gate judges.
    pub access: String,
    /// The refresh token's cookie.
    pub refresh: String,
    /// The CSRF token's cookie.
    pub csrf: String,
    /// The cookie by which the issuer knows a browser again; it opens nothing.
    pub device: String,
}

impl CookieNames {
    /// The names that any setting gives. Browsers go on sending the cookies of an earlier one, and these are good for as long as
    /// their sessions; so the app receives none of them.
    pub const OF_EVERY_SETTING: [&str; 15] = [
        "__Host-edgeward-session",
        "__Host-edgeward-access",
        "__Host-edgeward-refresh",
        "__Host-edgeward-csrf",
        "__Host-edgeward-device",
        "__Secure-edgeward-session",
        "__Secure-edgeward-access",
        "__Secure-edgeward-refresh",
        "__Secure-edgeward-csrf",
        "__Secure-edgeward-device",
        "edgeward-session",
        "edgeward-access",
        "edgeward-refresh",
        "edgeward-csrf",
        "edgeward-device",
    ];

    /// The names for an environment. `parent_domain` says that production's cookies are shared between subdomains of a
    /// configured domain, which `__Host-` forbids; preview and development ignore it.
    #[must_use]
    pub fn for_environment(environment: Environment, parent_domain: bool) -> Self {
        let prefix = match environment {
            Environment::Production if parent_domain => "__Secure-",
            Environment::Production | Environment::Preview => "__Host-",
            Environment::Development => "",
        };
        let name = |purpose: &str| format!("{prefix}edgeward-{purpose}");
        Self {
            session: name("session"),
            access: name("access"),
            refresh: name("refresh"),
            csrf: name("csrf"),
            device: name("device"),
        }
    }

    /// Those whose cookies let somebody act. The others prove nothing by themselves.
    #[must_use]
    pub fn acting(&self) -> [&str; 3] {
        [&self.session, &self.access, &self.refresh]
    }

    /// All five names.
    #[must_use]
    pub fn all(&self) -> [&str; 5] {
        [
            &self.session,
            &self.access,
            &self.refresh,
            &self.csrf,
            &self.device,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_environment() {
        for (environment, parent_domain, access) in [
            (Environment::Production, false, "__Host-edgeward-access"),
            (Environment::Production, true, "__Secure-edgeward-access"),
            (Environment::Preview, false, "__Host-edgeward-access"),
            (Environment::Preview, true, "__Host-edgeward-access"),
            (Environment::Development, true, "edgeward-access"),
        ] {
            assert_eq!(
                CookieNames::for_environment(environment, parent_domain).access,
                access
            );
        }
    }

    #[test]
    fn the_names_of_every_setting_are_known() {
        let mut given = alloc::vec::Vec::new();
        for environment in [
            Environment::Production,
            Environment::Preview,
            Environment::Development,
        ] {
            for parent_domain in [false, true] {
                let names = CookieNames::for_environment(environment, parent_domain);
                given.extend(names.all().map(String::from));
            }
        }
        given.sort();
        given.dedup();
        let mut known = CookieNames::OF_EVERY_SETTING;
        known.sort_unstable();
        assert_eq!(given, known);
    }

    #[test]
    fn an_environment_is_read_as_it_is_written() {
        for environment in [
            Environment::Production,
            Environment::Preview,
            Environment::Development,
        ] {
            let text = format!("{environment}");
            assert_eq!(text.parse(), Ok(environment));
            assert_eq!(
                serde_json::to_string(&environment).unwrap(),
                format!("\"{text}\"")
            );
        }
        assert_eq!("Production".parse::<Environment>(), Err(UnknownEnvironment));
    }
}
