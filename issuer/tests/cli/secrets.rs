//! What an operator does with the secrets of CSRF and refresh tokens, with the program as it is.

use std::fs;

use crate::{
    folder::Folder,
    program::{Ran, edgeward, run},
};

struct World(Folder);

impl World {
    fn new() -> Self {
        let world = Self(Folder::new());
        world.done(&["migrate", "up"]);
        world
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(edgeward(self.0.path()).args(args), b"")
    }

    fn done(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran.out
    }

    /// The id of the one secret of a kind in a state.
    fn one(&self, kind: &str, state: &str) -> String {
        let list = self.done(&["keys", "list"]);
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

    fn events(&self) -> String {
        self.done(&["events", "list", "--json"])
    }
}

#[test]
fn a_rotation_says_when_the_next_secret_makes_tokens() {
    let world = World::new();
    for (kind, tokens) in [("csrf", "CSRF tokens"), ("refresh", "refresh tokens")] {
        let planned = world.done(&["keys", "rotate", kind]);
        let (first, next) = (world.one(kind, "active"), world.one(kind, "published"));
        let begins = format!("{next} makes {tokens} from 20");
        assert!(planned.starts_with(&begins), "{planned}");
        let seconds: i64 = planned
            .rsplit_once(", in ")
            .and_then(|(_, rest)| rest.strip_suffix(" seconds\n")?.parse().ok())
            .unwrap();
        assert!((1390..=1398).contains(&seconds), "{planned}");
        // Forced, it waits for the issuers, which read within a minute, and not for the edges, which ask.
        let forced = world.done(&["keys", "rotate", kind, "--force"]);
        assert!(forced.starts_with(&begins), "{forced}");
        let seconds: i64 = forced
            .rsplit_once(", in ")
            .and_then(|(_, rest)| rest.strip_suffix(" seconds\n")?.parse().ok())
            .unwrap();
        assert!((10..=61).contains(&seconds), "{forced}");
        assert_eq!(world.one(kind, "active"), first);
        let revoked = world.done(&["keys", "revoke", &first]);
        assert_eq!(revoked, format!("{next} makes {tokens} now\n"));
        assert_eq!(world.one(kind, "revoked"), first);
        let again = world.run(&["keys", "revoke", &first]);
        assert_eq!(again.code, Some(1), "{again:?}");
        assert!(
            again.err.contains("this secret is revoked already"),
            "{again:?}"
        );
    }
    let unknown = world.run(&["keys", "revoke", "csrf-000000000000"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(
        unknown.err.contains("no secret with this id"),
        "{unknown:?}"
    );
    let events = world.events();
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
    let world = World::new();
    let secrets = world.0.path().join("data/secrets");
    world.done(&["keys", "rotate", "csrf"]);
    let read = || ["kek", "refresh-mac", "csrf"].map(|name| fs::read(secrets.join(name)).unwrap());
    let before = read();
    let active = world.one("csrf", "active");
    world.done(&["keys", "revoke", &active]);
    assert_eq!(read(), before);
    // What was revoked does not come back from the file.
    world.done(&["keys", "rotate", "csrf"]);
    assert_ne!(world.one("csrf", "active"), active);
    assert_eq!(world.one("csrf", "revoked"), active);
}

#[test]
fn they_are_resealed_with_the_signing_keys() {
    let world = World::new();
    world.done(&["keys", "rotate", "--force"]);
    world.done(&["keys", "rotate", "refresh"]);
    let told = world.done(&["keys", "reseal", "--all"]);
    for kind in ["csrf", "refresh"] {
        let moved = format!("{}: local:", world.one(kind, "active"));
        assert!(told.contains(&moved), "{told}");
    }
    let again = world.done(&["keys", "rotate", "refresh"]);
    assert!(again.contains("makes refresh tokens from"), "{again}");
}
