//! What an edge counted goes with its questions for the feed, for the numbers of the issuer.

use edgeward_core::tally::Counted;
use edgeward_core::token::SigningKey;
use edgeward_tests::http_server::{Reply, response};
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{KeyServer, LoneEdge};

use super::{LONGEST_BACKOFF_SECONDS, edge_with, feeds};

/// Lets the feed become too old, has a token judged, and says what was counted by the question for the feed.
async fn told_after(edge: &LoneEdge, keys: &KeyServer, key: &SigningKey, seconds: i64) -> [u32; 4] {
    edge.wait(seconds);
    let before = keys.feed_asked().len();
    let _ = edge.judges(key).await.expect(204);
    keys.feed_is_asked(before + 1).await;
    edge.has_read_everything().await;
    let asked = keys.feed_asked();
    let counts = asked.get(before).and_then(|ask| ask.counts);
    let counts = counts.expect("something was counted");
    [
        Counted::Answered,
        Counted::Unauthenticated,
        Counted::KeysAwaited,
        Counted::KeysAtHand,
    ]
    .map(|what| counts.get(what))
}

#[tokio::test]
async fn what_was_counted_is_told_until_an_answer_comes() {
    let (edge, keys, key) = edge_with(&[]).await;
    let _ = edge.judges(&key).await.expect(204);
    edge.has_read_everything().await;
    let first = keys.feed_asked()[0].counts.expect("the wait for keys");
    assert_eq!(first.get(Counted::KeysAwaited), 1);

    let foreign = edge.token(&signing_key(9));
    for _ in 0..2 {
        let _ = edge.judges_token(&foreign).await.expect(401);
    }
    // A newer key set is looked for in vain for both. What this question comes with is counted when it is over.
    let told = told_after(&edge, &keys, &key, 2).await;
    assert_eq!(told, [1, 2, 2, 0]);
    // What was told is told no more.
    assert_eq!(told_after(&edge, &keys, &key, 2).await, [1, 0, 0, 1]);

    keys.feeds(|_| Reply::Whole(response(500, &[], b"")));
    assert_eq!(told_after(&edge, &keys, &key, 2).await, [1, 0, 0, 1]);
    feeds(&keys, &edge, &[]);
    let again = told_after(&edge, &keys, &key, LONGEST_BACKOFF_SECONDS).await;
    assert_eq!(again, [2, 0, 0, 2], "with what was not answered");
}
