//! Which requests must bring the token, and which token counts.

use super::{AGENT, INVALID, SESSION, app_with, cookies, is_refused, pays_with, token};

#[tokio::test]
async fn a_token_counts_for_its_session_browser_and_days() {
    let site = app_with(&[1, 2]).await;
    for (title, token, passes) in [
        ("of today", token(&site, 1, SESSION, AGENT, 0), true),
        ("of yesterday", token(&site, 1, SESSION, AGENT, 1), true),
        (
            "by the key before",
            token(&site, 2, SESSION, AGENT, 0),
            true,
        ),
        ("of two days ago", token(&site, 1, SESSION, AGENT, 2), false),
        ("of tomorrow", token(&site, 1, SESSION, AGENT, -1), false),
        ("of another session", token(&site, 1, "s2", AGENT, 0), false),
        ("of nobody", token(&site, 1, "anonymous", AGENT, 0), false),
        (
            "of another browser",
            token(&site, 1, SESSION, "Browser/2", 0),
            false,
        ),
        ("by another key", token(&site, 3, SESSION, AGENT, 0), false),
        ("no token", "x".to_owned(), false),
    ] {
        let answer = pays_with(&site, &token);
        if passes {
            assert_eq!(answer.status, 200, "{title}: {answer:?}");
            assert_eq!(site.arrived().len(), 1, "{title}");
        } else {
            is_refused(&site, answer, INVALID);
        }
    }
    let log = site.edge.log();
    for reason in [
        "csrf-stale: /pay",
        "csrf-forged: /pay",
        "csrf-malformed: /pay",
    ] {
        assert!(log.contains(reason), "{reason}");
    }
    let good = token(&site, 1, SESSION, AGENT, 0);
    assert!(!log.contains(&good), "no token is logged");
}

#[tokio::test]
async fn both_halves_are_demanded_of_unsafe_requests_with_cookies() {
    let site = app_with(&[1]).await;
    let good = token(&site, 1, SESSION, AGENT, 0);
    let (both, access) = (cookies(&site, &good), site.cookie());
    let bearer = access.replacen("edgeward-access=", "Bearer ", 1);
    let own = site.edge.origin().to_owned();
    let sent = ("X-CSRF-Token", &*good);
    let (same, null) = (("Sec-Fetch-Site", "same-origin"), ("Origin", "null"));
    for (line, cookie, headers, passes) in [
        ("POST /pay", &*both, &[sent][..], true),
        ("POST /pay", &both, &[sent, ("Origin", &*own), same], true),
        ("PUT /pay", &both, &[sent], true),
        ("PATCH /pay", &both, &[sent], true),
        ("DELETE /pay", &both, &[sent], true),
        ("POST /pay", &both, &[], false),
        ("PUT /pay", &both, &[], false),
        ("PATCH /pay", &both, &[], false),
        ("DELETE /pay", &both, &[], false),
        ("POST /pay", &access, &[sent], false),
        ("POST /pay", &both, &[("X-CSRF-Token", "another")], false),
        ("POST /pay", &both, &[sent, sent], false),
        // What changes nothing needs none, and neither does what asks for none.
        ("GET /pay", &access, &[], true),
        ("HEAD /pay", &access, &[], true),
        ("OPTIONS /pay", &access, &[], true),
        ("POST /app/x", &access, &[], true),
        // What no browser sends by itself needs none.
        (
            "POST /pay",
            "theme=dark",
            &[("Authorization", &*bearer)],
            true,
        ),
        (
            "POST /pay",
            "edgeward-refresh=rt1.x",
            &[("Authorization", &*bearer)],
            true,
        ),
        // A page that hides its name brings it everywhere.
        ("POST /app/x", &both, &[null, same, sent], true),
        ("POST /pay", &both, &[null, same, sent], true),
        ("POST /app/x", &both, &[null, same], false),
        ("POST /pay", &both, &[null, same], false),
    ] {
        let own = [
            ("Cookie", cookie),
            ("User-Agent", AGENT),
            ("Content-Length", "0"),
        ];
        let answer = site.ask(line, &[&own, headers].concat());
        if passes {
            assert_eq!(answer.status, 200, "{line} {headers:?}: {answer:?}");
            assert_eq!(site.arrived().len(), 1, "{line} {headers:?}");
        } else {
            is_refused(&site, answer, INVALID);
        }
    }
    for origin in [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "none")] {
        let headers = [
            ("Cookie", &*both),
            ("User-Agent", AGENT),
            null,
            origin,
            sent,
        ];
        let answer = site.ask("POST /app/x", &headers);
        is_refused(&site, answer, (403, "ORIGIN_REFUSED"));
    }
}

#[tokio::test]
async fn a_form_brings_it_as_a_field_and_arrives_as_it_was_sent() {
    let site = app_with(&[1]).await;
    let good = token(&site, 1, SESSION, AGENT, 0);
    let cookies = cookies(&site, &good);
    let long = "x".repeat(65 * 1024);
    for (media, body, passes) in [
        (
            "application/x-www-form-urlencoded",
            format!("csrf_token={good}"),
            true,
        ),
        (
            "application/x-www-form-urlencoded; charset=utf-8",
            format!("to=b%C3%B6b+%26&csrf_token={good}&sum=1"),
            true,
        ),
        (
            "application/x-www-form-urlencoded",
            "to=bob".to_owned(),
            false,
        ),
        (
            "application/x-www-form-urlencoded",
            format!("csrf_token={good}&csrf_token={good}"),
            false,
        ),
        (
            "application/x-www-form-urlencoded",
            format!("csrf_token={good}&csrf_token=x&long=y"),
            false,
        ),
        ("text/plain", format!("csrf_token={good}"), false),
    ] {
        let length = body.len().to_string();
        let headers = [
            ("Cookie", &*cookies),
            ("User-Agent", AGENT),
            ("Content-Type", media),
            ("Content-Length", &length),
        ];
        let answer = site
            .edge
            .gets_by_hand("POST /pay", &headers, &body)
            .expect("an answer");
        let arrived = site.bodies();
        if passes {
            assert_eq!(answer.status, 200, "{media} {body}: {answer:?}");
            assert_eq!(arrived, [body.as_bytes()], "{media}");
            assert_eq!(site.arrived().len(), 1);
        } else {
            is_refused(&site, answer, INVALID);
        }
    }
    // One that is longer than is searched is told so, wherever the token stands in it.
    for body in [
        format!("csrf_token={good}&long={long}"),
        format!("long={long}&csrf_token={good}"),
    ] {
        let length = body.len().to_string();
        let headers = [
            ("Cookie", &*cookies),
            ("User-Agent", AGENT),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", &length),
        ];
        let answer = site.edge.gets_by_hand("POST /pay", &headers, &body);
        is_refused(&site, answer.expect("an answer"), (413, "BODY_TOO_LARGE"));
    }
    assert!(site.edge.log().contains("form-too-large: /pay"));
    // With the header a form may be as long as it likes.
    let (body, length) = (format!("long={long}"), (long.len() + 5).to_string());
    let headers = [
        ("Cookie", &*cookies),
        ("User-Agent", AGENT),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", &length),
        ("X-CSRF-Token", &good),
    ];
    let answer = site.edge.gets_by_hand("POST /pay", &headers, &body);
    assert_eq!(answer.map(|answer| answer.status), Some(200));
    assert_eq!(site.bodies(), [body.as_bytes()]);
}
