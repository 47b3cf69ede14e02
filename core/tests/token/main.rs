//! Tokens from outside: what is accepted, what is refused, and why.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a surprise in a test's own data fails the test, outside of #[test] functions too"
)]

mod forge;
mod export;
mod platform;
mod accepted;
mod attacks;
mod order;
mod mangled;
mod answers;
mod seen;
mod arrivals;
mod arbitrary;
mod key_sets;
mod signatures;
