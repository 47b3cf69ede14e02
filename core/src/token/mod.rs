//! JSON Web Tokens: parsing, the one door [`verify`], the claims, and signing.
//!
//! There is no type for a token whose signature is good but whose claims are unchecked: [`verify`] goes through structure,
//! key, signature and claims in this order and gives a [`Verified`] or a [`Reject`](crate::reject::Reject). What is not
//! verified is called [`ParsedToken`] and offers hints for choosing keys, no claims.
//!
//! This module fetches no keys, keeps no cache, knows no revocation and no routes.

mod verify;
mod seen;
mod arrivals;
mod expectations;
mod claims;
mod payload;
mod parsed;
mod header;
mod limits;
mod sign;

pub use arrivals::{ARRIVALS_HEADER, Arrivals, BroughtBy, MAX_ARRIVALS_BYTES};
pub use claims::{Claims, ClaimsText, Scopes};
pub use expectations::{Audiences, Expectations, KeyIdRule, TokenType};
pub(crate) use header::is_key_id;
pub use limits::{MAX_HEADER_BYTES, MAX_KEY_ID_BYTES, MAX_TOKEN_BYTES};
pub use parsed::ParsedToken;
pub use seen::{ByDigest, MAX_SEEN_BYTES, MAX_SEEN_TOKENS, SeenTokens};
pub use sign::{SignError, SigningKey, UnsignedToken, WeakSeed};
pub use verify::{
    TokenDigest, Unverified, Verified, settled_claims, verified_claims, verify, verify_with,
};
