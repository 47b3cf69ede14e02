//! The Worker's settings, read from its bindings once per isolate.
//!
//! Broken settings are a value too: they name the binding for the log, and every request is refused until the deployment
//! is repaired. Nothing is guessed and nothing has a default that weakens the gate. Values of secrets never leave here.

mod origin;
mod cookies;
mod patience;

use std::net::IpAddr;
use std::str::FromStr as _;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edgeward_core::cookie::{CookieNames, Environment};
use edgeward_core::gate::{Client, Policy, PolicyState};
use edgeward_core::origin::is_serialised;
use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType};
use edgeward_core::{bundle, revocation};

pub(super) use origin::Origin;

use cookies::{refuse_foreign_domain, refuse_open_development};
use patience::{app_patience, form_patience};

use super::keys::Seal;
use super::request::Inbound;
use super::response_headers::is_header_name;

/// What every request of this isolate is judged and forwarded by.
pub(super) struct Settings {
    /// Decides cookie names and which headers are sent.
    pub(super) environment: Environment,
    /// The issuer identifier (`iss`), which is also the public origin of the site.
    pub(super) issuer: Origin,
    /// Where the issuer is reached.
    pub(super) issuer_upstream: Origin,
    /// Where the app is reached.
    pub(super) app_upstream: Origin,
    /// The audience of access tokens and of assertions: the app.
    pub(super) audience: String,
    /// The routes; a broken policy refuses everything by itself.
    pub(super) policy: PolicyState,
    /// What an access token must say.
    pub(super) expect: Expectations,
    /// What a page of the feed of ended sessions must say.
    pub(super) expect_feed: Expectations,
    /// What the edge bundle must say.
    pub(super) expect_bundle: Expectations,
    /// The names of our cookies here.
    pub(super) cookies: CookieNames,
    /// What this edge proves itself with.
    pub(super) identity: EdgeIdentity,
    /// The header in which the platform says who the client is, lower case; without one, no address is believed.
    pub(super) client_address_header: Option<String>,
    /// Whether the requests of the edge's own machine are counted too.
    pub(super) counts_own_machine: bool,
    /// How many milliseconds the app may take until its answer begins; `None` leaves that to the platform.
    pub(super) app_patience: Option<u32>,
    /// How many milliseconds a form may take to arrive that is read before it goes on.
    pub(super) form_patience: u32,
}

/// The enrolled edge: its name and its own key.
pub(super) struct EdgeIdentity {
    /// As enrolled at the issuer.
    pub(super) name: String,
    /// Signs proofs for the issuer and assertions for the app.
    pub(super) key: SigningKey,
    /// Seals what isolates of this edge hand to one another.
    pub(super) seal: Seal,
}

/// Which binding is wrong, and how. It says nothing about the value that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BrokenSettings {
    /// The binding's name.
    pub(super) binding: &'static str,
    /// What it should be.
    pub(super) problem: &'static str,
}

/// Because the issuer enrols no longer one.
const MAX_EDGE_NAME_LENGTH: usize = 32;
/// An Ed25519 seed (RFC 8032, section 5.1.5).
const SEED_LENGTH: usize = 32;

