//! What settings must be to each other, and what production does not allow.

use std::{collections::BTreeSet, net::IpAddr};

use axum::http::Uri;
use edgeward_core::cookie::{Environment, SameSite};
use ipnet::IpNet;

use super::{
    ClientAddressHeader, Config, Database, LogFormat, Mistake, Origin, RedisUrl, audiences,
    authority::is_this_machine, read_policy,
};

/// The cost below which a stolen table of hashes is guessed too cheaply: OWASP's first parameter set for Argon2id, in
/// KiB of memory for one pass.
const PRODUCTION_ARGON2_MEMORY_KIB: u32 = 46 * 1024;

/// The least length of passwords in production: between the 8 and the 15 characters that NIST SP 800-63B-4 asks of a
/// password beside a second factor and of one that stands alone.
const PRODUCTION_PASSWORD_LENGTH: usize = 12;

/// The widest networks of proxies in production, which are the private ones: 10.0.0.0/8 (RFC 1918) and fc00::/7 (RFC 4193).
const PRODUCTION_PROXY_PREFIX_V4: u8 = 8;
const PRODUCTION_PROXY_PREFIX_V6: u8 = 7;

/// Names that no public site has (RFC 6761 and RFC 2606).
const NOT_PUBLIC: [&str; 4] = ["localhost", "test", "invalid", "example"];

struct Findings<'a> {
    origins: &'a [(&'static str, Origin)],
    broken: &'a BTreeSet<&'static str>,
    mistakes: &'a mut Vec<Mistake>,
}

