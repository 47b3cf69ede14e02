//! An answer that is not the issuer's own, whole and of this moment changes nothing, and is told in the log.

use edgeward_core::token::TokenType;
use edgeward_tests::feed::{FeedAsk, FeedPage, answered};
use edgeward_tests::http_server::{Reply, response};
use edgeward_tests::lone_edge::signing_key;
use serde_json::json;

use super::{BOUND_SECONDS, LONGEST_BACKOFF_SECONDS, NOT_LOADED, confirmed, edge_with, feeds};

type Spoil = fn(&str, &FeedAsk) -> Reply;

fn honest(site: &str, ask: &FeedAsk) -> FeedPage {
    FeedPage::of(site, ask, &["known", "victim"])
}

/// An honest page with a claim changed.
fn with(site: &str, ask: &FeedAsk, claim: &str, value: serde_json::Value) -> Reply {
    let mut page = honest(site, ask);
    if let Some(claims) = page.claims.as_object_mut() {
        claims.insert(claim.to_owned(), value);
    }
    answered(&page.signed(&signing_key(1)))
}

/// Each bad answer, with the reason in the log.
const BAD: &[(&str, &str, Spoil)] = &[
    ("no page", "not-a-page", |_, _| answered("")),
    ("a page of HTML", "not-three-segments", |_, _| {
        answered("<!doctype html>\n<title>Welcome</title>")
    }),
    ("500", "status-not-200", |site, ask| {
        let body = honest(site, ask).signed(&signing_key(1));
        Reply::Whole(response(500, &[], body.as_bytes()))
    }),
    ("a redirect", "status-not-200", |_, _| {
        Reply::Whole(response(302, &[("Location", "/elsewhere")], b""))
    }),
    ("forged", "signature-invalid", |site, ask| {
        let body = honest(site, ask).signed(&signing_key(1));
        let (token, lines) = body.split_once('\n').expect("a line for the token");
        let (signed, _) = token.rsplit_once('.').expect("a signature");
        answered(&format!("{signed}.{}\n{lines}", "A".repeat(86)))
    }),
    ("signed by another", "unknown-key", |site, ask| {
        answered(&honest(site, ask).signed(&signing_key(2)))
    }),
    ("a token of another type", "typ-mismatch", |site, ask| {
        let page = FeedPage {
            typ: TokenType::Access.name().to_owned(),
            ..honest(site, ask)
        };
        answered(&page.signed(&signing_key(1)))
    }),
    ("for somebody else", "audience-mismatch", |site, ask| {
        with(site, ask, "aud", json!("https://other.example"))
    }),
    ("of another issuer", "issuer-mismatch", |site, ask| {
        with(site, ask, "iss", json!("https://other.example"))
    }),
    ("expired", "expired", |site, ask| {
        with(site, ask, "exp", json!(ask.now - 60))
    }),
    (
        "an answer to another request",
        "page-of-another-request",
        |site, ask| with(site, ask, "rid", json!("another")),
    ),
    ("with a gap", "page-leaves-a-gap", |site, ask| {
        with(site, ask, "after", json!(ask.after + 1))
    }),
    ("that leads back", "page-claims", |site, ask| {
        with(site, ask, "last", json!(0))
    }),
    ("without an entry", "page-entries-changed", |site, ask| {
        let body = honest(site, ask).signed(&signing_key(1));
        let (token, _) = body.split_once('\n').expect("a line for the token");
        answered(&format!("{token}\n"))
    }),
    ("of an unknown kind", "page-kind-unknown", |site, ask| {
        let lines = format!("device d-1 {} lost\n", ask.now);
        answered(
            &FeedPage {
                lines,
                ..honest(site, ask)
            }
            .signed(&signing_key(1)),
        )
    }),
    ("oversized", "page-too-large", |site, ask| {
        let lines = format!("sid s {} revoked\n", ask.now).repeat(50_000);
        answered(
            &FeedPage {
                lines,
                ..honest(site, ask)
            }
            .signed(&signing_key(1)),
        )
    }),
    ("truncated", "body-broke-off", |site, ask| {
        let body = honest(site, ask).signed(&signing_key(1));
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len() + 1
        );
        Reply::Whole([head.as_bytes(), body.as_bytes()].concat())
    }),
];

