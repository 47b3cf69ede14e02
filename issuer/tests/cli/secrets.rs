//! What an operator does with the secrets of CSRF and refresh tokens, with the program as it is.

use std::fs;

use edgeward_issuer::{
    clock::Clock,
    domain::keyring::timing::{KEYS_READ_WITHIN_SECONDS, LEAD_SECONDS, PUBLISHED_SECONDS},
};

use crate::program::shell::Shell;

fn shell() -> Shell {
    Shell::new().migrated()
}

/// The id of the one secret of a kind in a state.
fn one(shell: &Shell, kind: &str, state: &str) -> String {
    let list = shell.done(&["keys", "list"]);
    let mut found = list.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let id = words.next().unwrap();
        (id.starts_with(&format!("{kind}-")) && words.next() == Some(state)).then_some(id)
    });
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no {state} {kind}: {list}"));
    assert_eq!(found.next(), None, "{list}");
    one.to_owned()
}

/// How many seconds it is to the moment that a command tells.
fn wait_of(told: &str) -> i64 {
    let (_, wait) = told.rsplit_once(", in ").unwrap();
    let seconds = wait.strip_suffix(" seconds\n").unwrap();
    seconds.parse().unwrap()
}

#[test]
fn a_rotation_says_when_the_next_secret_makes_tokens() {
    let shell = shell();
    for (kind, tokens) in [("csrf", "CSRF tokens"), ("refresh", "refresh tokens")] {
        let began = Clock.now();
        let planned = shell.done(&["keys", "rotate", kind]);
        let (first, next) = (one(&shell, kind, "active"), one(&shell, kind, "published"));
        let begins = format!("{next} makes {tokens} from 20");
        assert!(planned.starts_with(&begins), "{planned}");
        // The next one is made by the same command, so it is as new as it can be.
        assert_eq!(wait_of(&planned), PUBLISHED_SECONDS, "{planned}");
        // Forced, it waits for the issuers, which read within a minute, and not for the edges, which ask.
        let forced = shell.done(&["keys", "rotate", kind, "--force"]);
        assert!(forced.starts_with(&begins), "{forced}");
        let passed = Clock.now().seconds_since(began);
        let earliest = LEAD_SECONDS.max(KEYS_READ_WITHIN_SECONDS + 1 - passed);
        let within = earliest..=KEYS_READ_WITHIN_SECONDS + 1;
        assert!(within.contains(&wait_of(&forced)), "{forced}");
        assert_eq!(one(&shell, kind, "active"), first);
        let revoked = shell.done(&["keys", "revoke", &first]);
        assert_eq!(revoked, format!("{next} makes {tokens} now\n"));
        assert_eq!(one(&shell, kind, "revoked"), first);
        let again = shell.run(&["keys", "revoke", &first]);
        assert_eq!(again.code, Some(1), "{again:?}");
        assert!(
            again.err.contains("this secret is revoked already"),
            "{again:?}"
        );
    }
    let unknown = shell.run(&["keys", "revoke", "csrf-000000000000"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(
        unknown.err.contains("no secret with this id"),
        "{unknown:?}"
    );
    let events = shell.done(&["events", "list", "--json"]);
    assert!(
        events.contains("secret.revoked") && events.contains("secret.activated"),
        "{events}"
    );
    assert!(
        !events.contains("key.created"),
        "signing keys are left alone: {events}"
    );
}

#[test]
fn the_files_are_the_first_and_stay_as_they_are() {
    let shell = shell();
    let secrets = shell.path().join("data/secrets");
    shell.done(&["keys", "rotate", "csrf"]);
    let read = || ["kek", "refresh-mac", "csrf"].map(|name| fs::read(secrets.join(name)).unwrap());
    let before = read();
    let active = one(&shell, "csrf", "active");
    shell.done(&["keys", "revoke", &active]);
    assert_eq!(read(), before);
    // What was revoked does not come back from the file.
    shell.done(&["keys", "rotate", "csrf"]);
    assert_ne!(one(&shell, "csrf", "active"), active);
    assert_eq!(one(&shell, "csrf", "revoked"), active);
}

#[test]
fn they_are_resealed_with_the_signing_keys() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    shell.done(&["keys", "rotate", "refresh"]);
    let told = shell.done(&["keys", "reseal", "--all"]);
    for kind in ["csrf", "refresh"] {
        let moved = format!("{}: local:", one(&shell, kind, "active"));
        assert!(told.contains(&moved), "{told}");
    }
    let again = shell.done(&["keys", "rotate", "refresh"]);
    assert!(again.contains("makes refresh tokens from"), "{again}");
}
