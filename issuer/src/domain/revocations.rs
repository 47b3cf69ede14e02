//! The feed of ended sessions, from which an edge learns what it must not accept any more although it verifies.
//!
//! Only what can still matter is in it: an access token lives for an hour at most. It is numbered in the order of the
//! commits, so who asks from a number on misses nothing. A page is a token of a type of its own, signed with the issuer's
//! key, and behind it the entries whose digest the token names; so nobody between issuer and edge can withhold a part of it
//! unnoticed or add to it. It names the request that it answers and holds for a minute, so that an old one cannot be shown
//! again. Edges read it by `edgeward_core::revocation::Page`.
//!
//! An entry begins with its kind, the claim or header parameter by which a token is told: `sid` for a session, as nearly every act
//! ends sessions, `kid` for a signing key that was revoked, and what an operator revokes by hand ([`acts`]): `sub` for what was issued to a
//! person up to a moment, `jti` for one token. An edge refuses a page with a kind that it does not know, so edges
//! are updated before an issuer that has another one.

mod news;
mod pages;

pub mod acts;

pub use acts::{NotRevoked, Revoking, TokenId, revoke_person, revoke_token};
pub use news::News;
pub use pages::Pages;

use std::{fmt::Write as _, future::Future, sync::Arc, time::Instant};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edgeward_core::{
    revocation::{FEED_TYPE, KEY_KEPT_SECONDS, Kind, MAX_PAGE_ENTRIES, SESSION_KEPT_SECONDS},
    time::UnixTime,
    token::TokenType,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    accounts::UserId,
    keyring::TokenKey,
    session::{RevocationReason, Sid},
    storage::StorageError,
};
use crate::{
    config::{ACCESS_SECONDS_MAX, Identity},
    custody::SignTokenError,
};

/// So long an ended session stays in the feed: as long as the last access token of it may be accepted, whatever life was
/// configured when it was made. Edges remember it for as long.
pub const KEPT_SECONDS: i64 = SESSION_KEPT_SECONDS;

/// And a revoked key: as long as a verifier may hold a key set that lists it.
pub const KEY_IS_KEPT_SECONDS: i64 = KEY_KEPT_SECONDS;

const _: () = assert!(
    ACCESS_SECONDS_MAX + edgeward_core::time::LEEWAY_SECONDS <= KEPT_SECONDS,
    "a session would be forgotten while a token of it is good"
);

/// How long a page holds.
const PAGE_SECONDS: i64 = 60;

/// What has ended, as a transaction notes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A session.
    Session {
        /// Which.
        sid: Sid,
        /// When.
        at: UnixTime,
        /// Why.
        reason: RevocationReason,
    },
    /// What was issued to a user up to a moment.
    Subject {
        /// Whom.
        user: UserId,
        /// Up to when.
        at: UnixTime,
    },
    /// One access token.
    Token {
        /// Which.
        id: TokenId,
        /// When.
        at: UnixTime,
    },
    /// A signing key of ours, revoked by an operator.
    Key {
        /// Its id.
        key_id: String,
        /// When.
        at: UnixTime,
    },
}

impl Ended {
    /// The kind of its entry.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Session { .. } => Kind::Session,
            Self::Subject { .. } => Kind::Subject,
            Self::Token { .. } => Kind::TokenId,
            Self::Key { .. } => Kind::Key,
        }
    }

    /// What tokens name it by.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Session { sid, .. } => sid.to_string(),
            Self::Subject { user, .. } => user.to_string(),
            Self::Token { id, .. } => id.as_str().to_owned(),
            Self::Key { key_id, .. } => key_id.clone(),
        }
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> UnixTime {
        match self {
            Self::Session { at, .. }
            | Self::Subject { at, .. }
            | Self::Token { at, .. }
            | Self::Key { at, .. } => *at,
        }
    }

    /// Why, by its stable name.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Session { reason, .. } => reason.name(),
            Self::Subject { .. } | Self::Token { .. } | Self::Key { .. } => "revoked",
        }
    }
}

/// What has ended, with its number in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its number.
    pub seq: u64,
    /// What it is.
    pub kind: Kind,
    /// What tokens name it by. A word.
    pub id: String,
    /// When.
    pub at: UnixTime,
    /// Why, by its stable name.
    pub reason: String,
}