impl Settings {
    /// Reads every binding through `lookup`, which answers `None` for one that is not bound.
    ///
    /// # Errors
    /// The first binding that is missing or wrong.
    pub(super) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BrokenSettings> {
        let required = |binding: &'static str| {
            lookup(binding)
                .filter(|value| !value.is_empty())
                .ok_or(BrokenSettings {
                    binding,
                    problem: "is not bound",
                })
        };
        let origin = |binding: &'static str| {
            Origin::from_str(&required(binding)?).map_err(|_| BrokenSettings {
                binding,
                problem: "must be an origin: http(s)://host[:port], without a path",
            })
        };

        let environment = required("EDGEWARD_ENVIRONMENT")?
            .parse::<Environment>()
            .map_err(|_| BrokenSettings {
                binding: "EDGEWARD_ENVIRONMENT",
                problem: "must be production, preview or development",
            })?;
        let issuer = origin("ISSUER")?;
        if !is_serialised(issuer.as_str()) {
            return Err(BrokenSettings {
                binding: "ISSUER",
                problem: "must be an origin as browsers write it, without the port that is the scheme's own",
            });
        }
        let issuer_upstream = origin("ISSUER_ORIGIN")?;
        let app_upstream = origin("APP_ORIGIN")?;
        refuse_plain_http(environment, &issuer, &issuer_upstream, &app_upstream)?;
        refuse_open_development(environment, &issuer)?;

        let audience = required("AUDIENCE")?;
        let identity = EdgeIdentity::from_secret(&required("EDGE_KEY")?)?;
        let policy = match Policy::parse_without_tests(&required("GATE_POLICY")?) {
            Ok(policy) => PolicyState::Ready(policy),
            Err(error) => PolicyState::Broken(error),
        };
        let parent_domain = lookup("COOKIE_PARENT_DOMAIN").filter(|domain| !domain.is_empty());
        refuse_foreign_domain(parent_domain.as_deref(), &issuer)?;
        let expect = Expectations::new(
            issuer.as_str().to_owned(),
            Audiences::OneOf(vec![audience.clone()]),
            TokenType::Access,
        );
        let expect_feed = revocation::expectations(issuer.as_str(), &audience);
        let expect_bundle = bundle::expectations(issuer.as_str(), &audience);
        Ok(Self {
            environment,
            issuer,
            issuer_upstream,
            app_upstream,
            audience,
            policy,
            expect,
            expect_feed,
            cookies: CookieNames::for_environment(environment, parent_domain.is_some()),
            expect_bundle,
            identity,
            client_address_header: client_address_header(lookup("CLIENT_ADDRESS_HEADER"))?,
            counts_own_machine: limit_loopback(lookup("LIMIT_LOOPBACK"))?,
            app_patience: app_patience(lookup("APP_TIMEOUT_SECONDS"))?,
            form_patience: form_patience(lookup("FORM_TIMEOUT_SECONDS"))?,
        })
    }

    /// Where the client is, by the headers that are read before a request is judged.
    pub(super) fn client(&self, inbound: &Inbound) -> Client {
        match &self.client_address_header {
            None if self.environment == Environment::Development => Client::OwnMachine,
            None => Client::Untold,
            Some(name) => inbound
                .header(name)
                .and_then(address)
                .map_or(Client::Unnamed, Client::At),
        }
    }

    /// The client's address as the platform reports it; what is not an address is none.
    pub(super) fn client_address(&self, header: impl Fn(&str) -> Option<String>) -> Option<IpAddr> {
        let name = self.client_address_header.as_deref()?;
        address(&header(name)?)
    }
}

#[inline(never)]
fn address(said: &str) -> Option<IpAddr> {
    said.trim().parse().ok()
}

/// In production tokens and cookies must not cross a network in the clear. Loopback is no network.
fn refuse_plain_http(
    environment: Environment,
    issuer: &Origin,
    issuer_upstream: &Origin,
    app_upstream: &Origin,
) -> Result<(), BrokenSettings> {
    if environment != Environment::Production {
        return Ok(());
    }
    if !issuer.is_https() {
        return Err(BrokenSettings {
            binding: "ISSUER",
            problem: "must be https in production",
        });
    }
    for (binding, upstream) in [
        ("ISSUER_ORIGIN", issuer_upstream),
        ("APP_ORIGIN", app_upstream),
    ] {
        if !upstream.is_https() && !upstream.is_loopback() {
            return Err(BrokenSettings {
                binding,
                problem: "must be https in production, unless it is on loopback",
            });
        }
    }
    Ok(())
}

