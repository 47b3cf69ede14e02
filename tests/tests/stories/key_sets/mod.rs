//! The edge and its issuer's key set: who fetches, who waits, and what a bad answer changes.

mod coalescing;
mod rotation;
mod algorithms;
mod own_keys;
mod schedule;
mod bad_answers;
mod cache;

use std::time::Duration;

use edgeward_tests::LoneEdge;

/// When a set is refreshed behind a request.
const SOFT_TTL_SECONDS: i64 = 5 * 60;
/// When a set is no longer used.
const HARD_TTL_SECONDS: i64 = 24 * 60 * 60;
/// How long invented key ids cause no further fetch.
const COOLDOWN_SECONDS: i64 = 30;
/// What has not come by then, in real time, does not come.
const NEVER: Duration = Duration::from_secs(60);

/// The reasons in the log why keys were not loaded, in order.
fn failures(edge: &LoneEdge) -> Vec<String> {
    let log = edge.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("\"keys-not-loaded\""));
    lines
        .filter_map(|line| {
            let json = line.get(line.find('{')?..)?;
            let json: serde_json::Value = serde_json::from_str(json).ok()?;
            Some(json.get("reason")?.as_str()?.to_owned())
        })
        .collect()
}

/// Goes on only if the runtime and the edge logged nothing but refusals and failed fetches.
#[track_caller]
fn assert_calm(edge: &LoneEdge) {
    let log = edge.log();
    for alarm in [
        "different request",
        "panicked",
        "RuntimeError",
        "Error:",
        "exception",
        "had hung",
        "not-answered",
        "keys-not-kept-alive",
    ] {
        assert!(!log.contains(alarm), "the log says {alarm:?}:\n{log}");
    }
}
