//! What a gate decides by the feed, for each mode, age and finding.

use std::cell::Cell;

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment};
use edgeward_core::gate::{
    CanonicalPath, Client, Credential, Decision, Gate, PolicyState, Renewal, RequestSource,
    RequestView, Turns, decide,
};
use edgeward_core::revocation::{Advice, BOUND_MILLISECONDS, Consulted, Feed, Mode, Revocations};
use edgeward_core::time::Moment;
use edgeward_core::token::SeenTokens;
use serde_json::json;

use crate::{access, at, keys, page, read, token};

const POLICY: &str = "version = 1\n\
    [gate]\nrevocation_within_seconds = 10\n\
    [[route]]\npath = \"/bounded\"\nallow = \"signed-in\"\n\
    [[route]]\npath = \"/strict\"\nallow = \"signed-in\"\nrevocation = \"strict\"\n\
    [[route]]\npath = \"/eventual\"\nallow = \"signed-in\"\nrevocation = \"eventual\"\n\
    [[route]]\npath = \"/public\"\nallow = \"public\"\n\
    [[route]]\npath = \"/public/strict\"\nallow = \"public\"\nrevocation = \"strict\"\n";

/// A feed read at the beginning, in which the session `gone` has ended.
fn feed() -> Feed {
    let mut feed = Feed::empty();
    let now = Moment::from(at(0));
    let Advice::Fetch(ticket) = feed.advise(Mode::Bounded, now, now) else {
        panic!("an empty feed is asked for")
    };
    let page = read(&page(0, 1, "sid gone 1800000000 x\n", &json!({})), 0).unwrap();
    feed.page(&page, now).unwrap();
    feed.ended(&ticket);
    feed
}

struct Asked<'a> {
    path: &'a str,
    sid: &'a str,
    age: i64,
    is_final: bool,
    navigation: bool,
}

fn ask(asked: &Asked<'_>, seen: &std::cell::RefCell<SeenTokens>) -> (String, Option<Consulted>) {
    let (feed, keys, expect, policy) = (feed(), keys(), access(), PolicyState::parse(POLICY));
    let consulted = Cell::new(None);
    let arrived = Moment::from(at(0)).plus(asked.age);
    let gate = Gate {
        site: "https://site.example",
        policy: &policy,
        keys: Some(&keys),
        keys_are_final: false,
        expect: &expect,
        answer: None,
        seen: Some(seen),
        turns: Turns::default(),
        revocations: Some(Revocations::new(&feed, arrived, asked.is_final, &consulted)),
    };
    let text = token(&json!({ "sid": asked.sid, "sub": "ada" }));
    let cookie = format!("edgeward-access={text}");
    let names = CookieNames::for_environment(Environment::Development, false);
    let request = RequestView {
        source: RequestSource::default(),
        client: Client::Untold,
        method: "GET",
        host: "app.example",
        path: CanonicalPath::parse(asked.path),
        query: None,
        credential: Credential::from_headers(&[], &CookieHeader::parse(&[&cookie]), &names),
        navigation: asked.navigation,
        renewal: Renewal::Impossible,
    };
    let told = match decide(&gate, &request, arrived.time()) {
        Decision::Forward(permit) => match permit.identity() {
            Some(_) => "passes".to_owned(),
            None if permit.drops_credential() => "passes as nobody".to_owned(),
            None => "issuer".to_owned(),
        },
        Decision::Answer(answer) => answer.status.to_string(),
        Decision::Redirect(redirect) => redirect.location,
        Decision::NeedsRevocations(mode) => format!("asks {}", mode.name()),
        Decision::Refuse(refusal) => {
            let waits = refusal
                .retry_after
                .map_or_else(String::new, |s| format!(" in {s} s"));
            format!("{} {}{waits}", refusal.status, refusal.code)
        }
        other @ (Decision::AnswerPreflight(_)
        | Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_)) => panic!("{other:?}"),
    };
    (told, consulted.get())
}

