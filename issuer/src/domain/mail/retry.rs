//! What a failed delivery leads to.

use edgeward_core::time::UnixTime;

use super::{HOUR, Waiting};

/// The first wait after a failure; a greylisting server takes the second attempt after some minutes, a restarted one sooner.
const WAIT_SECONDS: i64 = 30;

/// The longest wait: a server that was away for a night is found within an hour.
const WAIT_MAX_SECONDS: i64 = HOUR;

/// Attempts of one mail. With the waits above they reach over nine hours, about a night.
const ATTEMPTS_MAX: u32 = 16;

/// Why a mail was not taken, in classes. What a server said is not kept: it may repeat an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The server could not be reached, or hung up.
    Connection,
    /// It took too long.
    Timeout,
    /// There is no protected connection.
    Tls,
    /// The server does not take our name and password.
    Credentials,
    /// The server refuses for now (a 4xx reply of RFC 5321).
    Deferred,
    /// The server refuses this mail (a 5xx reply).
    Refused,
    /// The server lacks what is asked of it: `STARTTLS`, or a way to sign in that is known here.
    Unsuited,
    /// The mail could not be written.
    Unwritten,
    /// It is not worth sending any more.
    TooLate,
}

impl Failure {
    /// The name in the database and in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Credentials => "credentials",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Unsuited => "unsuited",
            Self::Unwritten => "unwritten",
            Self::TooLate => "too-late",
        }
    }

    /// Whether the same mail would fail again whatever the operator and the server do.
    const fn is_final(self) -> bool {
        match self {
            Self::Refused | Self::Unwritten | Self::TooLate => true,
            // Wrong credentials are the operator's, not the mail's.
            Self::Connection
            | Self::Timeout
            | Self::Tls
            | Self::Credentials
            | Self::Unsuited
            | Self::Deferred => false,
        }
    }
}

/// What becomes of a mail that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// It is tried again then.
    Retry(UnixTime),
    /// It is given up.
    GiveUp,
}

/// Whether a claimed mail is not even tried: it comes too late, or processes died over it as often as it may fail.
#[must_use]
pub fn is_spent(mail: &Waiting, now: UnixTime) -> bool {
    mail.attempts > ATTEMPTS_MAX || now.seconds_since(mail.ends_at) >= 0
}

/// Judges a failure of the last attempt that `mail` counts. `chance` spreads the waits, so that mails which failed together
/// do not come back together: by a quarter of the wait to either side.
pub fn after_failure(mail: &Waiting, failure: Failure, chance: u8, now: UnixTime) -> Next {
    if failure.is_final() || mail.attempts >= ATTEMPTS_MAX {
        return Next::GiveUp;
    }
    let doublings = mail.attempts.saturating_sub(1).min(16);
    let wait = WAIT_SECONDS
        .saturating_mul(1_i64 << doublings)
        .min(WAIT_MAX_SECONDS);
    let spread = wait / 2 * i64::from(chance) / i64::from(u8::MAX);
    let again = now.plus(wait - wait / 4 + spread);
    if again.seconds_since(mail.ends_at) >= 0 {
        return Next::GiveUp;
    }
    Next::Retry(again)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        accounts::Email,
        mail::{Kind, MailId},
    };

    const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

    fn mail(attempts: u32, left: i64) -> Waiting {
        Waiting {
            id: MailId::new(NOW).unwrap(),
            kind: Kind::NewDevice,
            recipient: Email::parse("ada@example.test").unwrap(),
            registration: None,
            device: None,
            place: None,
            language: None,
            attempts,
            due_at: NOW,
            ends_at: NOW.plus(left),
            created_at: NOW,
        }
    }

    #[test]
    fn what_comes_too_late_or_kills_is_not_tried() {
        for (attempts, left, spent) in [(1, 1, false), (1, 0, true), (16, 1, false), (17, 1, true)]
        {
            assert_eq!(
                is_spent(&mail(attempts, left), NOW),
                spent,
                "{attempts} {left}"
            );
        }
    }

    #[test]
    fn a_wait_doubles_is_spread_and_ends() {
        let day = 24 * HOUR;
        for (attempts, left, failure, chance, expected) in [
            (1, day, Failure::Connection, 128, Some(30)),
            (1, day, Failure::Connection, 0, Some(23)),
            (1, day, Failure::Timeout, 255, Some(38)),
            (2, day, Failure::Deferred, 128, Some(60)),
            (7, day, Failure::Tls, 128, Some(1921)),
            (8, day, Failure::Credentials, 0, Some(2700)),
            (15, day, Failure::Credentials, 255, Some(4500)),
            (16, day, Failure::Connection, 0, None),
            (1, 23, Failure::Connection, 0, None),
            (1, 24, Failure::Connection, 0, Some(23)),
            (1, day, Failure::Refused, 0, None),
            (1, day, Failure::Unwritten, 0, None),
            (1, day, Failure::TooLate, 0, None),
        ] {
            let next = after_failure(&mail(attempts, left), failure, chance, NOW);
            let wait = match next {
                Next::Retry(at) => Some(at.seconds_since(NOW)),
                Next::GiveUp => None,
            };
            assert_eq!(wait, expected, "{attempts} {left} {failure:?} {chance}");
        }
    }
}