impl Findings<'_> {
    /// Says what is wrong with a setting, unless its value is not known: then the complaint would be about a default.
    fn add(&mut self, key: &'static str, message: impl Into<String>) {
        self.add_against(key, &[], message);
    }

    /// The same of a setting that does not go with others, unless any of their values is not known.
    fn add_against(
        &mut self,
        key: &'static str,
        others: &[&'static str],
        message: impl Into<String>,
    ) {
        if self.broken.contains(key) || others.iter().any(|other| self.broken.contains(other)) {
            return;
        }
        let origin = self
            .origins
            .iter()
            .find(|(known, _)| *known == key)
            .map_or(Origin::Default, |(_, origin)| origin.clone());
        self.mistakes.push(Mistake {
            origin,
            key: Some(key.to_owned()),
            message: message.into(),
        });
    }

    /// The one of two settings that was set.
    fn set_of(&self, [first, second]: [&'static str; 2]) -> &'static str {
        let is_set = |(key, origin): &(&str, Origin)| *key == first && *origin != Origin::Default;
        if self.origins.iter().any(is_set) {
            first
        } else {
            second
        }
    }
}

/// Adds everything that does not fit.
pub(super) fn judge(
    config: &Config,
    origins: &[(&'static str, Origin)],
    broken: &BTreeSet<&'static str>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut findings = Findings {
        origins,
        broken,
        mistakes,
    };
    let site = judge_url(config, &mut findings);
    if let Some(site) = &site {
        judge_parent_domain(config, site, &mut findings);
    }
    if let (Environment::Development, Some(site)) = (config.environment, &site) {
        judge_development(site, &mut findings);
    }
    judge_same_site(config, &mut findings);
    judge_lives(config, &mut findings);
    if let Some(why) = audiences::contradiction(config) {
        findings.add_against("custody.signing", &["tokens.algorithm"], why);
    }
    judge_metrics(config, &mut findings);
    judge_forward_auth(config, &mut findings);
    judge_redis(config, &mut findings);
    judge_proxies(config, &mut findings);
    judge_captcha(config, &mut findings);
    if let (Environment::Production, Some(site)) = (config.environment, &site) {
        judge_production(config, site, &mut findings);
    }
}

/// The parts of the issuer's URL that other settings are held against.
struct Site {
    host: String,
}

fn judge_url(config: &Config, findings: &mut Findings<'_>) -> Option<Site> {
    const KEY: &str = "issuer.url";
    let url = &config.issuer.url;
    let parsed = url.parse::<Uri>().ok();
    let parts = parsed
        .as_ref()
        .and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
    let Some((scheme, authority)) = parts else {
        findings.add(KEY, "must be an origin, as https://www.example.com");
        return None;
    };
    // `iss` is compared octet by octet everywhere, so there is one spelling of it.
    if *url != format!("{scheme}://{authority}") || authority.as_str().contains('@') {
        findings.add(
            KEY,
            "must be an origin only: no path, no final slash, no query and no name or password",
        );
        return None;
    }
    let default_port = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    if authority.as_str().ends_with(':') || authority.as_str().ends_with(default_port) {
        findings.add(
            KEY,
            format!("must be without {default_port}: browsers leave it out of `Origin`, so no form would pass"),
        );
    }
    if url.bytes().any(|byte| byte.is_ascii_uppercase()) {
        findings.add(KEY, "must be in lower case");
    }
    match (scheme, config.environment) {
        ("https", _) | ("http", Environment::Development) => {}
        ("http", Environment::Production | Environment::Preview) => findings.add_against(
            KEY,
            &["environment"],
            format!(
                "must begin with https:// in {}: its cookies are never sent over http",
                config.environment
            ),
        ),
        (_, _) => findings.add(KEY, "must begin with https://"),
    }
    Some(Site {
        host: authority.host().to_owned(),
    })
}

/// The Worker judges its `ISSUER` alike. A URL that is wrong in itself has to be written anew anyway.
fn judge_development(site: &Site, findings: &mut Findings<'_>) {
    const KEY: &str = "issuer.url";
    let mut mistakes = findings.mistakes.iter();
    let is_wrong = mistakes.any(|mistake| mistake.key.as_deref() == Some(KEY));
    let host = site.host.trim_start_matches('[').trim_end_matches(']');
    if is_wrong || is_this_machine(host) {
        return;
    }
    findings.add_against(
        KEY,
        &["environment"],
        "must be on this machine in development, as http://127.0.0.1:8787: its cookies have no prefix and cross the network in the clear; the other environments are production and preview",
    );
}

fn judge_same_site(config: &Config, findings: &mut Findings<'_>) {
    if config.cookies.same_site == Some(SameSite::None)
        && config.environment == Environment::Development
    {
        findings.add_against(
            "cookies.same_site",
            &["environment"],
            "none demands Secure, which cookies are not in development: no browser would keep them",
        );
    }
}

fn judge_parent_domain(config: &Config, site: &Site, findings: &mut Findings<'_>) {
    const KEY: &str = "cookies.parent_domain";
    let Some(domain) = &config.cookies.parent_domain else {
        return;
    };
    let is_name = domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        });
    if !is_name {
        findings.add(
            KEY,
            "must be a domain in lower case without a leading dot, as example.com",
        );
        return;
    }
    let covers = site.host == *domain
        || site
            .host
            .strip_suffix(domain.as_str())
            .is_some_and(|rest| rest.ends_with('.'));
    if !covers {
        findings.add_against(
            KEY,
            &["issuer.url"],
            format!(
                "contradicts issuer.url: a browser refuses cookies for {domain} from {}",
                site.host
            ),
        );
    }
}

fn judge_lives(config: &Config, findings: &mut Findings<'_>) {
    let tokens = &config.tokens;
    let ordered = [
        (
            "tokens.refresh_idle_seconds",
            tokens.refresh_idle_seconds,
            "tokens.refresh_absolute_seconds",
            tokens.refresh_absolute_seconds,
        ),
        (
            "tokens.session_idle_seconds",
            tokens.session_idle_seconds,
            "tokens.session_absolute_seconds",
            tokens.session_absolute_seconds,
        ),
        (
            "tokens.access_seconds",
            tokens.access_seconds,
            "tokens.refresh_idle_seconds",
            tokens.refresh_idle_seconds,
        ),
        (
            "redis.turn_seconds",
            config.redis.turn_seconds,
            "refresh.grace_seconds",
            config.refresh.grace_seconds,
        ),
        (
            "limits.name_wait_seconds",
            config.limits.name_wait_seconds,
            "limits.name_wait_longest_seconds",
            config.limits.name_wait_longest_seconds,
        ),
    ];
    for (shorter, short, longer, long) in ordered {
        if short > long {
            findings.add_against(
                shorter,
                &[longer],
                format!("contradicts {longer}: {short} is more than {long}"),
            );
        }
    }
    let argon2 = &config.passwords.argon2;
    // RFC 9106, section 3.1: at least 8 KiB for each lane.
    if argon2.memory_kib < 8 * argon2.parallelism {
        findings.add_against(
            "passwords.argon2.memory_kib",
            &["passwords.argon2.parallelism"],
            "must be at least 8 for each lane of passwords.argon2.parallelism",
        );
    }
}

fn judge_metrics(config: &Config, findings: &mut Findings<'_>) {
    const KEY: &str = "metrics.listen";
    let Some(listen) = config.metrics.listen else {
        return;
    };
    // Port 0 is a free one, which is never the same.
    if listen == config.server.listen && listen.port() != 0 {
        findings.add_against(
            KEY,
            &["server.listen"],
            "contradicts server.listen: the numbers need an address of their own",
        );
    }
    if config.environment == Environment::Production && !is_private(listen.ip()) {
        findings.add(
            KEY,
            format!(
                "{} may be reached from outside, and production keeps its numbers to itself: name a loopback or a private address",
                listen.ip()
            ),
        );
    }
}

fn judge_forward_auth(config: &Config, findings: &mut Findings<'_>) {
    const LISTEN: &str = "forward_auth.listen";
    const DIALECT: &str = "forward_auth.dialect";
    const POLICY: &str = "forward_auth.policy";
    let settings = &config.forward_auth;
    let Some(listen) = settings.listen else {
        return;
    };
    let others = [
        ("server.listen", Some(config.server.listen)),
        ("metrics.listen", config.metrics.listen),
    ];
    for (key, other) in others {
        if other == Some(listen) && listen.port() != 0 {
            let message = format!("contradicts {key}: verdicts need an address of their own");
            findings.add_against(LISTEN, &[key], message);
        }
    }
    if settings.dialect.is_none() {
        findings.add_against(
            DIALECT,
            &[LISTEN],
            "is not set: say which proxy asks, nginx, traefik or envoy; a guess would be a hole",
        );
    }
    if config.server.proxies.networks.is_empty() {
        findings.add_against(
            "server.trusted_proxies",
            &[LISTEN],
            "is empty, so nobody may ask for verdicts: name the proxies that ask forward_auth.listen",
        );
    }
    if let Err(error) = read_policy(&settings.policy) {
        findings.add_against(POLICY, &[LISTEN], error.to_string());
    }
}

fn judge_redis(config: &Config, findings: &mut Findings<'_>) {
    const URL: [&str; 2] = ["redis.url", "redis.url_file"];
    let url = config.redis.url.as_ref();
    // Who names an authority believes that something is checked.
    if config.redis.ca_file.is_some() && !url.is_some_and(RedisUrl::has_tls) {
        findings.add_against(
            "redis.ca_file",
            &URL,
            "needs an address that begins with rediss://: without TLS no certificate is shown",
        );
    }
    let production = config.environment == Environment::Production;
    if production && url.is_some_and(|url| !url.is_private()) {
        let key = findings.set_of(URL);
        findings.add(
            key,
            "must begin with rediss:// in production: whoever is on the way could read the password and lift the limits",
        );
    }
}

fn judge_proxies(config: &Config, findings: &mut Findings<'_>) {
    const KEY: &str = "server.trusted_proxies";
    let proxies = &config.server.proxies;
    let is_default = proxies.header == ClientAddressHeader::XForwardedFor;
    if proxies.networks.is_empty() && !is_default {
        findings.add_against(
            "server.client_address_header",
            &[KEY],
            "is read from nobody: name the proxies in server.trusted_proxies",
        );
    }
    if config.environment != Environment::Production {
        return;
    }
    for network in proxies.networks.iter() {
        let least = match network {
            IpNet::V4(_) => PRODUCTION_PROXY_PREFIX_V4,
            IpNet::V6(_) => PRODUCTION_PROXY_PREFIX_V6,
        };
        if network.prefix_len() < least {
            findings.add(
                KEY,
                format!(
                    "{network} holds strangers, and each could write the address that is counted and locked: name the proxies"
                ),
            );
        }
    }
}

fn judge_captcha(config: &Config, findings: &mut Findings<'_>) {
    let Some(captcha) = &config.captcha else {
        return;
    };
    let lockout = &config.lockout;
    if !lockout.enabled {
        findings.add_against(
            "captcha.provider",
            &["lockout.enabled"],
            "contradicts lockout.enabled: without counted failures no sign-in demands a challenge",
        );
    }
    let pairs = [
        (
            ("captcha.name_failures", captcha.name_failures),
            ("lockout.failures", lockout.failures),
        ),
        (
            ("captcha.address_failures", captcha.address_failures),
            ("lockout.address_failures", lockout.address_failures),
        ),
    ];
    for ((key, demands), (other, locks)) in pairs {
        if demands >= locks {
            findings.add_against(
                key,
                &[other],
                format!(
                    "contradicts {other}: {locks} failures lock before {demands} demand a challenge"
                ),
            );
        }
    }
    if config.environment == Environment::Production && captcha.verify_url.is_some() {
        findings.add(
            "captcha.verify_url",
            "is a stand-in for tests: production asks the provider",
        );
    }
}

/// Loopback, and the ranges that no public network routes (RFC 1918, RFC 4193, and the link-local ones). The unspecified
/// address is all addresses of the machine, so it is none of them.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| is_private(v4.into()))
        }
    }
}