fn check(path: &str, sid: &str, age: i64, is_final: bool, expected: &str) {
    let asked = Asked {
        path,
        sid,
        age,
        is_final,
        navigation: false,
    };
    let seen = std::cell::RefCell::new(SeenTokens::new());
    let first = ask(&asked, &seen);
    assert_eq!(first.0, expected, "{path} {sid} {age} {is_final}");
    // Remembered or not, a token is asked about.
    assert_eq!(seen.borrow().len(), 1);
    assert_eq!(ask(&asked, &seen), first, "{path} {sid} again");
}

#[test]
fn each_mode_bears_another_age() {
    for (path, age, first, finally) in [
        ("/bounded", BOUND_MILLISECONDS - 1, "passes", "passes"),
        ("/bounded", BOUND_MILLISECONDS, "asks bounded", "passes"),
        ("/strict", BOUND_MILLISECONDS - 1, "passes", "passes"),
        (
            "/strict",
            BOUND_MILLISECONDS,
            "asks strict",
            "503 REVOCATIONS_UNAVAILABLE in 1 s",
        ),
        ("/eventual", 9_999, "passes", "passes"),
        ("/eventual", 10_000, "asks eventual", "passes"),
        ("/auth/verify-token", BOUND_MILLISECONDS - 1, "204", "204"),
        (
            "/auth/verify-token",
            BOUND_MILLISECONDS,
            "asks bounded",
            "204",
        ),
        ("/public", BOUND_MILLISECONDS, "asks bounded", "passes"),
        (
            "/public/strict",
            BOUND_MILLISECONDS,
            "asks strict",
            "passes as nobody",
        ),
    ] {
        check(path, "s-1", age, false, first);
        check(path, "s-1", age, true, finally);
    }
}

#[test]
fn what_is_revoked_stays_so_however_old_the_feed_is() {
    for age in [0, 1_000, 60_000, 500_000] {
        for is_final in [false, true] {
            for path in ["/bounded", "/strict", "/eventual", "/auth/verify-token"] {
                check(path, "gone", age, is_final, "401 TOKEN_REVOKED");
            }
            check("/public", "gone", age, is_final, "passes as nobody");
        }
    }
}

#[test]
fn people_are_led_to_the_sign_in_and_are_not_led_back() {
    for (path, sid, expected) in [
        ("/bounded", "gone", "/login?returnTo=%2Fbounded"),
        ("/strict", "gone", "/login?returnTo=%2Fstrict"),
        ("/login", "gone", "issuer"),
        ("/login", "s-1", "/"),
    ] {
        let asked = Asked {
            path,
            sid,
            age: 0,
            is_final: false,
            navigation: true,
        };
        let seen = std::cell::RefCell::new(SeenTokens::new());
        assert_eq!(ask(&asked, &seen).0, expected, "{path} {sid}");
    }
}

#[test]
fn it_is_told_how_the_feed_was_used() {
    for (path, age, mode, was_current) in [
        ("/bounded", 0, Mode::Bounded, true),
        ("/strict", 2_000, Mode::Strict, false),
        (
            "/eventual",
            2_000,
            Mode::Eventual { within_seconds: 10 },
            true,
        ),
    ] {
        let asked = Asked {
            path,
            sid: "s-1",
            age,
            is_final: true,
            navigation: false,
        };
        let seen = std::cell::RefCell::new(SeenTokens::new());
        let expected = Some(Consulted { mode, was_current });
        assert_eq!(ask(&asked, &seen).1, expected, "{path}");
    }
    let nobody = Asked {
        path: "/nowhere",
        sid: "s-1",
        age: 0,
        is_final: false,
        navigation: false,
    };
    let seen = std::cell::RefCell::new(SeenTokens::new());
    assert_eq!(ask(&nobody, &seen), ("403 ROUTE_DENIED".to_owned(), None));
}