/// What the feed needs of a store.
pub trait Revocations {
    /// The number of the last entry, kept or not; 0 before the first.
    fn last_revocation(&self) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Up to `most` entries after a number that still matter at `now`, in order.
    fn revocations(
        &self,
        after: u64,
        now: UnixTime,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Revocation>, StorageError>> + Send;
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Signing failed.
    #[error("the feed could not be signed: {0}")]
    Sign(#[from] SignTokenError),
}

#[derive(Serialize)]
struct Page<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: UnixTime,
    exp: UnixTime,
    /// The id of the request that is answered.
    rid: &'a str,
    /// The number that the page goes on from; 0 where the asker named one that was never given.
    after: u64,
    /// The number to go on from next.
    last: u64,
    /// Whether there is more at once.
    more: bool,
    /// How many entries follow the token.
    count: usize,
    /// SHA-256 of them, as they stand there.
    sha256: &'a str,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The number to go on from.
    pub after: u64,
    /// The id of the request.
    pub request_id: &'a str,
}

/// What a page says, before it is signed for one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Entries {
    after: u64,
    last: u64,
    more: bool,
    count: usize,
    lines: String,
    sha256: String,
}

/// What the feed of a process is made from.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    /// What is told about ended sessions.
    pub news: &'a News,
    /// What was read last.
    pub pages: &'a Pages,
    /// Signs.
    pub key: &'a TokenKey,
    /// Who the issuer says it is.
    pub issuer: &'a Identity,
}

impl Feed<'_> {
    /// The page that answers a request. `at` is the same moment as `now`, by the clock that nobody can set.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn page(
        self,
        store: &impl Revocations,
        asked: Asked<'_>,
        now: UnixTime,
        at: Instant,
    ) -> Result<String, FeedError> {
        let entries = self.entries(store, asked.after, now, at).await?;
        let page = Page {
            iss: &self.issuer.url,
            aud: &self.issuer.audience,
            iat: now,
            exp: now.plus(PAGE_SECONDS),
            rid: asked.request_id,
            after: entries.after,
            last: entries.last,
            more: entries.more,
            count: entries.count,
            sha256: &entries.sha256,
        };
        let kind = TokenType::Other(FEED_TYPE.to_owned());
        let token = self.key.sign(&kind, &page).await?;
        Ok(format!("{token}\n{}", entries.lines))
    }

    /// What follows a number: as it was read last if nothing was told since and it is young enough, or read anew.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn entries(
        self,
        store: &impl Revocations,
        after: u64,
        now: UnixTime,
        at: Instant,
    ) -> Result<Arc<Entries>, StorageError> {
        let version = self.news.version();
        let most_age = self.news.page_age();
        if let Some(entries) = self.pages.find(after, version, most_age, at) {
            return Ok(entries);
        }
        let entries = Arc::new(read(store, after, now).await?);
        self.pages.keep(after, version, at, &entries);
        Ok(entries)
    }
}

/// What follows a number, as the database has it.
#[derive(Debug)]
pub struct Following {
    /// The number that it goes on from; 0 where one was named that was never given.
    pub after: u64,
    /// The number to go on from next.
    pub last: u64,
    /// Whether there is more at once.
    pub more: bool,
    /// The sessions, in order.
    pub found: Vec<Revocation>,
}

/// Up to a page of what follows a number and can still matter.
///
/// # Errors
/// [`StorageError`].
pub async fn following(
    store: &impl Revocations,
    after: u64,
    now: UnixTime,
) -> Result<Following, StorageError> {
    let newest = store.last_revocation().await?;
    // A number from the future was given by another history of the database: all is told anew.
    let after = if after > newest { 0 } else { after };
    let found = store.revocations(after, now, MAX_PAGE_ENTRIES).await?;
    let more = found.len() == MAX_PAGE_ENTRIES;
    let last = match found.last() {
        Some(entry) if more => entry.seq,
        // What was committed between the two readings may be in the page already.
        Some(entry) => entry.seq.max(newest),
        None => newest,
    };
    Ok(Following {
        after,
        last,
        more,
        found,
    })
}

async fn read(
    store: &impl Revocations,
    after: u64,
    now: UnixTime,
) -> Result<Entries, StorageError> {
    let Following {
        after,
        last,
        more,
        found,
    } = following(store, after, now).await?;
    let mut lines = String::new();
    for Revocation {
        kind,
        id,
        at,
        reason,
        ..
    } in &found
    {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{} {id} {at} {reason}", kind.name());
    }
    Ok(Entries {
        after,
        last,
        more,
        count: found.len(),
        sha256: Base64UrlUnpadded::encode_string(&Sha256::digest(&lines)),
        lines,
    })
}
