//! What an operator types beside serving: configuration, schema, edges and accounts.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::program::{run, shell::Shell};

#[test]
fn config_check_tells_all_mistakes_and_where_they_are() {
    let shell = Shell::new();
    assert!(shell.done(&["config", "check"]).starts_with("ok: "));
    fs::write(
        shell.path().join("e.toml"),
        "[log]\nformat = \"xml\"\nlavel = \"info\"\n",
    )
    .unwrap();
    let mut command = shell.command(&["config", "check", "--config", "e.toml"]);
    let ran = run(command.env("EDGEWARD__SERVER__LISTEN", "x"), b"");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for says in [
        "e.toml:2: log.format",
        "e.toml:3: log.lavel",
        "EDGEWARD__SERVER__LISTEN: server.listen",
    ] {
        assert!(ran.out.contains(says), "{says}: {ran:?}");
    }
    let ran = shell.run(&["serve", "--config", "e.toml"]);
    assert_eq!(
        ran.code,
        Some(2),
        "a broken configuration is not served: {ran:?}"
    );
    assert!(!shell.path().join("data").exists(), "and nothing is made");
}

#[test]
fn config_check_on_a_file_with_six_mistakes_names_all_six() {
    let shell = Shell::new();
    fs::write(
        shell.path().join("e.toml"),
        "environment = \"production\"\n\
         [issuer]\n\
         url = \"https://auth.example.com\"\n\
         audiense = \"https://app.example.com\"\n\
         [cookies]\n\
         parent_domain = \"example.org\"\n\
         [tokens]\n\
         access_seconds = 30\n\
         session_idle_seconds = 7200\n\
         session_absolute_seconds = 3600\n\
         [log]\n\
         format = \"text\"\n\
         level = \"verbose\"\n",
    )
    .unwrap();
    let ran = shell.run(&["config", "check", "--config", "e.toml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert_eq!(
        ran.out.lines().collect::<Vec<_>>(),
        [
            "e.toml:4: issuer.audiense: there is no such setting; did you mean issuer.audience?",
            "e.toml:6: cookies.parent_domain: contradicts issuer.url: a browser refuses cookies for example.org from auth.example.com",
            "e.toml:8: tokens.access_seconds: must be a number of seconds from 60 to 3600",
            "e.toml:9: tokens.session_idle_seconds: contradicts tokens.session_absolute_seconds: 7200 is more than 3600",
            "e.toml:12: log.format: text is a development setting, use json",
            "e.toml:13: log.level: must be error, warn, info or debug",
        ]
    );
}

#[test]
fn config_check_refuses_secrets_that_others_can_read_in_production() {
    let shell = Shell::new();
    let secrets = shell.path().join("data/secrets");
    fs::create_dir_all(&secrets).unwrap();
    for name in ["kek", "refresh-mac", "csrf"] {
        fs::write(secrets.join(name), [7; 32]).unwrap();
        fs::set_permissions(secrets.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        shell.path().join("e.toml"),
        "environment = \"production\"\nissuer.url = \"https://www.example.com\"\n",
    )
    .unwrap();
    for command in [
        vec!["config", "check"],
        vec!["serve", "--listen", "127.0.0.1:0"],
    ] {
        let ran = shell.run(&[&["--config", "e.toml"], &command[..]].concat());
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert!(
            format!("{}{}", ran.out, ran.err).contains("has mode 755 and is open to other users"),
            "{ran:?}"
        );
    }
    let shown = shell.done(&["--config", "e.toml", "config", "show"]);
    assert!(shown.contains("secrets/kek (redacted)"), "{shown}");
}

#[test]
fn edges_are_enrolled_listed_and_revoked() {
    let shell = Shell::new();
    let secret = shell.done(&["edge", "enroll", "edge-1"]);
    assert_eq!(secret.lines().count(), 1, "only the secret is printed");
    let parts: Vec<&str> = secret.trim_end().split('.').collect();
    assert_eq!(parts[..2], ["edge1", "edge-1"]);
    assert_eq!(parts[2].len(), 43, "32 bytes in base64url");
    let again = shell.run(&["edge", "enroll", "edge-1"]);
    assert_eq!((again.code, again.out.as_str()), (Some(1), ""));
    for name in ["", "Edge", "a.b", "edge_1", &"a".repeat(33)] {
        let ran = shell.run(&["edge", "enroll", name]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{name}");
    }
    let listed = shell.done(&["edge", "list"]);
    assert!(
        listed.starts_with("edge-1 ") && listed.contains(" enrolled "),
        "{listed}"
    );
    assert!(!listed.contains(parts[2]));
    assert_eq!(shell.run(&["edge", "revoke", "edge-2"]).code, Some(1));
    shell.done(&["edge", "revoke", "edge-1"]);
    assert!(shell.done(&["edge", "list"]).contains(" revoked "));
    let database = fs::read(shell.path().join("data/edgeward.db")).unwrap();
    let held = database
        .windows(43)
        .any(|window| window == parts[2].as_bytes());
    assert!(!held, "the secret is kept nowhere");
}

#[test]
fn a_user_is_added_once_with_a_good_password_only() {
    let shell = Shell::new();
    // The cost of production would be paid for each of these.
    fs::write(
        shell.path().join("e.toml"),
        "passwords.argon2.memory_kib = 64\n",
    )
    .unwrap();
    let add = |email: &str, extra: &[&str], input: &[u8]| {
        let mut command = shell.command(&["--config", "e.toml", "user", "add", "--email", email]);
        run(command.args(extra), input)
    };
    let generated = add(
        "ada@example.test",
        &["--role", "admin", "--role", "user"],
        b"",
    );
    assert_eq!(generated.code, Some(0), "{generated:?}");
    assert!(generated.out.trim_end().len() >= 24, "{generated:?}");
    let taken = add("ADA@example.test", &[], b"");
    assert_eq!((taken.code, taken.out.as_str()), (Some(1), ""), "{taken:?}");
    let typed = add(
        "eve@example.test",
        &["--password-stdin"],
        b"Correct-Horse-7-Battery\r\n",
    );
    assert_eq!(typed.code, Some(0), "{typed:?}");
    assert!(!typed.out.contains("Horse") && !typed.err.contains("Horse"));
    let weak = add("bob@example.test", &["--password-stdin"], b"short\n");
    assert_eq!((weak.code, weak.out.as_str()), (Some(1), ""), "{weak:?}");
    for (email, extra, input) in [
        (
            "nobody",
            &["--password-stdin"][..],
            &b"Correct-Horse-7-Battery"[..],
        ),
        ("bob@example.test", &["--password-stdin"], b""),
        ("bob@example.test", &["--role", "a role"], b""),
    ] {
        let ran = add(email, extra, input);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(2), ""),
            "{email}: {ran:?}"
        );
    }
}

#[test]
fn the_schema_goes_up_and_down() {
    let shell = Shell::new();
    let nothing = shell.run(&["migrate", "status"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    let steps = shell.done(&["migrate", "up"]).lines().count();
    assert!(steps > 0);
    assert_eq!(shell.done(&["migrate", "up"]), "nothing to do\n");
    // Without --yes it only tells what it would do.
    let ran = shell.run(&["migrate", "down", "--to", "0"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.out.matches("would be undone").count(), steps, "{ran:?}");
    assert!(ran.out.contains("copy the data folder"), "{ran:?}");
    assert_eq!(shell.done(&["migrate", "up"]), "nothing to do\n");
    assert_eq!(shell.done(&["migrate", "down", "--yes"]).lines().count(), 1);
    assert_eq!(
        shell
            .done(&["migrate", "status"])
            .lines()
            .filter(|line| line.ends_with("pending"))
            .count(),
        1
    );
    assert_eq!(
        shell
            .done(&["migrate", "down", "--to", "0", "--yes"])
            .lines()
            .count(),
        steps - 1
    );
    assert!(
        shell
            .done(&["migrate", "status"])
            .lines()
            .all(|line| line.ends_with("pending"))
    );
}

#[test]
fn nothing_is_undone_where_no_database_is() {
    let shell = Shell::new();
    let ran = shell.run(&["migrate", "down", "--yes"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("there is no such database"), "{ran:?}");
    let ran = shell.run(&["migrate", "status"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("there is no such database"), "{ran:?}");
}
