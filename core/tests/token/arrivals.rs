//! What is told of the tokens that clients presented, and what is not.

use std::sync::Arc;

use edgeward_core::keys::KeySet;
use edgeward_core::token::{Arrivals, BroughtBy, MAX_ARRIVALS_BYTES, SeenTokens, verify};

use crate::forge::*;

const SID: &str = "01900000-0000-7000-8000-000000000001";

/// A token of a session and a generation.
fn of(sid: &str, seq: &str) -> String {
    with_claims(claims().with("sid", &format!("\"{sid}\"")).with("seq", seq))
}

/// Verifies and remembers where it is not known, as the gate does.
fn comes(seen: &mut SeenTokens, by: BroughtBy, token: &str) {
    let (keys, expect) = (keys(), expect());
    if seen.recall(by, token, &keys, &expect, NOW).is_none() {
        let verified = Arc::new(verify(token, &keys, &expect, NOW).unwrap());
        seen.remember(by, &verified, token.len(), &keys, &expect);
    }
}

fn untold(seen: &SeenTokens) -> String {
    seen.arrivals().borrow().untold().unwrap_or_default()
}

#[test]
fn a_token_is_noted_once_and_only_when_a_client_brings_it() {
    let mut seen = SeenTokens::new();
    let token = of(SID, "3");
    for (by, told) in [
        (BroughtBy::Edge, String::new()),
        (BroughtBy::Edge, String::new()),
        (BroughtBy::Client, format!("{SID}.3;")),
        (BroughtBy::Client, format!("{SID}.3;")),
        (BroughtBy::Edge, format!("{SID}.3;")),
    ] {
        comes(&mut seen, by, &token);
        assert_eq!(untold(&seen), told, "{by:?}");
    }
    let told = untold(&seen);
    seen.arrivals().borrow_mut().were_told(&told);
    comes(&mut seen, BroughtBy::Client, &token);
    assert_eq!(seen.arrivals().borrow().untold(), None, "told is told");
}

#[test]
fn only_generations_that_took_the_place_of_another_are_told() {
    for (token, told) in [
        (good(), ""),
        (of(SID, "0"), ""),
        (of(SID, "1"), "01900000-0000-7000-8000-000000000001.1;"),
        (
            of(SID, "9007199254740991"),
            "01900000-0000-7000-8000-000000000001.9007199254740991;",
        ),
        (with_claims(claims().with("seq", "1").without("sid")), ""),
        // What no issuer of ours writes could end the header or begin another entry.
        (of("a.b", "1"), ""),
        (of("a;b", "1"), ""),
        (of("a b", "1"), ""),
        (of("ä", "1"), ""),
        (of("a\\r\\nb", "1"), ""),
        (of(&"a".repeat(37), "1"), ""),
    ] {
        let mut seen = SeenTokens::new();
        comes(&mut seen, BroughtBy::Client, &token);
        assert_eq!(untold(&seen), told);
    }
}

#[test]
fn what_finds_no_room_is_told_when_it_is_presented_again() {
    let mut seen = SeenTokens::new();
    let tokens: Vec<String> = (0..120)
        .map(|number| of(&format!("01900000-0000-7000-8000-{number:012}"), "1"))
        .collect();
    for token in &tokens {
        comes(&mut seen, BroughtBy::Client, token);
    }
    let first = untold(&seen);
    assert!(first.len() <= MAX_ARRIVALS_BYTES, "{}", first.len());
    let noted = Arrivals::read(&first).count();
    assert_eq!(noted, 70, "as many as fit, were each of the longest");
    seen.arrivals().borrow_mut().were_told(&first);
    assert_eq!(untold(&seen), "");
    for token in &tokens {
        comes(&mut seen, BroughtBy::Client, token);
    }
    let rest = untold(&seen);
    let all: Vec<_> = Arrivals::read(&first)
        .chain(Arrivals::read(&rest))
        .collect();
    assert_eq!(all.len(), tokens.len());
    assert!(all.iter().all(|(sid, seq)| sid.len() == 36 && *seq == 1));
}