fn judge_production(config: &Config, site: &Site, findings: &mut Findings<'_>) {
    let is_address = site.host.starts_with('[') || site.host.parse::<std::net::Ipv4Addr>().is_ok();
    let last_label = site.host.rsplit('.').next().unwrap_or_default();
    if is_address || NOT_PUBLIC.contains(&last_label) {
        findings.add(
            "issuer.url",
            format!("{} is no public name, which production needs", site.host),
        );
    }
    if config.issuer.audience.starts_with("http://") {
        // Left out, it is the URL.
        let is_url = config.issuer.audience == config.issuer.url;
        let others: &[_] = if is_url { &["issuer.url"] } else { &[] };
        findings.add_against(
            "issuer.audience",
            others,
            "begins with http://, which is a development setting",
        );
    }
    if let Database::Server(url) = &config.store.database
        && !url.is_private()
    {
        let key = findings.set_of(["store.url", "store.url_file"]);
        findings.add(
            key,
            "needs sslmode=verify-full in production: whoever is on the way could read and answer for the database",
        );
    }
    if config.log.format == LogFormat::Text {
        findings.add("log.format", "text is a development setting, use json");
    }
    if !config.lockout.enabled {
        findings.add("lockout.enabled", "false is a development setting");
    }
    if !config.limits.enabled {
        findings.add("limits.enabled", "false is a development setting");
    }
    if config.passwords.min_length < PRODUCTION_PASSWORD_LENGTH {
        findings.add(
            "passwords.min_length",
            format!("must be at least {PRODUCTION_PASSWORD_LENGTH} in production"),
        );
    }
    if config.passwords.argon2.memory_kib < PRODUCTION_ARGON2_MEMORY_KIB {
        findings.add(
            "passwords.argon2.memory_kib",
            format!("must be at least {PRODUCTION_ARGON2_MEMORY_KIB} in production"),
        );
    }
}
