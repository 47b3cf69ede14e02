//! Many requests, one fetch; and nobody waits who need not.

use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{KeyServer, LoneEdge};

use super::{SOFT_TTL_SECONDS, assert_calm};

#[tokio::test]
async fn a_hundred_cold_requests_cause_one_fetch() {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    keys.holds_back();
    let edge = LoneEdge::start(&keys, None).await;
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.push(edge.is_asked(&edge.token(&key)).await);
    }
    edge.has_read_everything().await;
    keys.is_asked(1).await;
    keys.lets_go();
    for request in waiting {
        assert_eq!(request.status().await, 204);
    }
    assert_eq!(keys.count(), 1);
    assert_calm(&edge);
}

#[tokio::test]
async fn who_waits_is_answered_though_the_client_that_fetches_goes_away() {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    keys.holds_back();
    let edge = LoneEdge::start(&keys, None).await;
    let first = edge.is_asked(&edge.token(&key)).await;
    keys.is_asked(1).await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(edge.is_asked(&edge.token(&key)).await);
    }
    edge.has_read_everything().await;
    first.goes_away();
    // The runtime has seen the reset when it has answered something that came after it.
    edge.has_read_everything().await;
    keys.lets_go();
    for request in waiting {
        assert_eq!(request.status().await, 204);
    }
    assert_eq!(keys.count(), 1, "the fetch went on without its client");
    assert_calm(&edge);
}

#[tokio::test]
async fn a_refresh_runs_behind_the_request_that_takes_it_along() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    keys.lists(&[&old, &new]);
    edge.wait(SOFT_TTL_SECONDS - 1);
    let _ = edge.judges(&old).await.expect(204);
    assert_eq!(keys.count(), 1, "the set is fresh");

    keys.holds_back();
    edge.wait(1);
    for _ in 0..10 {
        // Answered while the key server answers nobody.
        let _ = edge.judges(&old).await.expect(204);
    }
    keys.is_asked(2).await;
    let waits = edge.is_asked(&edge.token(&new)).await;
    edge.has_read_everything().await;
    keys.lets_go();
    assert_eq!(
        waits.status().await,
        204,
        "it waits for the refresh under way"
    );
    let _ = edge.judges(&new).await.expect(204);
    assert_eq!(keys.count(), 2);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_refresh_goes_on_though_its_client_goes_away() {
    let (old, new) = (signing_key(1), signing_key(2));
    let keys = KeyServer::with(&[&old]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&old).await.expect(204);
    keys.lists(&[&new]);
    keys.holds_back();
    edge.wait(SOFT_TTL_SECONDS);
    let request = edge.is_asked(&edge.token(&old)).await;
    keys.is_asked(2).await;
    request.goes_away();
    let waits = edge.is_asked(&edge.token(&new)).await;
    edge.has_read_everything().await;
    keys.lets_go();
    assert_eq!(waits.status().await, 204);
    assert_eq!(keys.count(), 2);
    assert_calm(&edge);
}
