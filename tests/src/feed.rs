//! The feed of ended sessions as a test wants it: honest, or wrong in one way.

use edgeward_core::revocation::FEED_TYPE;
use edgeward_core::tally::{TALLY_HEADER, Tally};
use edgeward_core::token::{SigningKey, TokenType};
use serde_json::{Value, json};

use crate::http_server::{Reply, response};
use crate::other_issuer::base64url;
use crate::tap::Seen;

/// Where the feed is.
pub const FEED_PATH: &str = "/.well-known/edgeward-revocations";

/// What an edge asks for.
#[derive(Debug, Clone)]
pub struct FeedAsk {
    /// The number to go on from.
    pub after: u64,
    /// What its proof says, unverified.
    pub proof: Value,
    /// The time that it told, in seconds since the epoch.
    pub now: i64,
    /// What it counted since it told last, if it says so.
    pub counts: Option<Tally>,
}

impl FeedAsk {
    pub(crate) fn of(head: &Seen) -> Self {
        let one = |name| head.header(name).concat();
        let after = head.target.split_once("?after=").map(|(_, after)| after);
        let proof = one("edgeward-proof");
        let payload = proof.split('.').nth(1).expect("a proof is a token");
        Self {
            after: after.map_or(0, |after| after.parse().expect("a number")),
            proof: serde_json::from_slice(&decoded(payload)).expect("claims are JSON"),
            now: one(crate::client::TEST_CLOCK).parse().expect("seconds"),
            counts: head
                .header(TALLY_HEADER)
                .first()
                .map(|text| Tally::read(text).expect("counts")),
        }
    }
}

/// A page that can be changed before it is signed.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The claims; `count` and `sha256` are those of the lines unless they are set.
    pub claims: Value,
    /// What follows the token.
    pub lines: String,
    /// The `typ` of the token.
    pub typ: String,
}

impl FeedPage {
    /// The whole feed of an issuer that ended these sessions, in answer to a question.
    #[must_use]
    pub fn of(site: &str, ask: &FeedAsk, sids: &[&str]) -> Self {
        let known = usize::try_from(ask.after).expect("a small number");
        let now = ask.now;
        let new = sids.get(known..).unwrap_or_default();
        let line = |sid: &&str| format!("sid {sid} {now} revoked\n");
        Self {
            claims: json!({
                "iss": site, "aud": site, "iat": now, "exp": now + 60, "rid": ask.proof["rid"],
                "after": ask.after, "last": sids.len(), "more": false,
            }),
            lines: new.iter().map(line).collect(),
            typ: FEED_TYPE.to_owned(),
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.lines.as_bytes());
        let made =
            json!({ "count": self.lines.lines().count(), "sha256": base64url(digest.as_ref()) });
        for (name, value) in made.as_object().into_iter().flatten() {
            if self.claims.get(name).is_none() {
                self.claims[name] = value.clone();
            }
        }
        let token = key.sign(&TokenType::Other(self.typ), &self.claims);
        format!("{}\n{}", token.expect("small claims"), self.lines)
    }
}

/// An answer with this body.
#[must_use]
pub fn answered(body: &str) -> Reply {
    let media = format!("application/{FEED_TYPE}");
    Reply::Whole(response(200, &[("Content-Type", &media)], body.as_bytes()))
}

/// The bytes of unpadded base64url.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = 0_u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for letter in text.bytes() {
        let place = ALPHABET.iter().position(|known| *known == letter);
        bits = bits << 6 | u32::try_from(place.expect("base64url")).expect("below 64");
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}