#[tokio::test]
async fn a_bad_answer_changes_nothing_and_is_named() {
    let (edge, keys, key) = edge_with(&["known"]).await;
    let (known, victim) = (edge.token_of("known", &key), edge.token_of("victim", &key));
    let _ = edge.judges_token(&known).await.expect(401);
    let mut expected = Vec::new();
    for (title, reason, spoil) in BAD {
        let site = edge.origin().to_owned();
        keys.feeds(move |ask| spoil(&site, ask));
        edge.wait(BOUND_SECONDS);
        let closed = edge.says("/strict", &victim).await;
        assert_eq!(closed.status, 503, "{title}");
        // What was known is known, and what a page says that is none does not count.
        assert_eq!(edge.judges_token(&victim).await.status, 204, "{title}");
        assert_eq!(edge.judges_token(&known).await.status, 401, "{title}");
        expected.push((*reason).to_owned());
        assert_eq!(edge.reasons(NOT_LOADED), expected, "{title}");

        feeds(&keys, &edge, &["known"]);
        edge.wait(LONGEST_BACKOFF_SECONDS);
        assert_eq!(
            edge.says("/strict", &victim).await.status,
            502,
            "{title}: it goes on afterwards"
        );
    }
}

#[tokio::test]
async fn a_page_of_a_moment_ago_cannot_be_shown_again() {
    let (edge, keys, key) = edge_with(&[]).await;
    let token = edge.token_of("victim", &key);
    let _ = edge.says("/strict", &token).await.expect(502);
    // Somebody in between keeps the first answer and shows it for ever, so that nobody learns of the end of a session.
    let (site, first) = (edge.origin().to_owned(), keys.feed_asked().remove(0));
    let kept = FeedPage::of(&site, &first, &[]).signed(&signing_key(1));
    keys.feeds(move |_| answered(&kept));
    edge.wait(BOUND_SECONDS);
    let closed = edge.says("/strict", &token).await;
    let _ = closed.expect_problem(503, "REVOCATIONS_UNAVAILABLE");
    assert_eq!(edge.reasons(NOT_LOADED), ["page-of-another-request"]);
}

#[tokio::test]
async fn a_key_that_was_published_a_moment_ago_signs_the_feed() {
    let (edge, keys, key) = edge_with(&[]).await;
    let (old, new) = (edge.token_of("gone", &key), signing_key(2));
    let _ = confirmed(&edge, &old).await.expect(204);
    keys.lists(&[&key, &new]);
    let site = edge.origin().to_owned();
    keys.feeds(move |ask| answered(&FeedPage::of(&site, ask, &["gone"]).signed(&signing_key(2))));
    edge.wait(BOUND_SECONDS);
    let _ = confirmed(&edge, &old)
        .await
        .expect_problem(401, "TOKEN_REVOKED");
}

#[tokio::test]
async fn neither_invented_keys_nor_the_key_before_keep_the_feed_from_being_read() {
    const ENDED: [&str; 2] = ["first", "second"];
    let (edge, keys, key) = edge_with(&[]).await;
    // The feed is read to its end first: one that is asked for while another is under way counts from when it was asked for, by the
    // machine's time.
    let before = confirmed(&edge, &edge.token_of("before", &key)).await;
    let _ = before.expect(204);
    // The one fetch that tokens of unknown keys are granted in half a minute is used up.
    let stranger = edge.token_of("x", &signing_key(9));
    let refused = edge.judges_token(&stranger).await;
    let _ = refused.expect_problem(401, "UNKNOWN_KEY");
    for (number, ended) in [(2, &ENDED[..1]), (3, &ENDED[..])] {
        let token = edge.token_of(ended[ended.len() - 1], &key);
        keys.lists(&[&key, &signing_key(number)]);
        let site = edge.origin().to_owned();
        keys.feeds(move |ask| {
            answered(&FeedPage::of(&site, ask, ended).signed(&signing_key(number)))
        });
        edge.wait(BOUND_SECONDS);
        let answer = confirmed(&edge, &token).await;
        let _ = answer.expect_problem(401, "TOKEN_REVOKED");
    }
    assert_eq!(edge.reasons(NOT_LOADED), Vec::<String>::new());
}
