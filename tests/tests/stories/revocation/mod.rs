//! The edge and the feed of ended sessions: what ends where, how soon, and what becomes of it while the issuer is away.

mod acts;
mod operators;
mod led_away;
mod modes;
mod fetches;
mod bad_pages;
mod counts;

use edgeward_core::token::SigningKey;
use edgeward_tests::feed::{FeedPage, answered};
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::world::{LONGEST_BACKOFF_SECONDS, NEVER};
use edgeward_tests::{Answer, EdgeCache, KeyServer, LoneEdge};
use tokio::time::timeout;

/// How old the feed may be on a bounded route.
const BOUND_SECONDS: i64 = 1;
/// What the log says with each feed that was not read.
const NOT_LOADED: &str = "revocations-not-loaded";

/// An edge whose issuer has one key and an honest feed with these sessions.
async fn edge_with(sids: &'static [&'static str]) -> (LoneEdge, KeyServer, SigningKey) {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    let edge = LoneEdge::start(&keys, None::<&EdgeCache>).await;
    feeds(&keys, &edge, sids);
    (edge, keys, key)
}

/// What comes of a token that is judged by current word of ended sessions. An edge waits less than a second of real time for the
/// issuer, and on a busy machine lets the token pass; what came meanwhile is at hand for the next.
async fn confirmed(edge: &LoneEdge, token: &str) -> Answer {
    let passed = || async {
        let health = edge.health().await;
        health.pointer("/revocations/passedUnconfirmed").cloned()
    };
    let judged = timeout(NEVER, async {
        loop {
            let before = passed().await;
            let answer = edge.judges_token(token).await;
            if passed().await == before {
                return answer;
            }
        }
    });
    judged.await.expect("the feed is read")
}

/// From now on the feed honestly tells of these sessions.
fn feeds(keys: &KeyServer, edge: &LoneEdge, sids: &'static [&'static str]) {
    let site = edge.origin().to_owned();
    keys.feeds(move |ask| answered(&FeedPage::of(&site, ask, sids).signed(&signing_key(1))));
}
