//! What a person, a script and an attacker experience, told against the real parts.
#![allow(
    clippy::panic,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

mod sign_in;
mod verify_token;
mod paths;
mod raw_paths;
mod path_readers;
mod spoofing;
mod proxying;
mod cookie_tossing;
mod cross_origin;
mod csrf_on_app_routes;
mod answer_headers;
mod trust;
mod token_classes;
mod lifetimes;
mod bound_assertions;
mod step_up;
mod other_issuers;
mod seen_tokens;
mod platform_signatures;
mod corpora;
mod bad_input;
mod outages;
mod clocks_apart;
mod numbers;
mod panics;
mod key_sets;
mod revocation;
mod administration;
mod limits;
mod refresh;
mod production;
mod cookie_settings;
mod nginx;
