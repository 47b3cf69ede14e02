//! The npm package's way into the core.
//!
//! [`Verifier`] keeps the keys and the expectations and answers one question per crossing: the claims of this token,
//! or why not. It fetches nothing and has no clock; the typed front in `edge/js` brings key sets, tells the time and
//! turns a refusal into an error of its language.

mod refusal;
mod verifier;

pub use verifier::Verifier;
