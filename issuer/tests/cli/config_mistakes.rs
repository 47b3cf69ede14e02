//! Every wrong configuration is refused with its place, and all mistakes at once.

use std::path::Path;

use edgeward_issuer::config::{Config, Database};

use crate::settings::{PRODUCTION, check, load};

#[test]
fn nothing_at_all_is_the_development_default() {
    let config = load(None, &[]).unwrap();
    assert_eq!(config, Config::defaults(Path::new("/data")));
    let file = Database::File("/data/edgeward.db".into());
    assert_eq!(config.store.database, file);
}

#[test]
fn a_small_production_file_is_enough() {
    let config = load(Some(PRODUCTION), &[]).unwrap();
    assert_eq!(config.issuer.audience, "https://www.example.com");
}

#[test]
fn each_mistake_has_its_line() {
    check(
        "environment = \"prod\"",
        &[],
        &["FILE:1: environment: must be production"],
    );
    check(
        "\n\nissuer.url = 7",
        &[],
        &["FILE:3: issuer.url: must be a text"],
    );
    check(
        "[issuer]\nurl = \"\"",
        &[],
        &["FILE:2: issuer.url: is empty"],
    );
    check(
        "[server]\nlisten = \"8080\"",
        &[],
        &["FILE:2: server.listen: must be an address"],
    );
    check(
        "[tokens]\naccess_seconds = 59",
        &[],
        &["FILE:2: tokens.access_seconds: must be a number of seconds from 60 to 3600"],
    );
    check(
        "[limits]\nname_wait_seconds = 600\nname_wait_longest_seconds = 599",
        &[],
        &[
            "FILE:2: limits.name_wait_seconds: contradicts limits.name_wait_longest_seconds: 600 is more than 599",
        ],
    );
    for (line, expected) in [
        (
            "[redis]\nturn_seconds = 5",
            "FILE:2: redis.turn_seconds: must be a number of seconds from 6 to 120",
        ),
        (
            "[redis]\nturn_seconds = 31",
            "FILE:2: redis.turn_seconds: contradicts refresh.grace_seconds: 31 is more than 30",
        ),
        (
            "[passwords]\nqueue_per_core = 0",
            "FILE:2: passwords.queue_per_core: must be a whole number from 1 to 256",
        ),
        (
            "[limits]\nsign_ins = 0",
            "FILE:2: limits.sign_ins: must be a whole number from 1 to 1000000",
        ),
        (
            "[limits]\nsign_ins_within_seconds = 59",
            "FILE:2: limits.sign_ins_within_seconds: must be a whole number from 60 to 86400",
        ),
        (
            "[limits]\nsign_ins_per_quarter_hour = 30",
            "FILE:2: limits.sign_ins_per_quarter_hour: there is no such setting",
        ),
    ] {
        check(line, &[], &[expected]);
    }
    check(
        "[tokens]\naccess_seconds = 3601",
        &[],
        &["FILE:2: tokens.access_seconds: must be"],
    );
    check(
        "[tokens]\naccess_seconds = \"600\"",
        &[],
        &["FILE:2: tokens.access_seconds: must be"],
    );
    check(
        "[tokens]\naccess_seconds = 600.0",
        &[],
        &["FILE:2: tokens.access_seconds: must be"],
    );
    check(
        "[tokens]\naccess_seconds = -1",
        &[],
        &["FILE:2: tokens.access_seconds: must be"],
    );
    check(
        "[tokens]\naccess_seconds = 99999999999999999999",
        &[],
        &["FILE:2: tokens.access_seconds: must be"],
    );
    check(
        "[passwords]\nmin_length = 7",
        &[],
        &["FILE:2: passwords.min_length: must be a whole number from 8 to 128"],
    );
    check(
        "[passwords]\nrequire_classes = 1",
        &[],
        &["FILE:2: passwords.require_classes: must be true or false"],
    );
    check(
        "[passwords.argon2]\nmemory_kib = 0",
        &[],
        &["FILE:2: passwords.argon2.memory_kib: must be"],
    );
    check(
        "[events]\nretention_days = 401",
        &[],
        &["FILE:2: events.retention_days: must be a whole number from 1 to 400"],
    );
    check(
        "[metrics]\nlisten = 9464",
        &[],
        &["FILE:2: metrics.listen: must be a text"],
    );
    check(
        "[log]\nformat = \"xml\"",
        &[],
        &["FILE:2: log.format: must be json or text"],
    );
    check(
        "[log]\nlevel = \"loud\"",
        &[],
        &["FILE:2: log.level: must be error"],
    );
    check(
        "issuer = 3",
        &[],
        &["FILE:1: issuer: there is no such setting"],
    );
    check(
        "server = [1]",
        &[],
        &["FILE:1: server: there is no such setting"],
    );
}

