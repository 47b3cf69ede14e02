//! The key server misbehaves. Good tokens go on until the hard limit, and a bad set never takes the place of a good one.

use edgeward_core::keys::NO_USABLE_KEY;
use edgeward_tests::http_server::response;
use edgeward_tests::key_server::document;
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{KeyServer, LoneEdge};

use super::{COOLDOWN_SECONDS, HARD_TTL_SECONDS, NOT_LOADED, SOFT_TTL_SECONDS, assert_calm};

const MEGABYTE: usize = 1024 * 1024;

/// Every bad answer with the reason in the log. `document` is a set that would be good.
fn bad_answers(document: &str) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json = [("Content-Type", "application/json")];
    let good = document.as_bytes();
    let cut = good.get(..good.len() - 1).unwrap_or_default();
    let padded = |length: usize| {
        let mut body = good.to_vec();
        body.resize(length, b' ');
        body
    };
    let declares = |length: usize, body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let away = [("Location", "/elsewhere")];
    let other_tag = [("ETag", "\"another\"")];
    let entry = document
        .strip_prefix("{\"keys\":[")
        .and_then(|rest| rest.strip_suffix("]}"))
        .unwrap_or_default();
    let twice = format!("{{\"keys\":[{entry},{entry}]}}");
    let private = document.replacen("\"x\":", "\"d\":\"AA\",\"x\":", 1);
    vec![
        ("500", "status-not-200", response(500, &json, good)),
        ("404", "status-not-200", response(404, &json, good)),
        ("203", "status-not-200", response(203, &json, good)),
        ("204", "status-not-200", response(204, &json, b"")),
        ("redirect", "status-not-200", response(302, &away, good)),
        (
            "lasting redirect",
            "status-not-200",
            response(308, &away, good),
        ),
        (
            "304 without a tag",
            "unchanged-without-our-etag",
            response(304, &[], b""),
        ),
        (
            "304 with another tag",
            "unchanged-without-our-etag",
            response(304, &other_tag, b""),
        ),
        ("no body", "not-json", response(200, &json, b"")),
        (
            "empty set",
            NO_USABLE_KEY,
            response(200, &json, b"{\"keys\":[]}"),
        ),
        (
            "nothing usable",
            NO_USABLE_KEY,
            response(
                200,
                &json,
                b"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\"}]}",
            ),
        ),
        (
            "HTML",
            "not-json",
            response(
                200,
                &[("Content-Type", "text/html")],
                b"<!doctype html><title>Welcome</title>",
            ),
        ),
        ("cut JSON", "not-json", response(200, &json, cut)),
        (
            "a private key",
            "private-key",
            response(200, &json, private.as_bytes()),
        ),
        (
            "a key twice",
            "duplicate-kid",
            response(200, &json, twice.as_bytes()),
        ),
        (
            "no set",
            "keys-missing",
            response(200, &json, b"{\"error\":\"no such page\"}"),
        ),
        ("broken off", "body-broke-off", declares(good.len(), cut)),
        (
            "broken off behind a whole set",
            "body-broke-off",
            declares(good.len() + 1, good),
        ),
        (
            "one byte too many",
            "key-set-too-large",
            response(200, &json, &padded(64 * 1024 + 1)),
        ),
        (
            "ten megabytes",
            "key-set-too-large",
            response(200, &json, &padded(10 * MEGABYTE)),
        ),
        (
            "no HTTP",
            "issuer-unreachable",
            b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        ),
        ("closed at once", "issuer-unreachable", Vec::new()),
    ]
}

