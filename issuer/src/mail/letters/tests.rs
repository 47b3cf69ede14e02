//! What letters say in each language, and what they never say.

use std::collections::BTreeSet;

use super::*;

const SITE: &str = "https://www.example.com";

const ABOUT: Circumstances<'_> = Circumstances {
    at: UnixTime::from_seconds(1_795_000_000),
    device: Some("Firefox on Linux"),
    place: Some("<192.0.2.0/24>"),
};

#[test]
fn a_letter_says_the_same_in_both_forms() {
    let letters = Letters::of(SITE, Links::default());
    let letter = letters.in_language(Language::English).new_device(ABOUT);
    assert_eq!(
        letter.subject,
        "A sign-in from a new device – www.example.com"
    );
    let what = "somebody signed in to your account at www.example.com on 2026-11-18 at 11:06 UTC, with Firefox on Linux, from the network";
    let (plain, html) = (letter.plain().unwrap(), letter.html().unwrap());
    assert!(
        plain.contains(&format!("{what} <192.0.2.0/24>.\n")),
        "{plain}"
    );
    assert!(
        html.contains(what) && html.contains("192.0.2.0/24"),
        "{html}"
    );
    assert!(!html.contains("<192"), "the template escapes: {html}");
    let link = "https://www.example.com/auth/forgot";
    assert!(plain.contains(link) && html.contains(link), "{plain}{html}");
}

#[test]
fn no_letter_has_a_name_that_a_stranger_chose() {
    let letters = Letters::of(SITE, Links::default());
    for (language, told) in [
        (Language::English, "with an unknown program, from"),
        (Language::German, "mit einem unbekannten Programm"),
    ] {
        let writer = letters.in_language(language);
        let about = Circumstances {
            device: Some("www.evil.example"),
            ..ABOUT
        };
        for letter in [writer.new_device(about), writer.refresh_reused(about)] {
            for text in [letter.plain().unwrap(), letter.html().unwrap()] {
                assert!(text.contains(told), "{text}");
                assert!(!text.contains("evil"), "{text}");
            }
        }
    }
}

#[test]
fn a_letter_says_how_long_its_link_works() {
    let token = LinkToken::from_random([0x5a; 32]);
    for (reset, registration, told) in [
        (1800, 24 * 3600, ["30 minutes", "24 hours"]),
        (300, 3600, ["5 minutes", "60 minutes"]),
        (7199, 7200, ["119 minutes", "2 hours"]),
        (9000, 7 * 24 * 3600, ["2 hours", "168 hours"]),
    ] {
        let links = Links {
            reset_seconds: reset,
            registration_seconds: registration,
        };
        let letters = Letters::of(SITE, links);
        let writer = letters.in_language(Language::English);
        for (letter, told) in [writer.reset(&token), writer.confirm(&token)]
            .iter()
            .zip(told)
        {
            let plain = letter.plain().unwrap();
            assert!(plain.contains(&format!("within {told}.")), "{plain}");
        }
    }
}

#[test]
fn links_begin_with_the_site_and_carry_their_token() {
    let letters = Letters::of(SITE, Links::default());
    let writer = letters.in_language(Language::German);
    let token = LinkToken::from_random([0x5a; 32]);
    for (letter, path) in [
        (writer.confirm(&token), CONFIRM_PATH),
        (writer.reset(&token), RESET_PATH),
    ] {
        let url = format!("\nhttps://www.example.com{path}?token={}\n", token.reveal());
        let plain = letter.plain().unwrap();
        assert!(plain.contains(&url), "{plain}");
    }
}

/// Every letter in a language.
fn all(writer: Writer<'_>) -> [Letter; 7] {
    let token = LinkToken::from_random([0x5a; 32]);
    [
        writer.confirm(&token),
        writer.known(),
        writer.reset(&token),
        writer.password_changed(ABOUT),
        writer.locked(ABOUT),
        writer.new_device(ABOUT),
        writer.refresh_reused(ABOUT),
    ]
}

#[test]
fn every_letter_is_in_the_language_of_its_writer() {
    let letters = Letters::of(SITE, Links::default());
    let mut subjects = BTreeSet::new();
    for (language, greeting, closing) in [
        (
            Language::English,
            "Hello,\n",
            "\nThis mail was sent by a program.",
        ),
        (
            Language::German,
            "Guten Tag,\n",
            "\nDiese Mail hat ein Programm verschickt.",
        ),
    ] {
        for letter in all(letters.in_language(language)) {
            let (plain, html) = (letter.plain().unwrap(), letter.html().unwrap());
            assert!(
                plain.starts_with(greeting) && plain.contains(closing),
                "{plain}"
            );
            let lang = format!("<html lang=\"{}\">", language.tag());
            assert!(
                html.contains(&lang) && html.contains(greeting.trim()),
                "{html}"
            );
            // What fluent-templates writes where a text is missing, or a value in it.
            for hole in ["Unknown localization", "{", "$"] {
                assert!(
                    !plain.contains(hole) && !letter.subject.contains(hole),
                    "{hole}: {plain}"
                );
            }
            assert!(
                !letter.subject.contains(char::is_control),
                "{:?}",
                letter.subject
            );
            assert!(
                letter.subject.ends_with(" – www.example.com"),
                "{}",
                letter.subject
            );
            assert!(
                subjects.insert(letter.subject.clone()),
                "{} is there twice",
                letter.subject
            );
        }
    }
}

#[test]
fn what_is_known_of_an_act_is_told_as_the_language_has_it() {
    let letters = Letters::of(SITE, Links::default());
    let device = Some("Firefox on Linux");
    let place = Some("192.0.2.0/24");
    for (language, device, place, told) in [
        (
            Language::English,
            device,
            place,
            "was changed on 2026-11-18 at 11:06 UTC, with Firefox on Linux, from the network 192.0.2.0/24.",
        ),
        (
            Language::German,
            device,
            place,
            "wurde am 18.11.2026 um 11:06 UTC mit Firefox unter Linux aus dem Netz 192.0.2.0/24 geändert.",
        ),
        (
            Language::German,
            Some("curl"),
            None,
            "wurde am 18.11.2026 um 11:06 UTC mit curl geändert.",
        ),
        (
            Language::English,
            Some("Unknown device"),
            None,
            "was changed on 2026-11-18 at 11:06 UTC, with an unknown program.",
        ),
        (
            Language::German,
            None,
            None,
            "wurde am 18.11.2026 um 11:06 UTC geändert.",
        ),
    ] {
        let at = ABOUT.at;
        let about = Circumstances { at, device, place };
        let letter = letters.in_language(language).password_changed(about);
        let plain = letter.plain().unwrap();
        assert!(plain.contains(told), "{told}: {plain}");
    }
}
