//! The world in which the stories of `tests/` happen.
//!
//! A story starts the real parts — issuer, edge on workerd, demo app — on free loopback ports and talks to them as a browser
//! or a script would. It owns its clock: the builds it starts obey a header, which no release artefact does, so eleven
//! minutes pass in no time and nothing ever sleeps. What the edge sends on is listened to by a [`Tap`] on the way.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

pub mod world;
pub mod person;
pub mod client;
pub mod answer;
pub mod cookie_jar;
pub mod tap;
pub mod raw;
pub mod authority;
pub mod other_issuer;
pub mod corpora;
pub mod http_server;
pub mod key_server;
pub mod feed;
pub mod bundle;
pub mod edge_cache;
pub mod lone_edge;
pub mod gated_app;
pub mod by_hand;
pub mod websocket;
pub mod nginx_site;

pub use answer::Answer;
pub use by_hand::ByHand;
pub use client::Client;
pub use edge_cache::EdgeCache;
pub use gated_app::GatedApp;
pub use key_server::KeyServer;
pub use lone_edge::LoneEdge;
pub use nginx_site::NginxSite;
pub use person::Person;
pub use tap::Tap;
pub use world::{Setup, World};

/// Seconds in so many minutes.
#[must_use]
pub const fn minutes(count: i64) -> i64 {
    count * 60
}

/// Seconds in so many days.
#[must_use]
pub const fn days(count: i64) -> i64 {
    count * 24 * 60 * 60
}
