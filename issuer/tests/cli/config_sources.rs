//! A setting is read from its place: the file, a variable, a file that a variable names. What is shown says which.

use std::fs;

use edgeward_issuer::config::{Config, ConfigErrors, Database, Inputs};

use crate::{
    folder::Folder,
    settings::{PRODUCTION, check, load},
};

#[test]
fn every_line_that_is_no_toml_is_told() {
    check(
        "environment = production\n[tokens]\naccess_seconds = 5\n[log\nlevel = \"info\"\n[server]\nlisten = 'x\n",
        &[],
        &[
            "FILE:1: no valid TOML",
            "FILE:3: tokens.access_seconds: must be a number",
            "FILE:4: no valid TOML",
            "FILE:7: no valid TOML",
        ],
    );
}

#[test]
fn a_variable_with_an_underscore_too_few_is_told() {
    check(
        "",
        &[
            ("EDGEWARD_TOKENS_ACCESS_SECONDS", "60"),
            ("EDGEWARD_ENVIRONMENT", "production"),
            ("EDGEWARD_STORE_URL_FILE", "/x"),
            ("EDGEWARD_CONFIG", "x"),
        ],
        &[
            "EDGEWARD_TOKENS_ACCESS_SECONDS: tokens.access_seconds: is not read: its variable is EDGEWARD__TOKENS__ACCESS_SECONDS",
            "EDGEWARD_ENVIRONMENT: environment: is not read: its variable is EDGEWARD__ENVIRONMENT",
            "EDGEWARD_STORE_URL_FILE: store.url_file: is not read: its variable is EDGEWARD__STORE__URL_FILE",
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
    check(
        "a = 1\nb = = 2",
        &[],
        &[
            "FILE:1: a: there is no such setting",
            "FILE:2: no valid TOML",
        ],
    );
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
    let not_set: Vec<&str> = not_set.collect();
    let (others, mail) = not_set.split_at(21);
    assert_eq!(
        others,
        [
            "url",
            "url_file",
            "url",
            "url_file",
            "ca_file",
            "parent_domain",
            "site_key",
            "secret",
            "secret_file",
            "name_failures",
            "address_failures",
            "on_outage",
            "verify_url",
            "logo",
            "stylesheet",
            "secret",
            "secret_file",
            "webhook",
            "listen",
            "listen",
            "dialect"
        ]
        .map(|name| format!("# {name} is not set"))
    );
    assert_eq!((mail.len(), mail[0]), (35, "# server is not set"));
    let custody = [
        "kek",
        "kek_file",
        "other_kek",
        "other_kek_file",
        "module",
        "token",
        "key",
        "other_key",
        "pin",
        "pin_file",
        "address",
        "mount",
        "key",
        "other_key",
        "namespace",
        "token",
        "token_file",
        "key",
        "other_key",
        "endpoint",
    ];
    assert_eq!(
        mail[15..],
        custody.map(|name| format!("# {name} is not set"))
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

#[test]
fn the_rules_of_alerts_are_shown_with_their_lines_and_those_that_come_along_by_name() {
    const RULE: &str = "[[alerts]]\nname = \"lockout-surge\"\nevent = \"account.locked\"\n";
    const HOOK: &str = "webhook = \"https://hooks.example.com/s3cret-path\"\n";
    let others = "refresh-reuse, edge-proof, edge-proof-misused, audit-log, sign-in-failure-surge, guessing-from-one-address";
    let all = "refresh-reuse, edge-proof, edge-proof-misused, audit-log, lockout-surge, sign-in-failure-surge, guessing-from-one-address";
    for (file, lines, names) in [
        (
            format!("[alerting]\n{HOOK}{RULE}[[alerts]]\nname = \"a\"\nevent = \"login.failed\"\n"),
            &[3, 6][..],
            Some(others),
        ),
        (format!("[alerting]\n{HOOK}"), &[], Some(all)),
        (
            format!("[alerting]\nwithout_defaults = true\n{HOOK}{RULE}"),
            &[4],
            None,
        ),
        // Nowhere to send to.
        (String::new(), &[], None),
        (format!("{RULE}{HOOK}"), &[1], None),
    ] {
        let folder = Folder::new();
        let path = folder.path().join("edgeward.toml");
        fs::write(&path, &file).unwrap();
        let inputs = Inputs {
            file: Some(path.clone()),
            variables: vec![("EDGEWARD__ALERTING__SECRET".to_owned(), "s3cret".to_owned())],
            ..Inputs::default()
        };
        let shown = Config::show(&inputs).unwrap();
        let starting = |what: &str| -> Vec<String> {
            let lines = shown.lines().filter(|line| line.starts_with(what));
            lines.map(str::to_owned).collect()
        };
        let places = lines.iter();
        let places = places.map(|line| format!("[[alerts]] # {}:{line}", path.display()));
        assert_eq!(
            starting("[[alerts]]"),
            places.collect::<Vec<_>>(),
            "{shown}"
        );
        let names =
            names.map(|names| format!("# alerts in force that come along: {names} # default"));
        assert_eq!(starting("# alerts"), Vec::from_iter(names), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
        let hooks = starting("# webhook at https://hooks.example.com (redacted)").len();
        assert_eq!(hooks, file.matches(HOOK).count(), "{shown}");
        // Whoever uses it as a file again is told what was left out.
        fs::write(&path, &shown).unwrap();
        let missing =
            |error: &ConfigErrors| error.to_string().contains("alerts.webhook: is missing");
        match Config::load(&inputs) {
            Ok(_) => assert!(lines.is_empty(), "{shown}"),
            Err(error) => assert!(!lines.is_empty() && missing(&error), "{error}"),
        }
    }
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
fn a_redis_is_named_once_and_its_password_stays_out_of_the_file() {
    const URL: &str = "rediss://edgeward:s3cret@cache.example.com:6380/2";
    const PLAIN: &str = "redis://:s3cret@cache.example.com";
    for (file, variables, complaint) in [
        (
            "[redis]\nurl = \"http://cache\"",
            vec![],
            "FILE:2: redis.url: must be rediss://",
        ),
        (
            &format!("[redis]\nurl = \"{URL}\""),
            vec![],
            "FILE:2: redis.url: holds a password",
        ),
        (
            "[redis]\nurl_file = \"/nowhere/url\"",
            vec![],
            "FILE:2: redis.url_file: /nowhere/url: No such file",
        ),
        (
            "[redis]\nprefix = \"a:b\"",
            vec![],
            "FILE:2: redis.prefix: must be letters",
        ),
        (
            "[redis]\ntimeout_ms = 5000",
            vec![],
            "FILE:2: redis.timeout_ms: must be a whole number from 10 to 1000",
        ),
        (
            "[redis]\nca_file = \"ca.pem\"\nurl = \"redis://localhost\"",
            vec![],
            "FILE:2: redis.ca_file: needs an address that begins with rediss://",
        ),
        (
            PRODUCTION,
            vec![("EDGEWARD__REDIS__URL", PLAIN)],
            "EDGEWARD__REDIS__URL: redis.url: must begin with rediss:// in production",
        ),
    ] {
        check(file, &variables, &[complaint]);
    }
    for private in [
        URL,
        "redis://127.0.0.1:6379",
        "unix:///run/redis/redis.sock",
    ] {
        let variables = [("EDGEWARD__REDIS__URL", private)];
        assert!(load(Some(PRODUCTION), &variables).is_ok(), "{private}");
    }
    let folder = Folder::new();
    let url_file = folder.path().join("url");
    fs::write(&url_file, format!("{URL}\n")).unwrap();
    let url_file = url_file.to_str().unwrap();
    check(
        "[redis]\nurl = \"redis://localhost\"",
        &[("EDGEWARD__REDIS__URL_FILE", url_file)],
        &["EDGEWARD__REDIS__URL_FILE: redis.url_file: contradicts redis.url: there is one Redis"],
    );
    for variable in [
        ("EDGEWARD__REDIS__URL", URL),
        ("EDGEWARD__REDIS__URL_FILE", url_file),
    ] {
        let config = load(None, &[variable]).unwrap();
        assert_eq!(config.redis.url.as_ref().unwrap().reveal(), URL);
        assert!(!format!("{config:?}").contains("s3cret"));
        let shown = Config::show(&Inputs {
            variables: vec![(variable.0.to_owned(), variable.1.to_owned())],
            ..Inputs::default()
        });
        let shown = shown.unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains(variable.0), "{shown}");
        assert!(shown.contains("prefix = \"edgeward\" # default"), "{shown}");
    }
}