#[tokio::test]
async fn good_tokens_go_on_until_the_hard_limit_whatever_the_key_server_says() {
    let (good, evil) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&good]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&good).await.expect(204);
    let answers = bad_answers(&document(&[&evil]));
    let mut left = HARD_TTL_SECONDS;
    edge.wait(SOFT_TTL_SECONDS);
    left -= SOFT_TTL_SECONDS;
    for (title, reason, bytes) in &answers {
        let before = edge.reasons(NOT_LOADED).len();
        keys.says(bytes.clone());
        // Waits for the outcome of its own fetch, and is refused, because the set that lists its key is not taken.
        let answer = edge.judges(&evil).await;
        assert_eq!(answer.status, 401, "{title}");
        let answer = edge.judges(&good).await;
        assert_eq!(answer.status, 204, "{title}");
        let reasons = edge.reasons(NOT_LOADED).split_off(before);
        assert!(!reasons.is_empty(), "{title}");
        assert!(
            reasons.iter().all(|said| said == reason),
            "{title}: {reasons:?}"
        );
        // Longer than the cooldown and the longest back-off.
        edge.wait(3 * COOLDOWN_SECONDS);
        left -= 3 * COOLDOWN_SECONDS;
    }
    edge.wait(left - 1);
    let _ = edge.judges(&good).await.expect(204);
    edge.wait(1);
    let _ = edge
        .judges(&good)
        .await
        .expect_problem(503, "KEYS_UNAVAILABLE");
    keys.lists(&[&good]);
    edge.wait(3 * COOLDOWN_SECONDS);
    let _ = edge.judges(&good).await.expect(204);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_set_of_the_largest_size_is_taken() {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    let mut body = document(&[&key]).into_bytes();
    body.resize(64 * 1024, b' ');
    keys.says(response(200, &[], &body));
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&key).await.expect(204);
}

#[tokio::test]
async fn a_cold_edge_that_gets_nothing_good_lets_nobody_in_and_asks_no_more_than_it_must() {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    keys.says(response(500, &[], b""));
    let edge = LoneEdge::start(&keys, None).await;
    for _ in 0..20 {
        let _ = edge
            .judges(&key)
            .await
            .expect_problem(503, "KEYS_UNAVAILABLE");
    }
    assert_eq!(keys.count(), 1, "a failed fetch is not repeated at once");
    let mut seconds = 0;
    while seconds < 600 {
        edge.wait(5);
        seconds += 5;
        let _ = edge
            .judges(&key)
            .await
            .expect_problem(503, "KEYS_UNAVAILABLE");
    }
    let count = keys.count();
    assert!((8..=16).contains(&count), "{count} fetches in ten minutes");
    keys.lists(&[&key]);
    edge.wait(75);
    let _ = edge.judges(&key).await.expect(204);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_key_server_that_never_answers_is_given_up() {
    let (good, other) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&good]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&good).await.expect(204);
    keys.holds_back();
    edge.wait(SOFT_TTL_SECONDS);
    let _ = edge.judges(&good).await.expect(204);
    keys.is_asked(2).await;
    // Waits until the refresh is given up, and then for a fetch of its own.
    let _ = edge.judges(&other).await.expect(401);
    assert!(
        edge.reasons(NOT_LOADED)
            .iter()
            .all(|reason| reason == "issuer-too-slow"),
        "{}",
        edge.log()
    );
    assert!(!edge.reasons(NOT_LOADED).is_empty());
    let _ = edge.judges(&good).await.expect(204);
    keys.lets_go();
    assert_calm(&edge);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let (good, other) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&good]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&good).await.expect(204);
    keys.says_and_stays(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":[".to_vec());
    let _ = edge.judges(&other).await.expect(401);
    assert_eq!(edge.reasons(NOT_LOADED), ["issuer-too-slow"]);
    let _ = edge.judges(&good).await.expect(204);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_runtime_that_makes_no_request_loads_no_keys() {
    const MAKES_NONE: &str = "globalThis.AbortController = class { constructor() { throw new Error('none'); } }; \
        export default () => ({});";
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    let edge = LoneEdge::start_on(MAKES_NONE, &keys).await;
    let refused = edge.judges(&key).await;
    let _ = refused.expect_problem(503, "KEYS_UNAVAILABLE");
    assert_eq!(edge.reasons(NOT_LOADED), ["request-not-made"]);
    assert_eq!(keys.count(), 0);
    assert_calm(&edge);
}
