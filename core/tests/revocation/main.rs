//! What the edge knows of ended sessions: the set, the pages it is made of, when they are asked for, and what a gate decides.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod set;
mod pages;
mod feed;
mod decisions;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edgeward_core::keys::KeySet;
use edgeward_core::revocation::{FEED_TYPE, Page, PageFault, expectations};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType, Verified, verify};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const ISSUER: &str = "https://app.example";
const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(NOW + seconds)
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn keys() -> KeySet {
    KeySet::from_keys([key().public_jwk()]).unwrap()
}

fn access() -> Expectations {
    let audience = Audiences::OneOf(vec![ISSUER.to_owned()]);
    Expectations::new(ISSUER, audience, TokenType::Access)
}

/// The text of an access token with these claims besides the necessary ones.
fn token(claims: &Value) -> String {
    let mut all = json!({ "iss": ISSUER, "aud": ISSUER, "iat": NOW, "exp": NOW + 600 });
    let (Some(members), Some(more)) = (all.as_object_mut(), claims.as_object()) else {
        panic!("claims are an object")
    };
    members.extend(more.clone());
    key().sign(&TokenType::Access, &all).unwrap()
}

fn verified(claims: &Value) -> Verified {
    verify(&token(claims), &keys(), &access(), at(0)).unwrap()
}

/// A page with these lines, and these claims in place of the right ones; `null` takes one away.
fn page(after: u64, last: u64, lines: &str, changes: &Value) -> String {
    signed_page(&key(), FEED_TYPE, after, last, lines, changes)
}

fn signed_page(
    key: &SigningKey,
    typ: &str,
    after: u64,
    last: u64,
    lines: &str,
    changes: &Value,
) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "rid": "r-1", "after": after, "last": last, "more": false,
        "count": lines.lines().count(), "sha256": Base64UrlUnpadded::encode_string(&Sha256::digest(lines)),
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    let typ = TokenType::Other(typ.to_owned());
    format!("{}\n{lines}", key.sign(&typ, &claims).unwrap())
}

fn read(body: &str, after: u64) -> Result<Page, PageFault> {
    let expect = expectations(ISSUER, ISSUER);
    Page::read(body.as_bytes(), (after, "r-1"), &keys(), &expect, at(0))
}
