//! What an issuer may answer to a refresh, and what becomes of it.

use edgeward_core::token::SigningKey;
use edgeward_tests::http_server::{Reply, response, serve};
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::other_issuer::websocket_accept;
use edgeward_tests::{Answer, EdgeCache, KeyServer, LoneEdge};
use serde_json::json;

use super::set_and_removed;

const COOKIE: &str = "edgeward-refresh=rt1.s.0.r.m; edgeward-device=d; edgeward-session=s; a=1";

/// An edge whose issuer has the first key.
async fn edge() -> (LoneEdge, KeyServer) {
    let keys = KeyServer::with(&[&signing_key(1)]);
    let edge = LoneEdge::start(&keys, None::<&EdgeCache>).await;
    (edge, keys)
}

/// A new pair of tokens, the access token signed with this key.
fn renewed(edge: &LoneEdge, key: &SigningKey) -> Reply {
    let access = format!("edgeward-access={}; Path=/; HttpOnly", edge.token(key));
    let headers = [
        ("Set-Cookie", access.as_str()),
        (
            "Set-Cookie",
            "edgeward-refresh=rt1.s.1.r.m; Path=/; HttpOnly",
        ),
        ("Set-Cookie", "edgeward-csrf=c, with a comma; Path=/"),
    ];
    Reply::Whole(response(200, &headers, b"{}"))
}

async fn asks(edge: &LoneEdge, path: &str) -> Answer {
    let asking = edge.browser().get(path).without_cookies();
    asking.header("cookie", COOKIE).send().await
}

#[tokio::test]
async fn a_new_token_is_judged_like_any_other() {
    let (edge, keys) = edge().await;
    let all = vec!["edgeward-access", "edgeward-csrf", "edgeward-refresh"];
    // Nobody is behind this edge: who passes is told so, with the cookies.
    let good = renewed(&edge, &signing_key(1));
    keys.refreshes(move |_| good.clone());
    let passed = asks(&edge, "/eventual").await;
    let passed = passed.expect_problem(502, "UPSTREAM_FAILED");
    assert_eq!(set_and_removed(&passed), (all.clone(), vec![]));

    // Signed with a key that is new too: one look at the issuer.
    edge.wait(60);
    keys.lists(&[&signing_key(1), &signing_key(2)]);
    let rotated = renewed(&edge, &signing_key(2));
    keys.refreshes(move |_| rotated.clone());
    let _ = asks(&edge, "/eventual").await.expect(502);

    // Signed by nobody: refused, once, and not asked for again.
    edge.wait(60);
    let forged = renewed(&edge, &signing_key(3));
    keys.refreshes(move |_| forged.clone());
    let refused = asks(&edge, "/eventual").await;
    let refused = refused.expect_problem(401, "UNKNOWN_KEY");
    assert_eq!(set_and_removed(&refused), (all, vec![]));
    assert_eq!(keys.refreshes_asked().len(), 3);
}

#[tokio::test]
async fn whatever_does_not_end_a_session_does_not_end_it_here() {
    let (edge, keys) = edge().await;
    let problem = |code: &str| json!({ "code": code }).to_string();
    type Row = (
        u16,
        &'static [(&'static str, &'static str)],
        String,
        &'static str,
    );
    let rows: [Row; 8] = [
        (500, &[], String::new(), "1"),
        (200, &[], "{}".to_owned(), "1"),
        (302, &[("Location", "/login")], String::new(), "1"),
        (401, &[], problem("EDGE_PROOF_INVALID"), "1"),
        // A proxy in between does not take our cookies away.
        (
            401,
            &[("Set-Cookie", "a=; Max-Age=0")],
            problem("INVALID_REFRESH_TOKEN"),
            "1",
        ),
        (429, &[("Retry-After", "7")], problem("RATE_LIMITED"), "7"),
        (503, &[("Retry-After", "2")], problem("BUSY"), "2"),
        // An issuer that would not hand it out once more does not say when to repeat.
        (409, &[], problem("REFRESH_IN_PROGRESS"), "1"),
    ];
    for (number, (status, headers, body, seconds)) in rows.into_iter().enumerate() {
        edge.wait(60);
        let whole = Reply::Whole(response(status, headers, body.as_bytes()));
        keys.refreshes(move |_| whole.clone());
        let refused = asks(&edge, "/bounded").await;
        let refused = refused.expect_problem(503, "ISSUER_UNAVAILABLE");
        assert_eq!(
            refused.header("retry-after"),
            Some(seconds),
            "{status} {body}"
        );
        assert!(refused.set_cookies().is_empty(), "{status} {body}");
        assert_eq!(keys.refreshes_asked().len(), number + 1);
    }
}

#[tokio::test]
async fn an_issuer_that_says_nothing_is_not_waited_for_and_public_pages_not_at_all() {
    let (edge, keys) = edge().await;
    keys.refreshes(|_| Reply::Unfinished(Vec::new()));
    let browser = edge.browser();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let asking = browser.get("/bounded").without_cookies();
        let asking = asking.header("cookie", COOKIE);
        requests.spawn(async move { asking.send().await });
    }
    keys.refreshes_are_asked(1).await;
    let _ = asks(&edge, "/").await.expect(502);
    for refused in requests.join_all().await {
        let refused = refused.expect_problem(503, "ISSUER_UNAVAILABLE");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert_eq!(keys.refreshes_asked().len(), 1, "they shared the wait");
    assert!(edge.log().contains("issuer-unreachable-or-too-slow"));
}

#[tokio::test]
async fn a_second_409_is_not_followed_by_a_third_request() {
    let (edge, keys) = edge().await;
    let body = json!({ "code": "REFRESH_IN_PROGRESS" }).to_string();
    let busy = Reply::Whole(response(409, &[("Retry-After", "1")], body.as_bytes()));
    keys.refreshes(move |_| busy.clone());
    let refused = asks(&edge, "/bounded").await;
    let refused = refused.expect_problem(503, "ISSUER_UNAVAILABLE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(keys.refreshes_asked().len(), 2);
}

#[tokio::test]
async fn a_websocket_is_accepted_with_the_new_cookies() {
    let keys = KeyServer::with(&[&signing_key(1)]);
    let app = serve(|head, _| {
        let accept = websocket_accept(&head.header("sec-websocket-key").concat());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSet-Cookie: app=1\r\n\r\n"
        );
        // A close frame, so that the story ends.
        Reply::Whole([answer.as_bytes(), &[0x88, 0x02, 0x03, 0xe8]].concat())
    });
    let edge = LoneEdge::start_before(app, &keys, None::<&EdgeCache>).await;
    let good = renewed(&edge, &signing_key(1));
    keys.refreshes(move |_| good.clone());
    let answer = edge.is_asked_for_a_websocket("/eventual", COOKIE).await;
    let answer = answer.head().await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    let mut set: Vec<_> = answer
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .filter_map(|(_, set)| Some(set.split_once('=')?.0))
        .collect();
    set.sort_unstable();
    let all = [
        "app",
        "edgeward-access",
        "edgeward-csrf",
        "edgeward-refresh",
    ];
    assert_eq!(set, all, "{answer}");
}