/// Whether the edge's own machine is counted. A misspelt word would leave everybody behind a proxy of this machine uncounted.
fn limit_loopback(bound: Option<String>) -> Result<bool, BrokenSettings> {
    match bound.as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(BrokenSettings {
            binding: "LIMIT_LOOPBACK",
            problem: "must be \"true\" or \"false\"",
        }),
    }
}

/// There is no default: whether a platform drops what a client sent under a name is known to whoever deploys, and nobody
/// else.
fn client_address_header(bound: Option<String>) -> Result<Option<String>, BrokenSettings> {
    let Some(name) = bound.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if is_header_name(&name) {
        Ok(Some(name.to_ascii_lowercase()))
    } else {
        Err(BrokenSettings {
            binding: "CLIENT_ADDRESS_HEADER",
            problem: "must be the name of a header",
        })
    }
}

impl EdgeIdentity {
    /// Reads `edge1.<name>.<base64url of a 32-byte seed>`, as `edgeward edge enroll` prints it.
    fn from_secret(secret: &str) -> Result<Self, BrokenSettings> {
        let broken = BrokenSettings {
            binding: "EDGE_KEY",
            problem: "must be the secret that `edgeward edge enroll` printed: edge1.<name>.<43 characters>",
        };
        let mut parts = secret.trim().split('.');
        let (Some("edge1"), Some(name), Some(seed), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(broken);
        };
        let named = (1..=MAX_EDGE_NAME_LENGTH).contains(&name.len())
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let mut bytes = [0; SEED_LENGTH];
        let decoded = Base64UrlUnpadded::decode(seed, &mut bytes)
            .is_ok_and(|decoded| decoded.len() == SEED_LENGTH);
        match SigningKey::from_seed(&bytes) {
            Ok(key) if named && decoded => Ok(Self {
                name: name.to_owned(),
                key,
                seal: Seal::of(&bytes),
            }),
            Ok(_) | Err(_) => Err(broken),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const GOOD: [(&str, &str); 7] = [
        ("EDGEWARD_ENVIRONMENT", "production"),
        ("ISSUER", "https://app.test"),
        ("ISSUER_ORIGIN", "https://issuer.internal.test"),
        ("APP_ORIGIN", "http://127.0.0.1:3000"),
        ("AUDIENCE", "https://app.test"),
        (
            "EDGE_KEY",
            "edge1.berlin-1.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        ),
        (
            "GATE_POLICY",
            "version = 1\n[[route]]\npath = \"/\"\nallow = \"public\"\n",
        ),
    ];

    /// Settings that differ from a good production deployment by the given bindings; an empty value unbinds one.
    pub(in super::super) fn settings_with(
        changes: &[(&str, &str)],
    ) -> Result<Settings, BrokenSettings> {
        Settings::read(|name| {
            let bound = changes
                .iter()
                .chain(&GOOD)
                .find(|(binding, _)| *binding == name);
            bound.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_complete_deployment_is_read() {
        let settings = settings_with(&[]).ok().unwrap();
        assert_eq!(settings.environment, Environment::Production);
        assert_eq!(settings.issuer.as_str(), "https://app.test");
        assert_eq!(settings.identity.name, "berlin-1");
        assert_eq!(settings.cookies.access, "__Host-edgeward-access");
        assert_eq!(settings.client_address_header, None);
        assert!(matches!(settings.policy, PolicyState::Ready(_)));
    }

    #[test]
    fn a_parent_domain_changes_the_cookie_names() {
        let settings = settings_with(&[("COOKIE_PARENT_DOMAIN", "app.test")])
            .ok()
            .unwrap();
        assert_eq!(settings.cookies.access, "__Secure-edgeward-access");
    }

    #[test]
    fn a_broken_policy_is_a_state_and_not_a_broken_deployment() {
        let settings = settings_with(&[("GATE_POLICY", "version = \"one\"")])
            .ok()
            .unwrap();
        assert!(matches!(settings.policy, PolicyState::Broken(_)));
    }

    #[test]
    fn every_broken_binding_is_named() {
        for (binding, value) in [
            ("EDGEWARD_ENVIRONMENT", ""),
            ("EDGEWARD_ENVIRONMENT", "prod"),
            ("ISSUER", ""),
            ("ISSUER", "app.test"),
            ("ISSUER", "https://app.test/path"),
            ("ISSUER", "https://app.test:443"),
            ("ISSUER", "https://app..test"),
            ("ISSUER", "http://app.test"),
            ("ISSUER", "http://127.0.0.1:8787"),
            ("ISSUER_ORIGIN", ""),
            ("ISSUER_ORIGIN", "http://issuer.internal.test"),
            ("APP_ORIGIN", ""),
            ("APP_ORIGIN", "http://127.0.0.1.evil.test"),
            ("AUDIENCE", ""),
            ("EDGE_KEY", ""),
            ("EDGE_KEY", "edge1.berlin"),
            (
                "EDGE_KEY",
                "edge2.berlin.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
            ),
            (
                "EDGE_KEY",
                "edge1..AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
            ),
            (
                "EDGE_KEY",
                "edge1.Berlin.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
            ),
            (
                "EDGE_KEY",
                "edge1.berlin.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ",
            ),
            (
                "EDGE_KEY",
                "edge1.berlin.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE.x",
            ),
            (
                "EDGE_KEY",
                "edge1.berlin.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ),
            ("GATE_POLICY", ""),
            ("CLIENT_ADDRESS_HEADER", "x forwarded for"),
            ("COOKIE_PARENT_DOMAIN", "test"),
            ("COOKIE_PARENT_DOMAIN", "example.com"),
            ("COOKIE_PARENT_DOMAIN", ".app.test"),
            ("COOKIE_PARENT_DOMAIN", "pp.test"),
            ("COOKIE_PARENT_DOMAIN", "www.app.test"),
            ("APP_TIMEOUT_SECONDS", "-1"),
            ("APP_TIMEOUT_SECONDS", "soon"),
            ("APP_TIMEOUT_SECONDS", "3601"),
            ("FORM_TIMEOUT_SECONDS", "0"),
            ("FORM_TIMEOUT_SECONDS", "301"),
            ("LIMIT_LOOPBACK", "True"),
            ("LIMIT_LOOPBACK", "1"),
        ] {
            let broken = settings_with(&[(binding, value)]).err();
            assert_eq!(
                broken.map(|broken| broken.binding),
                Some(binding),
                "{binding}={value}"
            );
        }
    }

    #[test]
    fn no_header_says_who_the_client_is_unless_the_deployment_names_it() {
        for (bound, believed) in [
            ("", None),
            ("cf-connecting-ip", Some("203.0.113.7")),
            ("CF-Connecting-IP", Some("203.0.113.7")),
            ("x-real-ip", None),
        ] {
            let settings = settings_with(&[("CLIENT_ADDRESS_HEADER", bound)])
                .ok()
                .unwrap();
            let address = settings.client_address(|name| {
                (name == "cf-connecting-ip").then(|| "203.0.113.7".to_owned())
            });
            assert_eq!(
                address.map(|address| address.to_string()).as_deref(),
                believed,
                "{bound}"
            );
        }
    }

    #[test]
    fn the_client_address_is_an_address_or_nothing() {
        let settings = settings_with(&[("CLIENT_ADDRESS_HEADER", "X-Real-IP")])
            .ok()
            .unwrap();
        for (header, expected) in [
            ("203.0.113.7", Some("203.0.113.7")),
            (" 2001:db8::1 ", Some("2001:db8::1")),
            ("203.0.113.7, 10.0.0.1", None),
            ("", None),
        ] {
            let address =
                settings.client_address(|name| (name == "x-real-ip").then(|| header.to_owned()));
            assert_eq!(
                address.map(|address| address.to_string()).as_deref(),
                expected,
                "{header}"
            );
        }
    }
}
