//! The feed of ended sessions, from which an edge learns what it must not accept any more although it verifies.
//!
//! Only what can still matter is in it: an access token lives for an hour at most. It is numbered in the order of the
//! commits, so who asks from a number on misses nothing. A page is a token of a type of its own, signed with the issuer's
//! key, so that nobody between issuer and edge can withhold a part of it unnoticed or add to it; it holds for a minute,
//! so that an old one cannot be shown again.

mod news;
mod pages;

pub use news::News;
pub use pages::Pages;

use std::{future::Future, sync::Arc, time::Instant};

use edgeward_core::{
    time::{LEEWAY_SECONDS, UnixTime},
    token::{SignError, SigningKey, TokenType},
};
use serde::Serialize;

use super::{
    session::{RevocationReason, Sid},
    storage::StorageError,
};
use crate::config::{ACCESS_SECONDS_MAX, Identity};

/// The `typ` of a page.
pub const FEED_TYPE: &str = "edgeward-revocations+jwt";

/// So long an ended session stays in the feed: as long as the last access token of it may be accepted, whatever life was
/// configured when it was made.
pub const KEPT_SECONDS: i64 = ACCESS_SECONDS_MAX + LEEWAY_SECONDS;

/// Entries of a page: an entry takes at most 90 bytes, and with them the page stays below the 8 KiB of a token.
pub const PAGE: usize = 50;

/// How long a page holds.
const PAGE_SECONDS: i64 = 60;

/// A session that has ended, as a transaction notes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub sid: Sid,
    /// When.
    pub at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
}

/// A session that has ended, with its number in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its number.
    pub seq: u64,
    /// Which session.
    pub sid: Sid,
    /// When.
    pub at: UnixTime,
    /// Why, by its stable name.
    pub reason: String,
}

/// What the feed needs of a store.
pub trait Revocations {
    /// The number of the last entry, kept or not; 0 before the first.
    fn last_revocation(&self) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Up to `most` entries after a number and not before a moment, in order.
    fn revocations(
        &self,
        after: u64,
        since: UnixTime,
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
    Sign(#[from] SignError),
}

#[derive(Serialize)]
struct Page<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: UnixTime,
    exp: UnixTime,
    /// The number that the page goes on from; 0 where the asker named one that was never given.
    after: u64,
    /// The number to go on from next.
    last: u64,
    /// Whether there is more at once.
    more: bool,
    revocations: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    sid: String,
    at: UnixTime,
    reason: &'a str,
}

/// What the feed of a process is made from.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    /// What is told about ended sessions.
    pub news: &'a News,
    /// What was built last.
    pub pages: &'a Pages,
    /// Signs.
    pub key: &'a SigningKey,
    /// Who the issuer says it is.
    pub issuer: &'a Identity,
}

impl Feed<'_> {
    /// The page after a number: the one that was built last if nothing was told since and it is young enough, or another.
    /// `asked` is the same moment as `now`, by the clock that nobody can set.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn page(
        self,
        store: &impl Revocations,
        after: u64,
        now: UnixTime,
        asked: Instant,
    ) -> Result<Arc<str>, FeedError> {
        let version = self.news.version();
        let most_age = self.news.page_age();
        if let Some(page) = self.pages.find(after, version, most_age, asked) {
            return Ok(page);
        }
        let built = page(store, self.key, self.issuer, after, now).await?;
        let built = Arc::from(built);
        self.pages.keep(after, version, asked, &built);
        Ok(built)
    }
}

/// A page of the feed after a number, signed.
///
/// # Errors
/// [`FeedError`].
pub async fn page(
    store: &impl Revocations,
    key: &SigningKey,
    issuer: &Identity,
    after: u64,
    now: UnixTime,
) -> Result<String, FeedError> {
    let newest = store.last_revocation().await?;
    // A number from the future was given by another history of the database: all is told anew.
    let after = if after > newest { 0 } else { after };
    let since = now.plus(-KEPT_SECONDS);
    let found = store.revocations(after, since, PAGE).await?;
    let more = found.len() == PAGE;
    let last = match found.last() {
        Some(entry) if more => entry.seq,
        // What was committed between the two readings may be in the page already.
        Some(entry) => entry.seq.max(newest),
        None => newest,
    };
    let page = Page {
        iss: &issuer.url,
        aud: &issuer.audience,
        iat: now,
        exp: now.plus(PAGE_SECONDS),
        after,
        last,
        more,
        revocations: found
            .iter()
            .map(|entry| Entry {
                sid: entry.sid.to_string(),
                at: entry.at,
                reason: &entry.reason,
            })
            .collect(),
    };
    Ok(key.sign(&TokenType::Other(FEED_TYPE.to_owned()), &page)?)
}
