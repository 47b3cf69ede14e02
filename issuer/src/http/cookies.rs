//! The cookies of a session: what a request brought, and what an answer sets.
//!
//! | cookie | path | life | purpose |
//! |---|---|---|---|
//! | session | `/` | 12 hours, ended by the issuer after 30 minutes without use | the issuer's own pages, acts upon the account |
//! | access | `/` | 10 minutes, as the token in it | what the edge judges |
//! | refresh | `/` | 14 days, anew at each refresh, 90 days at most | is exchanged for a new access token |
//! | csrf | `/` | two days | one half of the double submit |
//! | device | `/` | 400 days, anew at each sign-in | says that it is the same browser; opens nothing, and stays at sign-out |
//!
//! None can be read by scripts. Names, prefixes and attributes follow the environment (`edgeward_core::cookie`).

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use edgeward_core::{
    cookie::{CookieHeader, CookieNames, Environment, SetCookie},
    gate::Credential,
};
use zeroize::Zeroizing;

use super::problem::ApiError;
use crate::{config::Config, domain::device::DeviceSecret};

/// As long as browsers keep a cookie at all (RFC 6265bis, section 5.5).
const DEVICE_SECONDS: i64 = 400 * 24 * 3600;

/// A CSRF token is good on its day and on the next.
const CSRF_SECONDS: i64 = edgeward_core::csrf::TOKEN_LIFE_SECONDS;

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The browser session.
    Session,
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// The CSRF token.
    Csrf,
    /// The device.
    Device,
}

impl Purpose {
    /// Those of a sign-in, which end with it.
    pub const OF_A_SIGN_IN: [Self; 4] = [Self::Session, Self::Access, Self::Refresh, Self::Csrf];

    fn name(self, config: &Config) -> String {
        let names = names(config);
        match self {
            Self::Session => names.session,
            Self::Access => names.access,
            Self::Refresh => names.refresh,
            Self::Csrf => names.csrf,
            Self::Device => names.device,
        }
    }
}

/// The names of the cookies, by the environment.
#[must_use]
pub fn names(config: &Config) -> CookieNames {
    CookieNames::for_environment(config.environment, config.cookies.parent_domain.is_some())
}

/// The credentials of a request. An empty cookie is none.
pub struct Presented {
    /// The session cookie.
    pub session: Option<Zeroizing<String>>,
    /// The access token from its cookie.
    pub access: Option<Zeroizing<String>>,
    /// The refresh token from its cookie.
    pub refresh: Option<Zeroizing<String>>,
    /// The CSRF token from its cookie.
    pub csrf: Option<String>,
    /// The device, if its cookie has the form of ours.
    pub device: Option<DeviceSecret>,
    /// The access token from `Authorization`.
    pub bearer: Option<Zeroizing<String>>,
}

impl Presented {
    /// Reads `Cookie` and `Authorization`.
    ///
    /// # Errors
    /// [`ApiError::AmbiguousCredentials`] when one of our cookies occurs twice or in a shadow, `Authorization` occurs
    /// twice or cannot be read, or it names another access token than the cookie.
    pub fn read(headers: &HeaderMap, config: &Config) -> Result<Self, ApiError> {
        // Other cookies may hold any octets; ours are ASCII, and a replaced octet equals none of theirs.
        let lossy = |name| -> Vec<_> {
            let values = headers.get_all(name).iter();
            values
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect()
        };
        let (cookies, authorization) = (lossy(header::COOKIE), lossy(header::AUTHORIZATION));
        let cookies: Vec<&str> = cookies.iter().map(AsRef::as_ref).collect();
        let authorization: Vec<&str> = authorization.iter().map(AsRef::as_ref).collect();
        let cookies = CookieHeader::parse(&cookies);
        let names = names(config);

        let credential = Credential::from_headers(&authorization, &cookies, &names);
        let read = |name: &str| -> Result<Option<String>, ApiError> {
            let value = cookies
                .get(name)
                .map_err(|_| ApiError::AmbiguousCredentials)?;
            Ok(value.filter(|value| !value.is_empty()).map(str::to_owned))
        };
        let access = read(&names.access)?.map(Zeroizing::new);
        let bearer = match credential {
            Credential::Ambiguous => return Err(ApiError::AmbiguousCredentials),
            Credential::Token(token) if !authorization.is_empty() && access.is_none() => {
                Some(Zeroizing::new(token.to_owned()))
            }
            Credential::Token(_) | Credential::None => None,
        };
        Ok(Self {
            session: read(&names.session)?.map(Zeroizing::new),
            refresh: read(&names.refresh)?.map(Zeroizing::new),
            csrf: read(&names.csrf)?,
            device: read(&names.device)?.and_then(|value| DeviceSecret::from_cookie(&value)),
            access,
            bearer,
        })
    }

