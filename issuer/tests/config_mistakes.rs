//! Every wrong configuration is refused with its place, and all mistakes at once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

use std::{fs, path::Path};

use edgeward_issuer::config::{Config, Database, Inputs};

mod folder;
use folder::Folder;

fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.toml");
    if let Some(text) = file {
        fs::write(&path, text).unwrap();
    }
    let inputs = Inputs {
        file: file.map(|_| path.clone()),
        data: Path::new("/data").to_path_buf(),
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let shown = path.display().to_string();
    Config::load(&inputs).map_err(|errors| {
        errors
            .to_string()
            .lines()
            .map(|line| line.replace(&shown, "FILE"))
            .collect()
    })
}

/// Expects the beginnings of the lines of the complaint.
fn check(file: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let found = load(Some(file), variables).map(|_| ()).unwrap_err();
    assert_eq!(found.len(), expected.len(), "{file}\n{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.starts_with(expected),
            "{file}\n{found}\nis not\n{expected}"
        );
    }
}

const PRODUCTION: &str = "environment = \"production\"\nissuer.url = \"https://www.example.com\"\n";

#[test]
fn nothing_at_all_is_the_development_default() {
    let config = load(None, &[]).unwrap();
    assert_eq!(config, Config::defaults(Path::new("/data")));
    let file = Database::File("/data/edgeward.db".into());
    assert_eq!(config.store.database, file);
}

#[test]
fn a_database_server_is_named_once_and_its_password_stays_out_of_the_file() {
    const URL: &str = "postgres://edgeward:s3cret@db.example.com/edgeward";
    check(
        "[store]\nurl = \"mysql://db/edgeward\"",
        &[],
        &["FILE:2: store.url: must be postgres://"],
    );
    check(
        &format!("[store]\nurl = \"{URL}\""),
        &[],
        &["FILE:2: store.url: holds a password"],
    );
    check(
        "[store]\npath = \"/data/x.db\"\nurl = \"postgres://db/edgeward\"",
        &[],
        &["FILE:3: store.url: contradicts store.path"],
    );
    check(
        "[store]\nurl_file = \"/nowhere/url\"",
        &[],
        &["FILE:2: store.url_file: /nowhere/url: No such file"],
    );
    check(
        "[store]\nconnections = 1",
        &[],
        &["FILE:2: store.connections: must be a whole number from 2"],
    );
    check(
        PRODUCTION,
        &[("EDGEWARD__STORE__URL", URL)],
        &["EDGEWARD__STORE__URL: store.url: needs sslmode=verify-full"],
    );
    let folder = Folder::new();
    let url_file = folder.path().join("url");
    fs::write(&url_file, format!("{URL}\n")).unwrap();
    let url_file = url_file.to_str().unwrap();
    for variable in [
        ("EDGEWARD__STORE__URL", URL),
        ("EDGEWARD__STORE__URL_FILE", url_file),
    ] {
        let config = load(None, &[variable]).unwrap();
        let Database::Server(url) = &config.store.database else {
            panic!("{config:?}");
        };
        assert_eq!(url.reveal(), URL);
        assert!(!format!("{config:?}").contains("s3cret"));
        let shown = Config::show(&Inputs {
            variables: vec![(variable.0.to_owned(), variable.1.to_owned())],
            ..Inputs::default()
        });
        let shown = shown.unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains(variable.0), "{shown}");
    }
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
            "FILE:2: tokens.access_second: there is no such setting; there are tokens.access_seconds, ",
        ],
    );
    check(
        "[cookie]\nparent_domain = \"example.com\"",
        &[],
        &["FILE:2: cookie.parent_domain: there is no section cookie"],
    );
    check(
        "[cookie]",
        &[],
        &["FILE:1: cookie: there is no such setting"],
    );
    check(
        "enviroment = \"production\"",
        &[],
        &["FILE:1: enviroment: there is no such setting; there are environment"],
    );
    assert!(
        load(Some("[tokens]\n[passwords.argon2]"), &[]).is_ok(),
        "an empty section sets nothing"
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    check(
        "environment = 1\n[tokens]\naccess_seconds = 0\nfoo = 1\n[log]\nlevel = \"x\"",
        &[("EDGEWARD__SERVER__LISTEN", "nowhere")],
        &[
            "FILE:1: environment",
            "EDGEWARD__SERVER__LISTEN: server.listen: must be an address",
            "FILE:3: tokens.access_seconds",
            "FILE:6: log.level",
            "FILE:4: tokens.foo",
        ],
    );
}