#[test]
fn what_comes_while_a_question_is_under_way_is_told_by_the_next() {
    let mut seen = SeenTokens::new();
    comes(&mut seen, BroughtBy::Client, &of("a", "1"));
    let first = untold(&seen);
    comes(&mut seen, BroughtBy::Client, &of("b", "1"));
    let second = untold(&seen);
    seen.arrivals().borrow_mut().were_told(&first);
    assert_eq!(untold(&seen), "b.1;");
    // Its answer was overtaken by the one before, and what came since is still to be told.
    comes(&mut seen, BroughtBy::Client, &of("b", "2"));
    seen.arrivals().borrow_mut().were_told(&second);
    assert_eq!(untold(&seen), "b.2;");
    seen.arrivals().borrow_mut().were_told("b.2;");
    assert_eq!(untold(&seen), "");
}

#[test]
fn a_session_takes_one_place_whatever_is_presented_of_it() {
    let mut seen = SeenTokens::new();
    for generation in (1..=200).chain([7]) {
        comes(
            &mut seen,
            BroughtBy::Client,
            &of("a", &generation.to_string()),
        );
    }
    comes(&mut seen, BroughtBy::Client, &of("b", "1"));
    assert_eq!(untold(&seen), "a.200;b.1;");
}

#[test]
fn the_longest_that_is_told_is_read() {
    let mut seen = SeenTokens::new();
    for number in 0..100 {
        let session = format!("{number:036}");
        comes(
            &mut seen,
            BroughtBy::Client,
            &of(&session, "9007199254740991"),
        );
    }
    let told = untold(&seen);
    assert!(told.len() <= MAX_ARRIVALS_BYTES, "{}", told.len());
    assert_eq!(Arrivals::read(&told).count(), 70);
}

#[test]
fn other_keys_forget_tokens_and_not_what_is_to_be_told() {
    let expect = expect();
    let mut seen = SeenTokens::new();
    comes(&mut seen, BroughtBy::Client, &of("a", "1"));
    let after = KeySet::parse(set(&[jwk(",\"kid\":\"new\"")]).as_bytes()).unwrap();
    let token = with_header(header().with("kid", "\"new\""));
    let verified = Arc::new(verify(&token, &after, &expect, NOW).unwrap());
    seen.remember(BroughtBy::Client, &verified, token.len(), &after, &expect);
    assert_eq!((seen.len(), untold(&seen).as_str()), (1, "a.1;"));
}

#[test]
fn an_expired_token_says_nothing() {
    let mut seen = SeenTokens::new();
    let (keys, expect, token) = (keys(), expect(), of("a", "1"));
    comes(&mut seen, BroughtBy::Edge, &token);
    let late = seen.recall(BroughtBy::Client, &token, &keys, &expect, NOW.plus(661));
    assert!(late.unwrap().is_err());
    assert_eq!(untold(&seen), "");
}

#[test]
fn what_others_write() {
    let read = |text| Arrivals::read(text).collect::<Vec<_>>();
    for (text, found) in [
        ("", vec![]),
        (";", vec![]),
        ("a.1", vec![("a", 1)]),
        ("a.1;", vec![("a", 1)]),
        ("a.1;b.2;", vec![("a", 1), ("b", 2)]),
        ("a.1;nonsense;b.2", vec![("a", 1), ("b", 2)]),
        ("a.+1;a.-1;a.;a. 1;a.1.2;a.0x1", vec![]),
        ("a.18446744073709551616", vec![]),
        ("a.18446744073709551615", vec![("a", u64::MAX)]),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
    let long = "a.1;".repeat(MAX_ARRIVALS_BYTES / 4);
    assert_eq!(read(&long).len(), MAX_ARRIVALS_BYTES / 4);
    assert_eq!(read(&format!("{long}a")), []);
}
