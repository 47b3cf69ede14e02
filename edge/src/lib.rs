//! Acts at the edge.
//!
//! One core, two shells: with the feature `worker` the Worker that stands in front of the app, with the feature `js`
//! the npm package. Neither decides anything: what a token or a request deserves is said by `edgeward-core`, and this
//! crate supplies what core has no means of (bindings, clock, fetch) and carries the answer out.

#[cfg(feature = "js")]
pub mod js;
#[cfg(any(feature = "worker", feature = "js"))]
mod known_keys;
#[cfg(feature = "worker")]
mod worker;