#[test]
fn unknown_keys_are_refused_and_the_known_are_named() {
    check(
        "[tokens]\naccess_second = 1",
        &[],
        &[
            "FILE:2: tokens.access_second: there is no such setting; did you mean tokens.access_seconds?",
        ],
    );
    check(
        "[cookie]\nparent_domain = \"example.com\"",
        &[],
        &[
            "FILE:2: cookie.parent_domain: there is no such setting; did you mean cookies.parent_domain?",
        ],
    );
    check(
        "[cookie]",
        &[],
        &["FILE:1: cookie: there is no such setting"],
    );
    check(
        "enviroment = \"production\"",
        &[],
        &["FILE:1: enviroment: there is no such setting; did you mean environment?"],
    );
    check(
        "[tokens]\nlife = 600",
        &[],
        &[
            "FILE:2: tokens.life: there is no such setting; there are tokens.algorithm, tokens.audience, tokens.",
        ],
    );
    check(
        "[post]\nserver = \"x\"",
        &[],
        &["FILE:2: post.server: there is no section post"],
    );
    assert!(
        load(Some("[tokens]\n[passwords.argon2]"), &[]).is_ok(),
        "an empty section sets nothing"
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    check(
        "environment = 1\n[tokens]\naccess_seconds = 0\nfoo = 1\n[log]\nlevel = \"x\"",
        &[("EDGEWARD__SERVER__LISTEN", "nowhere")],
        &[
            "FILE:1: environment",
            "FILE:3: tokens.access_seconds",
            "FILE:4: tokens.foo",
            "FILE:6: log.level",
            "EDGEWARD__SERVER__LISTEN: server.listen: must be an address",
        ],
    );
}

#[test]
fn variables_and_defaults_come_behind_the_file() {
    check(
        "[tokens]\nrefresh_idle_seconds = 300\n[log]\nlevel = 3\n",
        &[("EDGEWARD__LOG__FORMAT", "xml")],
        &[
            "FILE:4: log.level: must be a text",
            "EDGEWARD__LOG__FORMAT: log.format: must be json or text",
            "default: tokens.access_seconds: contradicts tokens.refresh_idle_seconds",
        ],
    );
}

/// Six mistakes of six kinds, in one file and one environment.
#[test]
fn what_is_wrong_by_itself_does_not_hide_what_does_not_go_together() {
    check(
        "environment = \"production\"\n\
         issuer.url = \"https://www.example.com/\"\n\
         issuer.audience = \"http://www.example.com\"\n\
         [tokens]\n\
         session_idle_seconds = 7200\n\
         session_absolute_seconds = 3600\n\
         acess_seconds = 300\n\
         [log]\n\
         format = \"text\"\n\
         level = 3\n",
        &[],
        &[
            "FILE:2: issuer.url: must be an origin only",
            "FILE:5: tokens.session_idle_seconds: contradicts tokens.session_absolute_seconds",
            "FILE:7: tokens.acess_seconds: there is no such setting; did you mean tokens.access_seconds?",
            "FILE:10: log.level: must be a text",
        ],
    );
    check(
        &format!(
            "{PRODUCTION}issuer.audience = \"http://www.example.com\"\n\
             cookies.parent_domain = \"other.com\"\n\
             log = {{ format = \"text\", level = 3, colour = true }}\n\
             passwords.min_length = 8\n"
        ),
        &[],
        &[
            "FILE:3: issuer.audience: begins with http://",
            "FILE:4: cookies.parent_domain: contradicts issuer.url",
            "FILE:5: log.level: must be a text",
            "FILE:5: log.colour: there is no such setting; there are log.format, log.level",
            "FILE:5: log.format: text is a development setting",
            "FILE:6: passwords.min_length: must be at least 12",
        ],
    );
}

/// A default that somebody meant to replace is not complained about.
#[test]
fn nothing_is_said_about_a_value_that_nobody_knows() {
    check(
        "environment = \"production\"\nissuer.ulr = \"https://www.example.com\"",
        &[],
        &["FILE:2: issuer.ulr: there is no such setting; did you mean issuer.url?"],
    );
    check(
        "environment = \"prodution\"\nissuer.url = \"https://localhost\"",
        &[],
        &["FILE:1: environment: must be production"],
    );
    check(
        &format!(
            "{PRODUCTION}tokens.session_idle_seconds = 86400\ntokens.session_absolute_seconds = \"a day\""
        ),
        &[],
        &["FILE:4: tokens.session_absolute_seconds: must be a number"],
    );
    check(
        "environment = \"production\"\nissuer.url = 1\nissuer.audience = \"http://www.example.com\"",
        &[],
        &[
            "FILE:2: issuer.url: must be a text",
            "FILE:3: issuer.audience: begins with http://",
        ],
    );
}

#[test]
fn the_issuer_url_is_an_origin_in_one_spelling() {
    for url in [
        "www.example.com",
        "/",
        "https://",
        "https://www.example.com/",
        "https://www.example.com/auth",
        "https://www.example.com?x",
        "https://user:pass@www.example.com",
        "https://user@www.example.com",
        "https://WWW.example.com",
        "HTTPS://www.example.com",
        "https://www.example.com:443",
        "https://www.example.com:",
        "http://127.0.0.1:80",
        "ftp://www.example.com",
        "https://www.example.com#x",
        "https://www.exa mple.com",
    ] {
        check(
            &format!("[issuer]\nurl = \"{url}\""),
            &[],
            &["FILE:2: issuer.url: must be"],
        );
    }
}

#[test]
fn contradictions_are_explained() {
    check(
        "[tokens]\nsession_idle_seconds = 7200\nsession_absolute_seconds = 3600",
        &[],
        &[
            "FILE:2: tokens.session_idle_seconds: contradicts tokens.session_absolute_seconds: 7200 is more than 3600",
        ],
    );
    check(
        "[tokens]\nrefresh_absolute_seconds = 3600",
        &[],
        &["default: tokens.refresh_idle_seconds: contradicts tokens.refresh_absolute_seconds"],
    );
    check(
        "[tokens]\nrefresh_idle_seconds = 300",
        &[],
        &["default: tokens.access_seconds: contradicts tokens.refresh_idle_seconds"],
    );
    check(
        "[passwords.argon2]\nmemory_kib = 64\nparallelism = 8\n[tokens]\nrefresh_idle_seconds = 300",
        &[],
        &["default: tokens.access_seconds"],
    );
    for (domain, says) in [
        ("example.com", ""),
        ("www.example.com", ""),
        ("ple.com", "contradicts issuer.url"),
        ("other.com", "contradicts issuer.url"),
        ("deep.www.example.com", "contradicts issuer.url"),
        (".example.com", "must be a domain"),
        ("com", "must be a domain"),
        ("Example.com", "must be a domain"),
        ("example.com; Secure", "must be a domain"),
    ] {
        let file = format!("{PRODUCTION}cookies.parent_domain = \"{domain}\"");
        match load(Some(&file), &[]) {
            Ok(_) => assert_eq!(says, "", "{domain}"),
            Err(found) => assert!(
                !says.is_empty()
                    && found[0].starts_with(&format!("FILE:3: cookies.parent_domain: {says}")),
                "{domain}: {found:?}"
            ),
        }
    }
}

#[test]
fn production_refuses_development_settings() {
    check(
        "environment = \"production\"",
        &[],
        &[
            "default: issuer.url: must begin with https://",
            "default: issuer.url: 127.0.0.1 is no public name",
            "default: issuer.audience: begins with http://",
        ],
    );
    check(
        "environment = \"preview\"",
        &[],
        &["default: issuer.url: must begin with https:// in preview"],
    );
    for host in [
        "localhost",
        "a.localhost",
        "127.0.0.1",
        "[::1]",
        "192.0.2.1",
        "shop.test",
        "shop.example",
        "shop.invalid",
    ] {
        check(
            &format!("environment = \"production\"\nissuer.url = \"https://{host}\""),
            &[],
            &["FILE:2: issuer.url: "],
        );
    }
    for (line, says) in [
        (
            "issuer.audience = \"http://www.example.com\"",
            "issuer.audience: begins with http://",
        ),
        (
            "log.format = \"text\"",
            "log.format: text is a development setting",
        ),
        (
            "lockout.enabled = false",
            "lockout.enabled: false is a development setting",
        ),
        (
            "limits.enabled = false",
            "limits.enabled: false is a development setting",
        ),
        (
            "passwords.min_length = 11",
            "passwords.min_length: must be at least 12",
        ),
        (
            "passwords.argon2.memory_kib = 47103",
            "passwords.argon2.memory_kib: must be at least 47104",
        ),
    ] {
        check(
            &format!("{PRODUCTION}{line}"),
            &[],
            &[&format!("FILE:3: {says}")],
        );
        assert!(
            load(Some(line), &[]).is_ok(),
            "{line} is fine in development"
        );
    }
}

#[test]
fn the_numbers_have_an_address_of_their_own_and_no_public_one_in_production() {
    check(
        "[server]\nlisten = \"127.0.0.1:9000\"\n[metrics]\nlisten = \"127.0.0.1:9000\"",
        &[],
        &["FILE:4: metrics.listen: contradicts server.listen"],
    );
    for (address, fits) in [
        ("127.0.0.1:9464", true),
        ("10.1.2.3:9464", true),
        ("172.31.0.1:9464", true),
        ("192.168.0.1:9464", true),
        ("169.254.0.1:9464", true),
        ("[::1]:9464", true),
        ("[fd00::1]:9464", true),
        ("[fe80::1]:9464", true),
        ("[::ffff:10.0.0.1]:9464", true),
        ("0.0.0.0:9464", false),
        ("[::]:9464", false),
        ("192.0.2.1:9464", false),
        ("172.32.0.1:9464", false),
        ("[2001:db8::1]:9464", false),
        ("[::ffff:192.0.2.1]:9464", false),
    ] {
        let line = format!("metrics.listen = \"{address}\"");
        assert!(load(Some(&line), &[]).is_ok(), "{address} in development");
        let file = format!("{PRODUCTION}{line}");
        if fits {
            assert!(load(Some(&file), &[]).is_ok(), "{address}");
        } else {
            check(&file, &[], &["FILE:3: metrics.listen: "]);
        }
    }
}
