//! One page of the feed: a token that says where the page belongs, and behind it the entries that the token vouches for.
//!
//! The token goes through the one door like any other. It holds the number and the SHA-256 of the entries, because a token has
//! at most 8 KiB and a page of that size would make a new instance ask a thousand times. It names the request that it answers, so
//! that a page of a moment ago cannot be shown again.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::digest::sha256;
use base64ct::{Base64UrlUnpadded, Encoding as _};

use super::set::Kind;
use crate::keys::KeySet;
use crate::reject::Reject;
use crate::time::UnixTime;
use crate::token::{Audiences, Expectations, TokenType, Verified, verify};

/// The `typ` of a page's token.
pub const FEED_TYPE: &str = "edgeward-revocations+jwt";

/// Most entries of a page. Because an hour of a busy site then takes a new instance a few requests, and a page is read at once.
pub const MAX_PAGE_ENTRIES: usize = 5_000;

/// The longest page. Because an entry of ours takes 75 bytes at most and identifiers of others may be longer.
pub const MAX_PAGE_BYTES: usize = 512 * 1024;

/// What a page of this issuer for edges of this audience says.
#[must_use]
pub fn expectations(issuer: &str, audience: &str) -> Expectations {
    Expectations::new(
        issuer,
        Audiences::OneOf([audience.to_owned()].into()),
        TokenType::Other(FEED_TYPE.to_owned()),
    )
}

/// A page that holds in everything.
#[derive(Debug)]
pub struct Page {
    pub(super) after: u64,
    pub(super) last: u64,
    pub(super) more: bool,
    pub(super) entries: Vec<(Kind, String, UnixTime)>,
}

/// Why a page is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFault {
    /// Longer than a page may be, or with more entries.
    TooLarge,
    /// Not text, or without a line for the token.
    NotAPage,
    /// The token is refused.
    Token(Reject),
    /// The token lacks a claim of a page, or one says what cannot be.
    Claims,
    /// It answers another request.
    OtherRequest,
    /// It does not go on where was asked from, nor begin anew.
    Gap,
    /// The entries are not those that the token vouches for.
    OtherEntries,
    /// An entry is of a kind that is not known here: what it revokes would be accepted.
    UnknownKind,
    /// An entry has not the form of one.
    Entry,
}

impl PageFault {
    /// The stable name, for the log.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "page-too-large",
            Self::NotAPage => "not-a-page",
            Self::Token(reject) => reject.reason(),
            Self::Claims => "page-claims",
            Self::OtherRequest => "page-of-another-request",
            Self::Gap => "page-leaves-a-gap",
            Self::OtherEntries => "page-entries-changed",
            Self::UnknownKind => "page-kind-unknown",
            Self::Entry => "page-entry-malformed",
        }
    }
}

impl Page {
    /// A page that nobody has to vouch for: the issuer's own process read what follows `after` in its database.
    #[must_use]
    pub const fn of_the_issuer_itself(
        (after, last): (u64, u64),
        entries: Vec<(Kind, String, UnixTime)>,
    ) -> Self {
        Self {
            after,
            last,
            more: false,
            entries,
        }
    }

    /// Reads the answer to a request that asked for what follows `after` under this id.
    ///
    /// # Errors
    /// The first thing that is wrong; then nothing of the page counts.
    pub fn read(
        body: &[u8],
        (after, request_id): (u64, &str),
        keys: &KeySet,
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, PageFault> {
        if body.len() > MAX_PAGE_BYTES {
            return Err(PageFault::TooLarge);
        }
        let text = core::str::from_utf8(body).map_err(|_| PageFault::NotAPage)?;
        let (token, lines) = text.split_once('\n').ok_or(PageFault::NotAPage)?;
        let verified = verify(token, keys, expect, now).map_err(PageFault::Token)?;
        if text_claim(&verified, "rid") != Some(request_id) {
            return Err(PageFault::OtherRequest);
        }
        let number = |name| verified.claims().get(name).and_then(|value| value.as_u64());
        let more = verified
            .claims()
            .get("more")
            .and_then(|value| value.as_bool());
        let (Some(from), Some(last), Some(count), Some(more)) =
            (number("after"), number("last"), number("count"), more)
        else {
            return Err(PageFault::Claims);
        };
        // Without an end of its own, a page that leads nowhere would be asked for for ever.
        if last < from || (more && last == from) {
            return Err(PageFault::Claims);
        }
        if from != after && from != 0 {
            return Err(PageFault::Gap);
        }
        let digest = Base64UrlUnpadded::encode_string(&sha256(lines.as_bytes()));
        if text_claim(&verified, "sha256") != Some(&digest) {
            return Err(PageFault::OtherEntries);
        }
        let entries = lines.lines().map(entry).collect::<Result<Vec<_>, _>>()?;
        if entries.len() > MAX_PAGE_ENTRIES {
            return Err(PageFault::TooLarge);
        }
        if u64::try_from(entries.len()) != Ok(count) {
            return Err(PageFault::OtherEntries);
        }
        Ok(Self {
            after: from,
            last,
            more,
            entries,
        })
    }

    /// Whether there is more to be asked for at once.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.more
    }
}

fn text_claim<'v>(verified: &'v Verified, name: &str) -> Option<&'v str> {
    verified.claims().get(name)?.as_str()
}

/// `kind id at reason`; the reason is for people, and what may follow it is for later.
fn entry(line: &str) -> Result<(Kind, String, UnixTime), PageFault> {
    let mut words = line.split(' ');
    let (Some(kind), Some(id), Some(at), Some(_)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(PageFault::Entry);
    };
    let kind = Kind::named(kind).ok_or(PageFault::UnknownKind)?;
    let at = at.parse().map_err(|_| PageFault::Entry)?;
    if id.is_empty() {
        return Err(PageFault::Entry);
    }
    Ok((kind, id.to_owned(), UnixTime::from_seconds(at)))
}
