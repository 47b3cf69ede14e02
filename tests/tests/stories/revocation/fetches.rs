//! Many requests, one fetch; nobody waits who need not, and nobody waits for long.

use edgeward_tests::http_server::{Reply, response, serve};
use edgeward_tests::lone_edge::{Guarded, signing_key};
use edgeward_tests::world::NEVER;
use edgeward_tests::{EdgeCache, KeyServer, LoneEdge};
use tokio::time::timeout;
use xtask::stack::Environment;

use super::{BOUND_SECONDS, LONGEST_BACKOFF_SECONDS, NOT_LOADED, confirmed, edge_with, feeds};

/// How often a story tries what also the machine's load decides about.
const TRIES: usize = 3;

#[tokio::test]
async fn a_flood_of_requests_asks_once_in_a_second() {
    let (edge, keys, key) = edge_with(&["gone"]).await;
    // Who has ended is known from here on, and refused also where the flood takes longer than a request waits for the feed.
    let gone = edge.token_of("gone", &key);
    let _ = edge.judges_token(&gone).await.expect(401);
    edge.wait(BOUND_SECONDS);
    for second in 1..=3 {
        keys.holds_the_feed_back();
        let mut waiting = Vec::new();
        for _ in 0..50 {
            waiting.push(edge.is_asked(&edge.token(&key)).await);
            waiting.push(edge.is_asked(&edge.token_of("gone", &key)).await);
        }
        edge.has_read_everything().await;
        keys.feed_is_asked(second + 1).await;
        keys.lets_the_feed_go();
        let mut passed = 0;
        for request in waiting {
            passed += usize::from(request.status().await == 204);
        }
        assert_eq!(passed, 50, "the others have ended");
        for _ in 0..50 {
            let _ = edge.judges(&key).await.expect(204);
        }
        assert_eq!(keys.feed_asked().len(), second + 1);
        edge.wait(BOUND_SECONDS);
    }
    let asked = keys.feed_asked();
    let from: Vec<_> = asked.iter().map(|ask| ask.after).collect();
    assert_eq!(
        from,
        [0, 1, 1, 1],
        "each goes on where the one before ended"
    );
    for ask in &asked {
        assert_eq!(
            (&ask.proof["own"], &ask.proof["cip"]),
            (&true.into(), &serde_json::Value::Null)
        );
    }
}

#[tokio::test]
async fn the_feed_is_read_though_the_client_that_asked_for_it_goes_away() {
    let (edge, keys, key) = edge_with(&[]).await;
    let token = edge.token_of("gone", &key);
    let _ = confirmed(&edge, &token).await.expect(204);
    feeds(&keys, &edge, &["gone"]);
    keys.holds_the_feed_back();
    edge.wait(BOUND_SECONDS);
    let first = edge.is_asked(&token).await;
    keys.feed_is_asked(2).await;
    first.goes_away();
    // The runtime has seen the reset when it has answered something that came after it.
    edge.has_read_everything().await;
    keys.lets_the_feed_go();
    let _ = confirmed(&edge, &token).await.expect(401);
    assert_eq!(keys.feed_asked().len(), 2, "it went on without its client");
    assert!(!edge.log().contains("not-kept-alive"), "{}", edge.log());
}

