//! What an operator does with signing keys, with the program as it is.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::program::shell::Shell;

/// The first key of RFC 8410, section 10.3, and the thumbprint of its public half.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

fn shell() -> Shell {
    Shell::new().migrated()
}

/// Id and state of each key, as the list shows them.
fn keys(shell: &Shell) -> Vec<(String, String)> {
    let list = shell.done(&["keys", "list"]);
    let words = |line: &str| {
        let mut words = line.split_whitespace();
        (
            words.next().unwrap().to_owned(),
            words.next().unwrap().to_owned(),
        )
    };
    list.lines().map(words).collect()
}

fn in_state(shell: &Shell, state: &str) -> Vec<String> {
    let keys = keys(shell).into_iter();
    keys.filter(|(_, it)| it == state)
        .map(|(id, _)| id)
        .collect()
}

/// What the log says of keys: action, and whether it says `forced`.
fn log(shell: &Shell) -> Vec<String> {
    let events = shell.done(&["events", "list", "--json"]);
    let line = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let forced = event["metadata"]["forced"] == "true";
        let kind = event["type"].as_str().unwrap();
        format!("{kind}{}", if forced { " forced" } else { "" })
    };
    let mut told: Vec<String> = events.lines().map(line).collect();
    told.reverse();
    told
}

#[test]
fn a_rotation_says_when_the_new_key_signs() {
    let shell = shell();
    // There is no key yet: what is asked for is made, and signs when it may.
    let first = shell.done(&["keys", "rotate", "--force"]);
    let id = in_state(&shell, "active").concat();
    assert_eq!(first, format!("{id} signs now\n"));
    let planned = shell.done(&["keys", "rotate"]);
    let next = in_state(&shell, "published").concat();
    assert!(
        planned.starts_with(&format!("{next} signs from 20")),
        "{planned}"
    );
    assert!(planned.ends_with(" seconds\n"), "{planned}");
    let again = shell.done(&["keys", "rotate"]);
    let when = |text: &str| text.split(", in ").next().unwrap().to_owned();
    assert_eq!(
        when(&again),
        when(&planned),
        "asking twice makes nothing later"
    );
    let list = shell.done(&["keys", "list"]);
    assert!(
        list.contains(&format!("{id} active    EdDSA signs since 20")),
        "{list}"
    );
    assert!(list.contains(", seen by every verifier from 20"), "{list}");
    let forced = shell.done(&["keys", "rotate", "--force"]);
    assert_eq!(forced, format!("{next} signs now\n"));
    assert_eq!(in_state(&shell, "retiring"), [id]);
    let expected = [
        "key.created",
        "key.activated forced",
        "key.created",
        "key.activated forced",
    ];
    assert_eq!(log(&shell), expected);
}

#[test]
fn a_revoked_key_leaves_another_that_signs() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    let only = in_state(&shell, "active").concat();
    let told = shell.done(&["keys", "revoke", &only]);
    let signs = in_state(&shell, "active").concat();
    assert_eq!(told, format!("{signs} signs now\n"));
    assert_eq!(in_state(&shell, "revoked").concat(), only);
    for (id, why) in [
        (only.as_str(), "revoked already"),
        ("nobody", "no signing key with this id"),
        ("", "no signing key with this id"),
    ] {
        let ran = shell.run(&["keys", "revoke", id]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(why) && ran.out.is_empty(), "{ran:?}");
    }
    assert_eq!(log(&shell).last().unwrap(), "key.activated forced");
    assert!(log(&shell).contains(&"key.revoked".to_owned()));
}

#[test]
fn an_imported_key_is_the_next_one() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    let pem = shell.path().join("key.pem");
    fs::write(&pem, PEM).unwrap();
    let file = pem.to_str().unwrap();
    let told = shell.done(&["keys", "import", file]);
    let imported = in_state(&shell, "published").concat();
    assert!(
        told.starts_with(&format!("{imported} signs from 20")),
        "{told}"
    );
    let again = shell.run_with(&["keys", "import", "-"], PEM);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("there already"), "{again:?}");
    shell.done(&["keys", "rotate", "--force"]);
    assert_eq!(in_state(&shell, "active").concat(), imported);
    shell.done(&["keys", "revoke", &imported]);
    let back = shell.run(&["keys", "import", "--force", file]);
    assert_eq!(
        back.code,
        Some(1),
        "a revoked key does not come back: {back:?}"
    );
    assert!(log(&shell).contains(&"key.imported".to_owned()));
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let shell = shell();
    for (text, why) in [
        ("", "no private key in PEM"),
        (
            "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
            "no private key in PEM",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n-----END PRIVATE KEY-----\n",
            "no key in PKCS#8",
        ),
        (&"a".repeat(100_000), "longer than a private key"),
    ] {
        let ran = shell.run_with(&["keys", "import", "-"], text);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.err.contains(why) && !ran.err.contains("MIGHAg"),
            "{ran:?}"
        );
    }
    let ran = shell.run(&["keys", "import", "nowhere.pem"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("nowhere.pem"), "{ran:?}");
    assert!(keys(&shell).is_empty());
}

#[test]
fn with_other_secrets_nothing_is_sealed() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    let before = keys(&shell);
    let secrets = shell.path().join("data/secrets");
    fs::rename(&secrets, shell.path().join("away")).unwrap();
    let ran = shell.run(&["keys", "rotate"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("are not here"), "{ran:?}");
    assert!(!secrets.exists(), "and none are made");
    let other = Shell::new().migrated();
    other.done(&["keys", "rotate", "--force"]);
    fs::rename(other.path().join("data/secrets"), &secrets).unwrap();
    let ran = shell.run(&["keys", "rotate", "--force"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("does not open"), "{ran:?}");
    assert_eq!(keys(&shell), before);
}

#[test]
fn the_key_set_has_room_for_so_many() {
    let shell = shell();
    let refused = loop {
        let ran = shell.run(&["keys", "rotate", "--force"]);
        if ran.code != Some(0) {
            break ran;
        }
    };
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.err.contains("wait until one is retired"),
        "{refused:?}"
    );
    let states: BTreeSet<String> = keys(&shell).into_iter().map(|(_, state)| state).collect();
    assert_eq!(keys(&shell).len(), 8);
    assert!(states.contains("active") && states.contains("retiring"));
    // An emergency finds room all the same.
    let active = in_state(&shell, "active").concat();
    shell.done(&["keys", "revoke", &active]);
}

/// Ids are base64url, which has a hyphen.
#[test]
fn an_id_may_begin_like_an_option() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    for id in [
        "-zS2a9hcCnY4VhfyK2qc9ape2qOqVQbX2nTJsEky0lk",
        "-hS2a9hcCnY4VhfyK2qc9ape2qOqVQbX2nTJsEky0lk",
        "--S2a9hcCnY4VhfyK2qc9ape2qOqVQbX2nTJsEky0lk",
    ] {
        let ran = shell.run(&["keys", "revoke", id]);
        assert_eq!(ran.code, Some(1), "there is no such key: {ran:?}");
    }
}
