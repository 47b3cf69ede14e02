//! The settings of mail: whole or not at all, and the password shown nowhere.

use std::fs;

use edgeward_issuer::config::{Config, Inputs, MailTls};

use crate::{
    folder::Folder,
    settings::{check, load},
};

/// The smallest section about mail.
const MAIL: &str =
    "[mail]\nserver = \"smtp.example.com\"\nfrom = \"Example <no-reply@example.com>\"\n";

#[test]
fn mail_is_configured_whole_or_not_at_all() {
    let config = load(Some(MAIL), &[]).unwrap();
    let mail = config.mail.unwrap();
    assert_eq!((mail.tls, mail.port), (MailTls::Implicit, 465));
    for (tls, port) in [("starttls", 587), ("implicit", 465)] {
        let file = format!("{MAIL}tls = \"{tls}\"");
        let mail = load(Some(&file), &[]).unwrap().mail.unwrap();
        assert_eq!((mail.tls.name(), mail.port), (tls, port));
    }
    let file = format!("{MAIL}reset_link_seconds = 600\nregistration_seconds = 7200");
    let links = load(Some(&file), &[]).unwrap().links();
    assert_eq!(
        (links.reset_seconds, links.registration_seconds),
        (600, 7200)
    );
    for server in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] {
        let file = format!("[mail]\nserver = \"{server}\"\ntls = \"none\"\nfrom = \"a@b.example\"");
        assert!(load(Some(&file), &[]).is_ok(), "{server}");
    }
    for (lines, expected) in [
        (
            "tls = \"none\"",
            "FILE:4: mail.tls: none is for a server on this machine only",
        ),
        (
            "tls = \"opportunistic\"",
            "FILE:4: mail.tls: must be implicit, starttls or none",
        ),
        (
            "port = 0",
            "FILE:4: mail.port: must be a whole number from 1 to 65535",
        ),
        (
            "username = \"edgeward\"",
            "FILE:4: mail.username: needs a password",
        ),
        (
            "password = \"s3cret\"",
            "FILE:4: mail.password: would be shown",
        ),
        (
            "password_file = \"/nowhere\"",
            "FILE:4: mail.password_file: /nowhere: No such file",
        ),
        (
            "ca_file = \"/dev/null\"",
            "FILE:4: mail.ca_file: /dev/null holds no certificate",
        ),
        (
            "timeout_seconds = 61",
            "FILE:4: mail.timeout_seconds: must be",
        ),
        (
            "reset_link_seconds = 299",
            "FILE:4: mail.reset_link_seconds: must be a number of seconds from 300 to 86400",
        ),
        (
            "registration_seconds = 604801",
            "FILE:4: mail.registration_seconds: must be a number of seconds from 3600 to 604800",
        ),
        (
            "notify.lockout = 1",
            "FILE:4: mail.notify.lockout: must be true or false",
        ),
        (
            "notfy.lockout = true",
            "FILE:4: mail.notfy.lockout: there is no such setting; did you mean mail.notify.lockout?",
        ),
    ] {
        check(&format!("{MAIL}{lines}"), &[], &[expected]);
    }
    for (file, expected) in [
        (
            "[mail]\nserver = \"smtp.example.com\"",
            "FILE:2: mail.from: is missing",
        ),
        (
            "[mail]\nserver = \"smtp.example.com\"\nform = \"a@b.example\"",
            "FILE:3: mail.form: there is no such setting; did you mean mail.from?",
        ),
        (
            "[mail]\nfrom = \"a@b.example\"",
            "FILE:2: mail.server: is missing",
        ),
        (
            "[mail]\nserver = \"smtp.example.com:25\"\nfrom = \"a@b.example\"",
            "FILE:2: mail.server: must be the name",
        ),
        (
            "[mail]\nserver = \"smtp.example.com\"\nfrom = \"a@b.example\\r\\nBcc: c@d.example\"",
            "FILE:3: mail.from: must be an address",
        ),
    ] {
        check(file, &[], &[expected]);
    }
    let server = [("EDGEWARD__MAIL__SERVER", "smtp.example.com")];
    check(
        "",
        &server,
        &["EDGEWARD__MAIL__SERVER: mail.from: is missing"],
    );
}

#[test]
fn the_password_of_the_mail_server_is_shown_nowhere() {
    let folder = Folder::new();
    let path = folder.path().join("password");
    fs::write(&path, "s3cret\n").unwrap();
    let path = path.to_str().unwrap();
    let file = folder.path().join("edgeward.toml");
    fs::write(&file, format!("{MAIL}username = \"edgeward\"\n")).unwrap();
    for variable in [
        ("EDGEWARD__MAIL__PASSWORD", "s3cret"),
        ("EDGEWARD__MAIL__PASSWORD_FILE", path),
    ] {
        let inputs = Inputs {
            file: Some(file.clone()),
            variables: vec![(variable.0.to_owned(), variable.1.to_owned())],
            ..Inputs::default()
        };
        let mail = Config::load(&inputs).unwrap().mail.unwrap();
        assert_eq!(mail.password.as_ref().unwrap().reveal(), "s3cret");
        assert!(!format!("{mail:?}").contains("s3cret"));
        let shown = Config::show(&inputs).unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains(variable.0), "{shown}");
    }
    let both = [
        ("EDGEWARD__MAIL__PASSWORD", "s3cret"),
        ("EDGEWARD__MAIL__PASSWORD_FILE", path),
        ("EDGEWARD__MAIL__USERNAME", "edgeward"),
    ];
    let expected = "EDGEWARD__MAIL__PASSWORD_FILE: mail.password_file: contradicts mail.password";
    check(MAIL, &both, &[expected]);
}
