//! A setting is read from its place: the file, a variable, a file that a variable names. What is shown says which.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

use std::fs;

use edgeward_issuer::config::{Config, Database, Inputs};

mod folder;
mod settings;
use folder::Folder;
use settings::{PRODUCTION, check, load};

#[test]
fn every_line_that_is_no_toml_is_told() {
    check(
        "environment = production\n[tokens]\naccess_seconds = 5\n[log\nlevel = \"info\"\n[server]\nlisten = 'x\n",
        &[],
        &[
            "FILE:1: no valid TOML",
            "FILE:4: no valid TOML",
            "FILE:7: no valid TOML",
            "FILE:3: tokens.access_seconds: must be a number",
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
            "FILE:2: no valid TOML",
            "FILE:1: a: there is no such setting",
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
    assert_eq!(
        not_set.collect::<Vec<_>>(),
        [
            "url",
            "url_file",
            "parent_domain",
            "site_key",
            "secret",
            "secret_file",
            "name_failures",
            "address_failures",
            "on_outage",
            "verify_url",
            "secret",
            "secret_file",
            "webhook",
            "listen"
        ]
        .map(|name| format!("# {name} is not set"))
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
