//! The edge and its issuer's key set: who fetches, who waits, and what a bad answer changes.

mod coalescing;
mod rotation;
mod algorithms;
mod own_keys;
mod schedule;
mod bad_answers;
mod cache;

use edgeward_tests::LoneEdge;
use edgeward_tests::world::NEVER;

/// When a set is refreshed behind a request.
const SOFT_TTL_SECONDS: i64 = 5 * 60;
/// When a set is no longer used.
const HARD_TTL_SECONDS: i64 = 24 * 60 * 60;
/// How long invented key ids cause no further fetch.
const COOLDOWN_SECONDS: i64 = 30;
/// What the log says with each set that was not loaded.
const NOT_LOADED: &str = "keys-not-loaded";
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
        "not-kept-alive",
    ] {
        assert!(!log.contains(alarm), "the log says {alarm:?}:\n{log}");
    }
}