#[test]
fn variables_win_over_the_file_and_are_named() {
    let file = "[tokens]\naccess_seconds = 300\n";
    let config = load(Some(file), &[("EDGEWARD__TOKENS__ACCESS_SECONDS", "120")]).unwrap();
    assert_eq!(config.tokens.access_seconds, 120);
    check(
        file,
        &[("EDGEWARD__TOKENS__ACCESS_SECONDS", "soon")],
        &["EDGEWARD__TOKENS__ACCESS_SECONDS: tokens.access_seconds: must be"],
    );
    check(
        file,
        &[("EDGEWARD__TOKENS__ACCESS", "120")],
        &["EDGEWARD__TOKENS__ACCESS: tokens.access: there is no such setting"],
    );
    check(
        file,
        &[("EDGEWARD__PASSWORDS__ARGON2__LANES", "1")],
        &[
            "EDGEWARD__PASSWORDS__ARGON2__LANES: passwords.argon2.lanes: there is no such setting; there are passwords.argon2.memory_kib",
        ],
    );
    check(
        file,
        &[
            ("EDGEWARD__TOKENS__ACCESS_SECONDS", "120"),
            ("EDGEWARD__tokens__access_seconds", "240"),
        ],
        &[
            "EDGEWARD__tokens__access_seconds: tokens.access_seconds: EDGEWARD__TOKENS__ACCESS_SECONDS sets it too",
        ],
    );
    assert!(
        load(Some(file), &[("EDGEWARD_BIN", "x"), ("PATH", "y")]).is_ok(),
        "other variables are not ours"
    );
}

#[test]
fn what_is_no_toml_is_refused_with_its_line() {
    check("a = 1\nb = = 2", &[], &["FILE:2: no valid TOML"]);
    check(
        "[log]\nlevel = \"info\"\nlevel = \"warn\"",
        &[],
        &["FILE:3: no valid TOML"],
    );
    let folder = Folder::new();
    let inputs = Inputs {
        file: Some(folder.path().join("absent.toml")),
        ..Inputs::default()
    };
    let error = Config::load(&inputs).unwrap_err().to_string();
    assert!(error.contains("absent.toml: No such file"), "{error}");
    fs::write(folder.path().join("absent.toml"), [0xff, 0xfe]).unwrap();
    assert!(Config::load(&inputs).is_err(), "bytes that are no text");
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

#[test]
fn show_prints_every_setting_with_its_place_and_no_secret() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.toml");
    fs::write(&path, "[issuer]\nurl = \"http://localhost:9000\"\n").unwrap();
    let inputs = Inputs {
        file: Some(path.clone()),
        data: folder.path().to_path_buf(),
        variables: vec![("EDGEWARD__LOG__LEVEL".to_owned(), "debug".to_owned())],
    };
    let shown = Config::show(&inputs).unwrap();
    assert!(
        shown.contains(&format!(
            "url = \"http://localhost:9000\" # {}:2",
            path.display()
        )),
        "{shown}"
    );
    assert!(
        shown.contains("level = \"debug\" # EDGEWARD__LOG__LEVEL"),
        "{shown}"
    );
    assert!(shown.contains("access_seconds = 600 # default"), "{shown}");
    assert!(shown.contains("csrf (redacted)"), "{shown}");
    let not_set = shown.lines().filter(|line| line.ends_with("is not set"));
    let without_default = ["url", "url_file", "parent_domain", "listen"];
    assert_eq!(
        not_set.collect::<Vec<_>>(),
        without_default.map(|name| format!("# {name} is not set"))
    );
    // What is shown can be used as a file again.
    fs::write(&path, &shown).unwrap();
    let again = Config::load(&Inputs {
        variables: vec![],
        ..inputs.clone()
    })
    .unwrap();
    assert_eq!(
        again,
        Config::load(&Inputs {
            variables: vec![],
            ..inputs
        })
        .unwrap()
    );
    assert_eq!(again.log.level.name(), "debug");
}