    /// Whether the browser sent something by itself that makes the request somebody's. The CSRF cookie and the device
    /// cookie do not.
    #[must_use]
    pub fn has_credential_cookie(&self) -> bool {
        self.session.is_some() || self.access.is_some() || self.refresh.is_some()
    }
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("session", &self.session.is_some())
            .field("access", &self.access.is_some())
            .field("refresh", &self.refresh.is_some())
            .field("csrf", &self.csrf.is_some())
            .field("device", &self.device.is_some())
            .field("bearer", &self.bearer.is_some())
            .finish()
    }
}

/// A cookie of ours with a value for so many seconds.
#[must_use]
pub fn set(config: &Config, purpose: Purpose, value: &str, seconds: i64) -> SetCookie {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    bare(config, purpose, value).max_age(seconds)
}

/// The CSRF cookie.
#[must_use]
pub fn set_csrf(config: &Config, token: &str) -> SetCookie {
    set(config, Purpose::Csrf, token, CSRF_SECONDS)
}

/// The device cookie.
#[must_use]
pub fn set_device(config: &Config, device: &DeviceSecret) -> SetCookie {
    set(config, Purpose::Device, device.reveal(), DEVICE_SECONDS)
}

/// The removal of all cookies of a sign-in. The device cookie stays: it is the browser's and not the person's.
pub fn expire_all(config: &Config) -> impl Iterator<Item = SetCookie> {
    Purpose::OF_A_SIGN_IN
        .into_iter()
        .map(|purpose| bare(config, purpose, "").expired())
}

/// Takes away the access cookie that came along and opens nothing here. An edge may take it for good until its feed or its end says
/// otherwise; meanwhile it would lead whoever is sent to the sign-in page straight back.
///
/// # Errors
/// As [`append`].
pub fn forget_access(
    config: &Config,
    presented: &Presented,
    response: &mut Response,
) -> Result<(), ApiError> {
    let came = presented.access.as_ref();
    let removal = came.map(|_| bare(config, Purpose::Access, "").expired());
    append(response, removal)
}

fn bare(config: &Config, purpose: Purpose, value: &str) -> SetCookie {
    let same_site = config.cookies.same_site_in(config.environment);
    let cookie = SetCookie::for_environment(config.environment, purpose.name(config), value)
        .same_site(same_site);
    match (config.environment, &config.cookies.parent_domain) {
        (Environment::Production, Some(domain)) => cookie.domain(domain.as_str()),
        (Environment::Production | Environment::Preview | Environment::Development, _) => cookie,
    }
}

