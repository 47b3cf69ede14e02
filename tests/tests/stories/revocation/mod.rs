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
use edgeward_tests::{EdgeCache, KeyServer, LoneEdge};

/// How old the feed may be on a bounded route.
const BOUND_SECONDS: i64 = 1;
/// The longest wait after failures, with what lots add to it.
const LONGEST_BACKOFF_SECONDS: i64 = 10;

/// An edge whose issuer has one key and an honest feed with these sessions.
async fn edge_with(sids: &'static [&'static str]) -> (LoneEdge, KeyServer, SigningKey) {
    let key = signing_key(1);
    let keys = KeyServer::with(&[&key]);
    let edge = LoneEdge::start(&keys, None::<&EdgeCache>).await;
    feeds(&keys, &edge, sids);
    (edge, keys, key)
}

/// From now on the feed honestly tells of these sessions.
fn feeds(keys: &KeyServer, edge: &LoneEdge, sids: &'static [&'static str]) {
    let site = edge.origin().to_owned();
    keys.feeds(move |ask| answered(&FeedPage::of(&site, ask, sids).signed(&signing_key(1))));
}

/// The reasons in the log why the feed was not read, in order.
fn failures(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .filter(|line| line.contains("\"revocations-not-loaded\""));
    lines
        .filter_map(|line| {
            let json = line.get(line.find('{')?..)?;
            let json: serde_json::Value = serde_json::from_str(json).ok()?;
            Some(json.get("reason")?.as_str()?.to_owned())
        })
        .collect()
}