#[tokio::test]
async fn nobody_without_a_good_token_causes_a_fetch() {
    let (edge, keys, key) = edge_with(&[]).await;
    let _ = edge.judges_token("x").await.expect(401);
    assert!(keys.feed_asked().is_empty());
    // A cold isolate asks for keys and feed at once.
    let _ = edge.judges(&key).await.expect(204);
    assert_eq!(keys.feed_asked().len(), 1);
    edge.wait(600);
    let _ = edge
        .judges_token(&edge.token(&signing_key(9)))
        .await
        .expect(401);
    edge.has_read_everything().await;
    assert_eq!(keys.feed_asked().len(), 1);
    let _ = edge.judges(&key).await.expect(204);
    assert_eq!(keys.feed_asked().len(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_silent_each_route_answers_and_one_question_is_out() {
    let (edge, keys, key) = edge_with(&[]).await;
    let _ = edge.judges(&key).await.expect(204);
    keys.holds_the_feed_back();
    edge.wait(BOUND_SECONDS);
    // Answered while the issuer is silent.
    let token = edge.token(&key);
    let _ = edge
        .says("/strict", &token)
        .await
        .expect_problem(503, "REVOCATIONS_UNAVAILABLE");
    let _ = edge.judges_token(&token).await.expect(204);
    let _ = edge
        .says("/eventual", &token)
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
    assert_eq!(edge.health().await["revocations"]["passedUnconfirmed"], 1);
    assert_eq!(keys.feed_asked().len(), 2);

    keys.lets_the_feed_go();
    edge.wait(LONGEST_BACKOFF_SECONDS);
    let _ = edge
        .says("/strict", &token)
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
}

#[tokio::test]
async fn who_waits_for_the_feed_is_let_pass_before_a_second_is_over() {
    is_answered_before_a_second_is_over("/auth/verify-token", 204).await;
}

#[tokio::test]
async fn who_waits_for_the_feed_on_a_strict_route_is_refused_before_a_second_is_over() {
    is_answered_before_a_second_is_over("/strict", 503).await;
}

/// Both wait in the same isolate: one for the feed, and one, who came later, for an app that may take a second. Whoever waits for less
/// is answered first, however slow the machine is.
async fn is_answered_before_a_second_is_over(path: &str, status: u16) {
    let (key, app) = (signing_key(1), serve(|_, _| Reply::Unfinished(Vec::new())));
    let keys = KeyServer::with(&[&key]);
    let guarded = Guarded {
        environment: Environment::Development,
        policy: "version = 1\n[[route]]\npath = \"/\"\nallow = \"public\"\n\
            [[route]]\npath = \"/strict\"\nallow = \"signed-in\"\nrevocation = \"strict\"\n",
        app,
        bindings: &[("APP_TIMEOUT_SECONDS", "1")],
        limiters: &[],
    };
    let edge = LoneEdge::in_front_of(guarded, &keys, None::<&EdgeCache>).await;
    feeds(&keys, &edge, &[]);
    let _ = edge.judges(&key).await.expect(204);
    // Nobody knows how long a busy machine lies between one step of this test and the next: the order has to come about once.
    let mut answered = None;
    for attempt in 1..=TRIES {
        keys.holds_the_feed_back();
        edge.wait(LONGEST_BACKOFF_SECONDS);
        let waits = edge.is_asked_at(path, &edge.token(&key)).await;
        keys.feed_is_asked(attempt + 1).await;
        let a_second = edge.is_asked_for("/").await;
        assert_eq!(a_second.status().await, 504);
        answered = waits.if_begun();
        keys.lets_the_feed_go();
        if answered.is_some() {
            break;
        }
        // Looks until the fetch has ended, so that the next one is another.
        let _ = edge.judges(&key).await.expect(204);
    }
    let answered = answered.expect("it waits for longer");
    assert_eq!(answered.status().await, status);
}

/// Ten seconds is what the route bears, so a feed of five is refreshed before anybody has to wait for it.
#[tokio::test]
async fn a_feed_past_half_of_its_age_is_refreshed_behind_a_request_that_does_not_wait() {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    let app = serve(|_, _| Reply::Whole(response(200, &[], b"")));
    let edge = LoneEdge::start_before(app, &keys, None::<&EdgeCache>).await;
    feeds(&keys, &edge, &[]);
    let token = edge.token_of("gone", &key);
    // On a busy machine the first one may not wait long enough; what comes later does without.
    let known = timeout(NEVER, async {
        while edge.says("/strict", &token).await.status != 200 {}
    });
    known.await.expect("the feed is read");
    let passed = || async { edge.health().await["revocations"]["passedUnconfirmed"].clone() };
    let unconfirmed = passed().await;

    feeds(&keys, &edge, &["gone"]);
    keys.holds_the_feed_back();
    edge.wait(4);
    let _ = edge.says("/eventual", &token).await.expect(200);
    edge.has_read_everything().await;
    assert_eq!(keys.feed_asked().len(), 1, "nobody asks before that");
    edge.wait(1);
    for _ in 0..3 {
        // Answered while the question is out.
        let _ = edge.says("/eventual", &token).await.expect(200);
        keys.feed_is_asked(2).await;
    }
    assert_eq!(passed().await, unconfirmed, "they were judged by the feed");
    keys.lets_the_feed_go();
    let refused = timeout(NEVER, async {
        loop {
            let answer = edge.says("/eventual", &token).await;
            if answer.status != 200 {
                return answer;
            }
        }
    });
    let refused = refused.await.expect("the feed is read again");
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    assert_eq!(keys.feed_asked().len(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_hammered() {
    let (edge, keys, key) = edge_with(&[]).await;
    keys.feeds(|_| edgeward_tests::feed::answered("not a page"));
    for _ in 0..20 {
        let _ = edge.judges(&key).await.expect(204);
    }
    assert_eq!(keys.feed_asked().len(), 1);
    for _ in 0..30 {
        edge.wait(1);
        for _ in 0..5 {
            let _ = edge.judges(&key).await.expect(204);
        }
    }
    // After 1, 2, 4, 8, 8 and 8 seconds, and up to a quarter more each time.
    let count = keys.feed_asked().len();
    assert!((5..=6).contains(&count), "{count} in half a minute");
    assert_eq!(edge.reasons(NOT_LOADED).len(), count);
}

#[tokio::test]
async fn a_long_feed_is_read_to_its_end_page_by_page() {
    let (edge, keys, key) = edge_with(&[]).await;
    let site = edge.origin().to_owned();
    keys.feeds(move |ask| {
        let mut page = edgeward_tests::feed::FeedPage::of(&site, ask, &[]);
        let last = (ask.after + 1_000).min(20_000);
        let now = ask.now;
        page.lines = (ask.after..last)
            .map(|number| format!("sid s-{number} {now} revoked\n"))
            .collect();
        page.claims["last"] = last.into();
        page.claims["more"] = (last < 20_000).into();
        edgeward_tests::feed::answered(&page.signed(&signing_key(1)))
    });
    // A cold isolate may judge the first ones before it has read everything, but not on a strict route. Where that takes too long, the
    // edge gives up and goes on from there after a while, so time has to go on.
    let judged = timeout(NEVER, async {
        let mut given_up = 0;
        loop {
            let answer = edge.says("/strict", &edge.token_of("one", &key)).await;
            if answer.status != 503 {
                return answer;
            }
            let failures = edge.health().await["revocations"]["failures"].as_u64();
            if failures > Some(given_up) {
                given_up += 1;
                edge.wait(LONGEST_BACKOFF_SECONDS);
            }
        }
    });
    let judged = judged.await.expect("the feed is read to its end");
    let _ = judged.expect_problem(502, "UPSTREAM_FAILED");
    let asked = keys.feed_asked().len();
    assert!(asked >= 20, "{asked} pages");
    for (sid, status) in [
        ("s-0", 401),
        ("s-9999", 401),
        ("s-19999", 401),
        ("s-20000", 204),
    ] {
        let _ = edge
            .judges_token(&edge.token_of(sid, &key))
            .await
            .expect(status);
    }
}

#[tokio::test]
async fn an_isolate_that_idled_goes_on_where_it_was() {
    let (edge, keys, key) = edge_with(&["a"]).await;
    let _ = edge
        .judges_token(&edge.token_of("a", &key))
        .await
        .expect(401);
    feeds(&keys, &edge, &["a", "b"]);
    edge.wait(600);
    let _ = edge
        .judges_token(&edge.token_of("b", &key))
        .await
        .expect(401);
    let _ = edge
        .judges_token(&edge.token_of("a", &key))
        .await
        .expect(401);
    // An issuer whose database was restored from an older copy numbers anew, and what ended stays so.
    feeds(&keys, &edge, &["c"]);
    let site = edge.origin().to_owned();
    keys.feeds(move |ask| {
        let from_the_beginning = edgeward_tests::feed::FeedAsk {
            after: 0,
            ..ask.clone()
        };
        let page = edgeward_tests::feed::FeedPage::of(&site, &from_the_beginning, &["c"]);
        edgeward_tests::feed::answered(&page.signed(&signing_key(1)))
    });
    edge.wait(600);
    for sid in ["c", "b", "a"] {
        let _ = edge
            .judges_token(&edge.token_of(sid, &key))
            .await
            .expect(401);
    }
    let from: Vec<_> = keys.feed_asked().iter().map(|ask| ask.after).collect();
    assert_eq!(from, [0, 1, 2]);
    edge.wait(BOUND_SECONDS);
    let _ = edge.judges(&key).await.expect(204);
    assert_eq!(keys.feed_asked().last().map(|ask| ask.after), Some(1));
}
