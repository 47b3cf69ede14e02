//! What is asked of a count, by which rule it is answered, and who may count for several processes.

use std::{fmt, future::Future, net::IpAddr, num::NonZeroU32, pin::Pin, time::Duration};

use edgeward_core::time::UnixTime;

use super::{Limited, Sender};
use crate::{
    config,
    domain::{lockout::CounterKey, session::Sid},
};

const MINUTE_SECONDS: u32 = 60;

/// Who asks, as far as a limit for reading is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reader {
    /// A session.
    Session(Sid),
    /// A session that fetches its CSRF token, which a sibling host can make its browser do.
    Csrf(Sid),
    /// Who brings a refresh token of a session and no more, by where they are: it may be one of long ago in other hands.
    Bringing(Sid, Sender),
    /// A session that is refreshed: whoever has a copy of its access token shall not keep its owner from that.
    Refreshing(Sid),
    /// Who has none.
    Sender(Sender),
}

/// One more of which, by whom?
#[derive(Debug, Clone, Copy)]
pub enum Question<'q> {
    /// A resource where a secret can be guessed.
    Guess(Sender),
    /// A sign-in, by the address.
    SignIn(Sender),
    /// Reading or refreshing.
    Read(Reader),
    /// A sign-in, by the name, at this moment of the process's clock. Who has a clock that all share takes that.
    Name(&'q CounterKey, UnixTime),
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A bucket of so many tokens, into which another one falls each time.
    Bucket {
        /// The time between two tokens.
        each: Duration,
        /// What it holds.
        burst: NonZeroU32,
    },
    /// So many in a window that slides; who goes over it waits, and each time twice as long.
    Window {
        /// How many.
        most: u32,
        /// How long the window is.
        seconds: i64,
        /// The first wait in seconds.
        first_wait: i64,
        /// The longest.
        longest_wait: i64,
    },
}

/// The rules of all limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub(super) guesses: Rate,
    pub(super) sign_ins: Rate,
    pub(super) reads: Rate,
    pub(super) names: super::names::Rules,
}

/// So many in so many seconds, so many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) number: NonZeroU32,
    pub(super) seconds: u32,
    pub(super) burst: NonZeroU32,
}

impl Rate {
    /// The time between two.
    pub(super) fn each(self) -> Duration {
        Duration::from_secs(u64::from(self.seconds)) / self.number.get()
    }

    fn rule(self) -> Rule {
        Rule::Bucket {
            each: self.each(),
            burst: self.burst,
        }
    }
}

impl Rules {
    /// The configured ones.
    #[must_use]
    pub const fn of(settings: &config::Limits) -> Self {
        let (sign_ins, within) = (settings.sign_ins, settings.sign_ins_within_seconds);
        Self {
            guesses: Rate {
                number: settings.guesses_per_minute,
                seconds: MINUTE_SECONDS,
                burst: settings.guesses_burst,
            },
            sign_ins: Rate {
                number: sign_ins,
                seconds: within,
                burst: sign_ins,
            },
            reads: Rate {
                number: settings.reads_per_minute,
                seconds: MINUTE_SECONDS,
                burst: settings.reads_burst,
            },
            names: super::names::Rules {
                most: sign_ins.get(),
                seconds: within as i64,
                first_wait: settings.name_wait_seconds,
                longest_wait: settings.name_wait_longest_seconds,
            },
        }
    }

    /// The one by which a question is answered.
    #[must_use]
    pub fn rule(&self, question: Question<'_>) -> Rule {
        match question {
            Question::Guess(_) => self.guesses.rule(),
            Question::SignIn(_) => self.sign_ins.rule(),
            Question::Read(_) => self.reads.rule(),
            Question::Name(..) => Rule::Window {
                most: self.names.most,
                seconds: self.names.seconds,
                first_wait: self.names.first_wait,
                longest_wait: self.names.longest_wait,
            },
        }
    }
}

impl Sender {
    /// The address by which it is known.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

/// Nobody counted: whoever counts for all processes is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not counted")]
pub struct NotCounted;

/// An answer that is waited for.
pub type Asking<'a> =
    Pin<Box<dyn Future<Output = Result<Result<(), Limited>, NotCounted>> + Send + 'a>>;

/// Something that is done, or not if whoever counts for all is away.
pub type Forgetting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Counts for several processes, by the same rules as each does by itself.
pub trait Counters: fmt::Debug + Send + Sync {
    /// Counts one more, unless it is one too many. Answers within a time that a request can spare.
    fn ask<'a>(&'a self, question: Question<'a>) -> Asking<'a>;

    /// Begins the window of a name anew.
    fn forget<'a>(&'a self, name: &'a CounterKey) -> Forgetting<'a>;
}
