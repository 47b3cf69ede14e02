//! Cookies: what is forwarded holds none of ours, whatever else was sent; and what is set is one header and no more.
#![no_main]

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment, SetCookie};
use edgeward_core::gate::Credential;
use libfuzzer_sys::fuzz_target;

fn check_received(names: &CookieNames, values: &[&str]) {
    let header = CookieHeader::parse(values);
    let ours = names.all();
    for name in ours {
        if let Ok(Some(value)) = header.get(name) {
            assert!(values.iter().any(|sent| sent.contains(value)));
            assert!(!value.contains(';'));
        }
    }
    if let Some(forwarded) = header.without(&CookieNames::OF_EVERY_SETTING) {
        let again = CookieHeader::parse(&[&forwarded]);
        for name in CookieNames::OF_EVERY_SETTING {
            assert_eq!(again.get(name), Ok(None), "{forwarded}");
        }
        assert_eq!(
            again.without(&CookieNames::OF_EVERY_SETTING).as_deref(),
            Some(forwarded.as_str())
        );
        for pair in forwarded.split("; ") {
            assert!(values.iter().any(|sent| sent.contains(pair)), "{pair}");
        }
    }
    // A request that carries one of ours twice, or a shadow of it, is never read as one person's.
    let credential = Credential::from_headers(&[], &header, names);
    let is_unclear = ours.iter().any(|name| header.get(name).is_err());
    assert_eq!(credential == Credential::Ambiguous, is_unclear);
    let shown = format!("{credential:?}");
    assert!(shown.len() < 20, "{shown}");
}

fn check_set(environment: Environment, name: &str, value: &str) {
    let cookie = SetCookie::for_environment(environment, name, value);
    for cookie in [
        cookie.clone(),
        cookie.domain(value),
        SetCookie::new(name, "v").path(value),
    ] {
        let Ok(header) = cookie.header_value() else {
            continue;
        };
        assert!(
            !header.bytes().any(|byte| byte.is_ascii_control()),
            "{header}"
        );
        let pair = header.split(';').next().unwrap_or_default();
        assert_eq!(
            pair.split_once('=').map(|(name, _)| name),
            Some(name),
            "{header}"
        );
        let attributes = [
            "path", "domain", "max-age", "expires", "secure", "httponly", "samesite",
        ];
        for attribute in header.split(';').skip(1) {
            let name = attribute.trim().split('=').next().unwrap_or_default();
            assert!(
                attributes.contains(&name.to_ascii_lowercase().as_str()),
                "{header}"
            );
        }
    }
}

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().collect();
    for (environment, parent_domain) in [
        (Environment::Production, false),
        (Environment::Production, true),
        (Environment::Development, false),
    ] {
        let names = CookieNames::for_environment(environment, parent_domain);
        check_received(&names, &lines);
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        check_set(environment, name, value);
        check_set(environment, &names.access, value);
    }
});
