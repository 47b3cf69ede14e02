//! A defect of our own: a panic ends the wasm instance with everything that was under way in it, and nothing else.

use edgeward_tests::lone_edge::{Waiting, signing_key};
use edgeward_tests::{KeyServer, LoneEdge};

/// The runtime's own answer: nothing of ours is in it, and nothing of what was asked.
async fn assert_bare_500(waiting: Waiting) {
    let answer = waiting.answer().await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 500 "), "{answer}");
    for ours in [
        "x-request-id",
        "cache-control",
        "edgeward",
        "panic",
        "problem",
    ] {
        assert!(!answer.contains(ours), "{ours}: {answer}");
    }
}

#[tokio::test]
async fn after_a_panic_the_next_request_starts_anew() {
    let keys = KeyServer::with(&[&signing_key(1)]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    for panics in 1..=3 {
        assert_bare_500(edge.panics().await).await;
        assert_eq!(keys.count(), panics, "it went nowhere");
        let _ = edge.judges(&signing_key(1)).await.expect(204);
        assert_eq!(keys.count(), panics + 1, "the keys went with the instance");
    }
}

#[tokio::test]
async fn what_is_under_way_at_a_panic_gets_a_bare_500() {
    let keys = KeyServer::with(&[&signing_key(1)]);
    let edge = LoneEdge::start(&keys, None).await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    keys.holds_back();
    let sent_on = edge.is_asked_for("/auth/login").await;
    keys.is_asked(2).await;
    assert_bare_500(edge.panics().await).await;
    // This one starts the new instance and waits for its keys, as the other waits for the issuer.
    let waits = edge.is_asked(&edge.token(&signing_key(1))).await;
    keys.is_asked(3).await;
    keys.lets_go();
    assert_bare_500(sent_on).await;
    assert_eq!(waits.status().await, 204);
    assert_eq!(keys.count(), 3, "nothing was sent twice");
    let _ = edge.judges(&signing_key(1)).await.expect(204);
}
