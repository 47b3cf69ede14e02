//! What a person, a script and an attacker experience, told against the real parts.
#![allow(
    clippy::panic,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

mod sign_in;
mod verify_token;
mod paths;
mod raw_paths;
mod spoofing;
mod proxying;
mod cookie_tossing;
mod cross_origin;
mod csrf_on_app_routes;
mod answer_headers;
mod trust;
mod bound_assertions;
mod other_issuers;
mod seen_tokens;
mod bad_input;
mod outages;
mod panics;
mod key_sets;
mod revocation;
mod administration;
mod limits;
mod refresh;
mod production;
mod cookie_settings;
mod nginx;
