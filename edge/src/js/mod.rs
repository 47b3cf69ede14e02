//! The npm package's way into the core.
//!
//! [`Verifier`] keeps the keys and the expectations and judges one token per crossing: its claims, or why not, or the
//! [`Question`] whether its ES256 or RS256 signature is good. It fetches nothing, has no clock and remembers no token; the
//! typed front in `edge/js` brings key sets, tells the time, asks WebCrypto and makes what an answer looks like there
//! ([`Outcomes`]).

mod verifier;
mod question;
mod outcome;

pub use outcome::Outcomes;
pub use question::Question;
pub use verifier::Verifier;
