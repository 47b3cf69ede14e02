//! Which refreshes arrived, on the way from an edge to the issuer.
//!
//! An access token says which generation of its session it was made with. A client that presents one has therefore got the answer that
//! brought it, and with it the refresh token of that generation: from then on the one before it is spent. Only the issuer can conclude
//! that, and only an edge sees it, so an edge tells with its next question for ended sessions, as it does what it counts. What is
//! lost on the way changes no answer for the worse: the issuer then goes on as if nobody had presented the token yet.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::claims::Claims;

/// The header of the question: `session.generation;`, once for each.
pub const ARRIVALS_HEADER: &str = "edgeward-arrivals";

/// The longest that the header may be. Because it goes in one line, and proxies in front of an issuer take 8 KiB for that.
pub const MAX_ARRIVALS_BYTES: usize = 4096;

/// The longest id of a session that is told. Those of the issuer's have 36 characters.
const MAX_SESSION_BYTES: usize = 36;

/// The most digits of a generation.
const MAX_GENERATION_BYTES: usize = "18446744073709551615".len();

/// The most sessions that are told of at once: so many have room whatever their generations. A token that finds none is noted when it
/// is presented the next time.
const MAX_ARRIVALS: usize =
    MAX_ARRIVALS_BYTES / (MAX_SESSION_BYTES + MAX_GENERATION_BYTES + "..".len());

/// Who brought a token that is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroughtBy {
    /// A client presented it: it has arrived there.
    Client,
    /// The edge got it in a refresh of its own. Whether it arrives is not known before the client presents it.
    Edge,
}

/// What the issuer was not told yet: the newest generation of each session, because it says all that those before it would. So a
/// session takes one place, however many tokens of it are presented.
#[derive(Debug, Default)]
pub struct Arrivals {
    untold: Vec<(String, u64)>,
}

impl Arrivals {
    /// Nothing to tell.
    #[must_use]
    pub const fn new() -> Self {
        Self { untold: Vec::new() }
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
        if let Some((_, newest)) = self.untold.iter_mut().find(|(of, _)| of == session) {
            *newest = generation.max(*newest);
            return true;
        }
        let has_room = self.untold.len() < MAX_ARRIVALS;
        if has_room {
            self.untold.push((session.to_owned(), generation));
        }
        has_room
    }

    /// What there is to tell, for [`ARRIVALS_HEADER`].
    #[must_use]
    pub fn untold(&self) -> Option<String> {
        let mut text = String::new();
        for (session, generation) in &self.untold {
            // Writing into a String does not fail.
            let _ = write!(text, "{session}.{generation};");
        }
        (!text.is_empty()).then_some(text)
    }

    /// The issuer has this. What was noted meanwhile stays to be told.
    pub fn were_told(&mut self, told: &str) {
        for (session, generation) in Self::read(told) {
            let is_untold = |(of, newest): &(String, u64)| of != session || *newest > generation;
            self.untold.retain(is_untold);
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
