//! Keys come and go, and somebody pours in tokens with invented key ids meanwhile.

use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{KeyServer, LoneEdge, World};
use tokio::time::timeout;

use super::{COOLDOWN_SECONDS, HARD_TTL_SECONDS, NEVER, SOFT_TTL_SECONDS, assert_calm};

/// Sends so many tokens, each by a key of its own that nobody lists, fifty at a time, and reads the answers.
async fn flood(edge: &LoneEdge, count: u32) {
    let strangers: Vec<_> = (0..count)
        .map(|number| edge.token(&signing_key(1000 + number)))
        .collect();
    for wave in strangers.chunks(50) {
        let mut sent = Vec::new();
        for token in wave {
            sent.push(edge.is_asked(token).await);
        }
        for request in sent {
            assert_eq!(request.status().await, 401);
        }
    }
}

#[tokio::test]
async fn a_thousand_invented_key_ids_cause_one_fetch_in_a_cooldown_and_hold_no_rotated_key_up() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    flood(&edge, 1000).await;
    assert_eq!(keys.count(), 2, "the cold fetch, and one for the flood");

    // The worst moment for a rotation: the flood has just used its fetch up.
    keys.lists(&[&old, &new]);
    for _ in 0..5 {
        edge.wait(COOLDOWN_SECONDS / 5 - 1);
        flood(&edge, 20).await;
        let _ = edge.judges(&new).await.expect(401);
        let _ = edge.judges(&old).await.expect(204);
    }
    edge.wait(4);
    flood(&edge, 20).await;
    let _ = edge.judges(&new).await.expect(401);
    assert_eq!(keys.count(), 2, "the flood does not shorten the cooldown");

    edge.wait(1);
    // Nor does it prolong it: the key is there after as long as one cooldown.
    let _ = edge.judges(&new).await.expect(204);
    flood(&edge, 20).await;
    let _ = edge.judges(&old).await.expect(204);
    assert_eq!(keys.count(), 3);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_fetch_for_an_invented_key_id_delays_no_good_token() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    keys.holds_back();
    let invented = edge.is_asked(&edge.token(&signing_key(3))).await;
    keys.is_asked(2).await;
    for _ in 0..10 {
        // Answered while the fetch for the other one is under way.
        let _ = edge.judges(&old).await.expect(204);
    }
    // A rotated key joins the fetch that the invented one caused.
    keys.lists(&[&old, &new]);
    let rotated = edge.is_asked(&edge.token(&new)).await;
    edge.has_read_everything().await;
    keys.lets_go();
    assert_eq!(invented.status().await, 401);
    assert_eq!(rotated.status().await, 204);
    assert_eq!(keys.count(), 2);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_refresh_that_falls_due_in_a_cooldown_brings_the_rotated_key() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    edge.wait(SOFT_TTL_SECONDS - 1);
    // The fetch for the flood fails, which must not hold the refresh up.
    keys.says(edgeward_tests::http_server::response(500, &[], b""));
    flood(&edge, 100).await;
    keys.lists(&[&new]);
    edge.wait(1);
    keys.holds_back();
    let _ = edge.judges(&old).await.expect(204);
    keys.is_asked(3).await;
    let rotated = edge.is_asked(&edge.token(&new)).await;
    edge.has_read_everything().await;
    keys.lets_go();
    assert_eq!(rotated.status().await, 204);
    assert_eq!(keys.count(), 3);
}

#[tokio::test]
async fn a_removed_key_is_refused_after_one_refresh() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old, &new]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    // An invented key id takes the fetch of this cooldown, in vain: what comes to be known after it, the refresh has brought.
    edge.wait(SOFT_TTL_SECONDS - 1);
    keys.says(edgeward_tests::http_server::response(500, &[], b""));
    let _ = edge.judges(&signing_key(3)).await.expect(401);
    assert_eq!(keys.count(), 2);
    keys.lists(&[&new]);
    edge.wait(1);
    let _ = edge.judges(&new).await.expect(204);
    keys.is_asked(3).await;
    // Behind that request, so whoever brings the old key may come sooner than the answer.
    let token = edge.token(&old);
    let refused = timeout(NEVER, async {
        loop {
            let answer = edge.judges_token(&token).await;
            if answer.status != 204 {
                return answer;
            }
        }
    });
    let refused = refused.await.expect("the refresh ends");
    let _ = refused.expect_problem(401, "UNKNOWN_KEY");
    let _ = edge.judges(&new).await.expect(204);
    assert_eq!(keys.count(), 3, "and the refresh was the only further one");
    assert_calm(&edge);
}

#[tokio::test]
async fn an_edge_that_idled_judges_nobody_by_the_keys_of_hours_ago() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    keys.lists(&[&new]);
    edge.wait(HARD_TTL_SECONDS / 2);
    let _ = edge.judges(&old).await.expect(401);
    let _ = edge.judges(&new).await.expect(204);
    assert_eq!(keys.count(), 2);

    // But if the key server fails, the keys of hours ago are the best that there are.
    keys.says(edgeward_tests::http_server::response(500, &[], b""));
    edge.wait(HARD_TTL_SECONDS / 2);
    let _ = edge.judges(&new).await.expect(204);
    let _ = edge.judges(&old).await.expect(401);
    assert_calm(&edge);
}

#[tokio::test]
async fn an_unchanged_set_is_confirmed_by_its_entity_tag() {
    let (key, other) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&key]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&key).await.expect(204);
    // Longer than a set may be used without being confirmed. An invented key id waits for the answer, so that it is there.
    for _ in 0..3 {
        edge.wait(HARD_TTL_SECONDS - 1);
        let _ = edge.judges(&other).await.expect(401);
        let _ = edge.judges(&key).await.expect(204);
    }
    let tags: Vec<_> = keys
        .asked()
        .iter()
        .map(|asked| asked.header("if-none-match").concat())
        .collect();
    let tag = format!("\"{}\"", key.key_id());
    assert_eq!(tags[0], "");
    assert!(
        tags.len() == 4 && tags[1..].iter().all(|sent| *sent == tag),
        "{tags:?}"
    );
    assert_eq!(edge.reasons(super::NOT_LOADED), Vec::<String>::new());
    keys.lists(&[&other]);
    edge.wait(HARD_TTL_SECONDS - 1);
    let _ = edge.judges(&other).await.expect(204);
    let _ = edge.judges(&key).await.expect(401);
    assert_calm(&edge);
}

#[tokio::test]
async fn the_issuer_confirms_its_own_set() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);
    let published = world
        .stranger_at_the_issuer()
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200);
    let tag = published.header("etag").expect("a tag").to_owned();
    world.wait(SOFT_TTL_SECONDS);
    let _ = ada.get("/api/echo").send().await.expect(200);
    let _ = ada.get("/api/echo").send().await.expect(200);
    let tags = || -> Vec<_> {
        let seen = world.to_issuer().seen();
        seen.iter()
            .filter(|seen| seen.target == "/.well-known/jwks.json")
            .map(|seen| seen.header("if-none-match").concat())
            .collect()
    };
    // It is asked behind the request that found the set old.
    let asked = tokio::time::timeout(NEVER, async {
        while tags().len() < 2 {
            tokio::task::yield_now().await;
        }
    });
    asked.await.expect("the edge asks again");
    let sent = tags();
    assert_eq!(sent, [String::new(), tag.clone()]);
    let confirmed = world
        .stranger_at_the_issuer()
        .get("/.well-known/jwks.json")
        .header("if-none-match", &tag)
        .send()
        .await
        .expect(304);
    assert_eq!(confirmed.header("etag"), Some(tag.as_str()));
}