/// Puts cookies into an answer, each in a header of its own.
///
/// # Errors
/// When a browser would refuse a cookie as it is configured.
pub fn append(
    response: &mut Response,
    cookies: impl IntoIterator<Item = SetCookie>,
) -> Result<(), ApiError> {
    for cookie in cookies {
        let value = cookie.header_value().map_err(ApiError::internal)?;
        let mut value = HeaderValue::try_from(value).map_err(ApiError::internal)?;
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use edgeward_core::cookie::SameSite;

    use super::*;

    #[test]
    fn attributes_follow_the_environment() {
        let rows = [
            (
                Environment::Production,
                None,
                "__Host-edgeward-session=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
            ),
            (
                Environment::Production,
                Some("example.com"),
                "__Secure-edgeward-session=v; Path=/; Domain=example.com; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
            ),
            (
                Environment::Preview,
                None,
                "__Host-edgeward-session=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=None",
            ),
            (
                Environment::Preview,
                Some("example.com"),
                "__Host-edgeward-session=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=None",
            ),
            (
                Environment::Development,
                None,
                "edgeward-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
            ),
            (
                Environment::Development,
                Some("example.com"),
                "edgeward-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
            ),
        ];
        for (environment, parent_domain, expected) in rows {
            let mut config = Config::defaults(Path::new("unused"));
            config.environment = environment;
            config.cookies.parent_domain = parent_domain.map(str::to_owned);
            let cookie = set(&config, Purpose::Session, "v", 60).header_value();
            assert_eq!(cookie.as_deref(), Ok(expected));
            for removal in expire_all(&config) {
                let removal = removal.header_value().unwrap();
                assert!(removal.contains("Max-Age=0"), "{removal}");
                assert_eq!(
                    removal.contains("Domain="),
                    expected.contains("Domain="),
                    "{removal}"
                );
            }
        }
    }

    #[test]
    fn same_site_is_as_configured_on_every_cookie() {
        for (environment, same_site, expected) in [
            (Environment::Production, SameSite::Lax, "; SameSite=Lax"),
            (
                Environment::Production,
                SameSite::Strict,
                "; SameSite=Strict",
            ),
            (Environment::Production, SameSite::None, "; SameSite=None"),
            (Environment::Preview, SameSite::Strict, "; SameSite=Strict"),
            (Environment::Preview, SameSite::Lax, "; SameSite=Lax"),
            (
                Environment::Development,
                SameSite::Strict,
                "; SameSite=Strict",
            ),
        ] {
            let mut config = Config::defaults(Path::new("unused"));
            config.environment = environment;
            config.cookies.same_site = Some(same_site);
            let set = Purpose::OF_A_SIGN_IN
                .into_iter()
                .chain([Purpose::Device])
                .map(|purpose| set(&config, purpose, "v", 60));
            for cookie in set.chain(expire_all(&config)) {
                let line = cookie.header_value().unwrap();
                assert!(line.ends_with(expected), "{environment}: {line}");
            }
        }
    }

    fn read(headers: &[(&'static str, &'static str)]) -> Result<Presented, ApiError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Presented::read(&map, &Config::defaults(Path::new("unused")))
    }

    #[test]
    fn reads_each_credential_and_refuses_two_of_one() {
        let presented = read(&[
            ("cookie", "a=1; edgeward-session=s; edgeward-access=x"),
            ("cookie", "edgeward-refresh=r; edgeward-csrf="),
        ])
        .unwrap();
        assert_eq!(presented.session.as_deref().map(String::as_str), Some("s"));
        assert_eq!(presented.access.as_deref().map(String::as_str), Some("x"));
        assert_eq!(presented.refresh.as_deref().map(String::as_str), Some("r"));
        assert_eq!(presented.csrf, None, "an empty cookie is none");
        assert!(presented.bearer.is_none() && presented.has_credential_cookie());

        let bearer = read(&[
            ("authorization", "Bearer abc"),
            ("cookie", "edgeward-csrf=c"),
        ])
        .unwrap();
        assert_eq!(bearer.bearer.as_deref().map(String::as_str), Some("abc"));
        assert!(!bearer.has_credential_cookie());

        for ambiguous in [
            vec![("cookie", "edgeward-session=s; edgeward-session=s")],
            vec![
                ("cookie", "edgeward-refresh=s"),
                ("cookie", "edgeward-refresh=t"),
            ],
            vec![("cookie", "edgeward-csrf=s; edgeward-csrf=t")],
            vec![("authorization", "Bearer a"), ("authorization", "Bearer a")],
            vec![
                ("authorization", "Bearer a"),
                ("cookie", "edgeward-access=b"),
            ],
            vec![("authorization", "Bearer a b")],
        ] {
            let answer = read(&ambiguous);
            assert!(
                matches!(answer, Err(ApiError::AmbiguousCredentials)),
                "{ambiguous:?}"
            );
        }
    }
}
