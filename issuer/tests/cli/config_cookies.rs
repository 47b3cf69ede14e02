//! What `[cookies]` and `environment` may say together, and what a browser is told.

use edgeward_core::cookie::SameSite;

use crate::settings::{self, load};

const PREVIEW: &str = "environment = \"preview\"\nissuer.url = \"https://pr-1.preview.test\"\n";
const DEVELOPMENT: &str = "environment = \"development\"\n";

/// The settings of an environment and more, and what a browser is told, or how the complaint begins.
#[track_caller]
fn check(environment: &str, more: &str, expected: Result<SameSite, &str>) {
    let file = format!("{environment}{more}");
    match (load(Some(&file), &[]), expected) {
        (Ok(config), Ok(same_site)) => {
            let told = config.cookies.same_site_in(config.environment);
            assert_eq!(told, same_site, "{file}");
        }
        (Err(found), Err(says)) => {
            assert_eq!(found.len(), 1, "{file}: {found:?}");
            assert!(found[0].contains(says), "{file}: {found:?}");
        }
        (found, _) => panic!("{file}: {found:?}"),
    }
}

#[test]
fn same_site_is_lax_but_in_preview_unless_the_settings_say_otherwise() {
    use settings::PRODUCTION;
    for (environment, default) in [
        (PRODUCTION, SameSite::Lax),
        (PREVIEW, SameSite::None),
        (DEVELOPMENT, SameSite::Lax),
    ] {
        check(environment, "", Ok(default));
        check(
            environment,
            "cookies.same_site = \"lax\"",
            Ok(SameSite::Lax),
        );
        check(
            environment,
            "cookies.same_site = \"strict\"",
            Ok(SameSite::Strict),
        );
        for word in ["\"Lax\"", "true", "\"none; Secure\""] {
            let refused = "cookies.same_site: must be ";
            check(
                environment,
                &format!("cookies.same_site = {word}"),
                Err(refused),
            );
        }
    }
    let none = "cookies.same_site = \"none\"";
    check(PRODUCTION, none, Ok(SameSite::None));
    check(PREVIEW, none, Ok(SameSite::None));
    check(
        DEVELOPMENT,
        none,
        Err("FILE:2: cookies.same_site: none demands Secure"),
    );
}

#[test]
fn development_is_for_this_machine() {
    for (url, refused) in [
        ("http://127.0.0.1:8787", false),
        ("http://[::1]:8787", false),
        ("http://localhost:8787", false),
        ("https://localhost:8787", false),
        ("http://192.168.1.7:8787", true),
        ("http://app.test", true),
        ("https://app.example.com", true),
        ("http://localhost.example.com", true),
    ] {
        let expected = if refused {
            Err("issuer.url: must be on this machine in development")
        } else {
            Ok(SameSite::Lax)
        };
        check(DEVELOPMENT, &format!("issuer.url = \"{url}\""), expected);
        // Nobody said so, and it is development all the same.
        check("", &format!("issuer.url = \"{url}\""), expected);
    }
}
