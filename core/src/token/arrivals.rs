//! Which refreshes arrived, on the way from an edge to the issuer.
//!
//! An access token says which generation of its session it was made with. A client that presents one has therefore got the answer that
//! brought it, and with it the refresh token of that generation: from then on the one before it is spent. Only the issuer can conclude
//! that, and only an edge sees it, so an edge tells with its next question for ended sessions, as it does what it counts. What is
//! lost on the way changes no answer for the worse: the issuer then goes on as if nobody had presented the token yet.

use alloc::string::String;
use core::fmt::Write as _;

use super::claims::Claims;

/// The header of the question: `session.generation;`, once for each.
pub const ARRIVALS_HEADER: &str = "edgeward-arrivals";

/// The most that are told at once, in bytes: a hundred. Because it goes in one line of a header, and proxies in front of an
/// issuer take 8 KiB for that. A token that finds no room is noted when it is presented the next time.
pub const MAX_ARRIVALS_BYTES: usize = 4096;

/// Longer than the id of a session of the issuer's.
const MAX_SESSION_BYTES: usize = 64;

/// Who brought a token that is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroughtBy {
    /// A client presented it: it has arrived there.
    Client,
    /// The edge got it in a refresh of its own. Whether it arrives is not known before the client presents it.
    Edge,
}

/// What the issuer was not told yet.
#[derive(Debug, Default)]
pub struct Arrivals {
    untold: String,
}

impl Arrivals {
    /// Nothing to tell.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            untold: String::new(),
        }
    }

    /// Notes the generation of a verified token. `false`: there is no room for it now.
    ///
    /// The first generation came with the sign-in and took the place of none, so there is nothing to tell of it; nor of a token
    /// without a session, which is a machine's.
    pub fn note(&mut self, claims: &Claims) -> bool {
        let (Some(session), Some(generation @ 1..)) = (claims.session_id(), claims.sequence())
        else {
            return true;
        };
        // What is none of the issuer's ids could say anything in a header.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if session.len() > MAX_SESSION_BYTES || !session.bytes().all(is_plain) {
            return true;
        }
        let before = self.untold.len();
        // Writing into a String does not fail.
        let _ = write!(self.untold, "{session}.{generation};");
        let has_room = self.untold.len() <= MAX_ARRIVALS_BYTES;
        if !has_room {
            self.untold.truncate(before);
        }
        has_room
    }

    /// What there is to tell, for [`ARRIVALS_HEADER`].
    #[must_use]
    pub fn untold(&self) -> Option<String> {
        (!self.untold.is_empty()).then(|| self.untold.clone())
    }

    /// The issuer has this. What it had before, or was told by another question meanwhile, stays to be told: once more does no harm.
    pub fn were_told(&mut self, told: &str) {
        if self.untold.starts_with(told) {
            self.untold.drain(..told.len());
        }
    }

    /// Reads the header: sessions and generations, as they stand there. What is not of this form is left out, and of what is longer
    /// than an edge may write nothing is read.
    pub fn read(text: &str) -> impl Iterator<Item = (&str, u64)> {
        let text = if text.len() > MAX_ARRIVALS_BYTES {
            ""
        } else {
            text
        };
        text.split(';').filter_map(|entry| {
            let (session, generation) = entry.split_once('.')?;
            let is_number = generation.bytes().all(|byte| byte.is_ascii_digit());
            Some((session, generation.parse().ok().filter(|_| is_number)?))
        })
    }
}
