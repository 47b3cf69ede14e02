//! Counting turns in memory: for each limit a table of as many counts at most, whoever asks.
//!
//! A count is one instant: when the bucket will be full again (the generic cell rate algorithm). What lies in the past says
//! nothing, and who is refused adds nothing to his count.
//!
//! **When a table is full**, the count goes in which least was used. So a sender who used his up cannot make it forgotten with a
//! flood from elsewhere: the flood's own counts, of one request each, push out one another, and his stays until [`MAX_COUNTS`]
//! others have used up as much. Each limit has a table of its own, so a flood at one route makes nothing forgotten at another. What
//! a full table cannot do is count newcomers: whoever has more addresses than it has places is not limited by this memory.

use alloc::vec::Vec;

use super::limit::{Ruling, Turn, TurnKey};
use crate::time::Moment;

/// Most counts of one limit. Because a full table, which is searched through for each newcomer, is a few microseconds then, and
/// all the tables of a policy take less than a megabyte of an isolate's 128.
pub const MAX_COUNTS: usize = 1024;

const MICROSECONDS_IN_A_SECOND: i64 = 1_000_000;
const MICROSECONDS_IN_A_MILLISECOND: i64 = 1000;
/// Far in the future, and a small part of what the numbers hold.
const LAST_MILLISECOND: i64 = i64::MAX / 4 / MICROSECONDS_IN_A_MILLISECOND;

/// The counts of one isolate, a table for each limit.
#[derive(Debug, Default)]
pub struct Counts {
    tables: Vec<Vec<Count>>,
}

#[derive(Debug)]
struct Count {
    key: TurnKey,
    /// The microsecond since the epoch at which nothing is used of it any more.
    full_again: i64,
}

impl Counts {
    /// Nobody asked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { tables: Vec::new() }
    }

    /// Takes this turn, if there is one left.
    pub fn take(&mut self, turn: &Turn, now: Moment) -> Ruling {
        let number = turn.limit.number();
        while self.tables.len() <= number {
            self.tables.push(Vec::new());
        }
        let Some(table) = self.tables.get_mut(number) else {
            return Ruling::Granted;
        };
        let mut known = None;
        let (mut least, mut least_used) = (0, i64::MAX);
        for (at, count) in table.iter_mut().enumerate() {
            if count.key == turn.key {
                known = Some(count);
                break;
            }
            if count.full_again < least_used {
                (least, least_used) = (at, count.full_again);
            }
        }
        let known_until = known.as_ref().map(|count| count.full_again);
        let (ruling, full_again) = rule(turn, known_until, now);
        match known {
            Some(count) => count.full_again = full_again,
            None => {
                if table.len() >= MAX_COUNTS {
                    table.swap_remove(least);
                }
                table.push(Count {
                    key: turn.key,
                    full_again,
                });
            }
        }
        ruling
    }

    /// What [`Self::take`] would say, with nothing taken.
    #[must_use]
    pub fn look(&self, turn: &Turn, now: Moment) -> Ruling {
        let table = self.tables.get(turn.limit.number());
        let mut counts = table.into_iter().flatten();
        let known = counts.find(|count| count.key == turn.key);
        rule(turn, known.map(|count| count.full_again), now).0
    }
}

/// What is said about a turn, and when its bucket will be full again after that.
fn rule(turn: &Turn, full_again: Option<i64>, now: Moment) -> (Ruling, i64) {
    let period = i64::from(turn.limit.within_seconds()) * MICROSECONDS_IN_A_SECOND;
    let each = period / i64::from(turn.limit.requests().max(1));
    // No time that a clock shows comes near the ends of this, so nothing below overflows.
    let now = now
        .milliseconds_since(Moment::from_milliseconds(0))
        .clamp(0, LAST_MILLISECOND)
        * MICROSECONDS_IN_A_MILLISECOND;
    // A clock that was set back holds nobody up for longer than the period.
    let full_again = full_again.map_or(now, |known| known.max(now).min(now + period));
    let too_early = full_again + each - now - period;
    if too_early <= 0 {
        return (Ruling::Granted, full_again + each);
    }
    let seconds = (too_early + MICROSECONDS_IN_A_SECOND - 1) / MICROSECONDS_IN_A_SECOND;
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    (Ruling::Refused { seconds }, full_again)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::client::Client;
    use crate::gate::decision::Decision;
    use crate::gate::limit::{By, Limit, Turns};
    use alloc::string::ToString;
    use alloc::sync::Arc;

    const GRANTED: Ruling = Ruling::Granted;

    fn turn(number: usize, requests: u32, within_seconds: u32, sender: u32) -> Turn {
        let limit = Arc::new(Limit {
            number,
            name: "l".to_string(),
            requests,
            within_seconds,
            by: By::Address,
        });
        let client = Client::At(core::net::Ipv4Addr::from_bits(0x0a00_0000 | sender).into());
        let asked = Turns::new(true).take(Some(&limit), client, None);
        match asked.map_err(|decision| *decision) {
            Err(Decision::NeedsTurn(turn)) => turn,
            other => panic!("a turn expected: {other:?}"),
        }
    }

    fn at(milliseconds: i64) -> Moment {
        Moment::from_milliseconds(1_800_000_000_000 + milliseconds)
    }

    fn refused(seconds: u32) -> Ruling {
        Ruling::Refused { seconds }
    }

    #[test]
    fn so_many_at_once_and_then_one_after_each_part_of_the_period() {
        // Three in ten seconds: one each 3.33 s.
        let (mut counts, turn) = (Counts::new(), turn(0, 3, 10, 1));
        for (milliseconds, expected) in [
            (0, GRANTED),
            (0, GRANTED),
            (0, GRANTED),
            (0, refused(4)),
            (1000, refused(3)),
            (2333, refused(2)),
            (2334, refused(1)),
            (3333, refused(1)),
            (3334, GRANTED),
            (3334, refused(4)),
            (6000, refused(1)),
            (7000, GRANTED),
            (1_000_000, GRANTED),
            (1_000_000, GRANTED),
            (1_000_000, GRANTED),
            (1_000_000, refused(4)),
        ] {
            assert_eq!(
                counts.take(&turn, at(milliseconds)),
                expected,
                "{milliseconds}"
            );
        }
    }

    #[test]
    fn waiting_as_long_as_was_said_is_enough_and_a_second_less_is_not() {
        for (requests, within) in [
            (1, 1),
            (1, 60),
            (2, 60),
            (7, 60),
            (30, 60),
            (600, 60),
            (3, 3600),
            (100_000, 1),
        ] {
            let (mut counts, turn) = (Counts::new(), turn(0, requests, within, 1));
            let mut granted = 0;
            let seconds = loop {
                match counts.take(&turn, at(0)) {
                    Ruling::Granted => granted += 1,
                    Ruling::Refused { seconds } => break seconds,
                }
            };
            assert_eq!(granted, requests, "{requests} in {within} s");
            let wait = i64::from(seconds) * 1000;
            if seconds > 1 {
                assert_eq!(counts.take(&turn, at(wait - 1000)), refused(1));
            }
            assert_eq!(
                counts.take(&turn, at(wait)),
                GRANTED,
                "{requests} in {within} s"
            );
        }
    }

    #[test]
    fn a_look_says_what_a_turn_would_and_takes_none() {
        let (mut counts, turn) = (Counts::new(), turn(1, 2, 60, 1));
        for expected in [GRANTED, GRANTED, refused(30)] {
            for _ in 0..3 {
                assert_eq!(counts.look(&turn, at(0)), expected);
            }
            assert_eq!(counts.take(&turn, at(0)), expected);
        }
        assert_eq!(counts.look(&turn, at(30_000)), GRANTED);
    }

    #[test]
    fn each_sender_and_each_limit_is_counted_alone() {
        let mut counts = Counts::new();
        for (limit, sender) in [(0, 1), (0, 2), (3, 1)] {
            let turn = turn(limit, 1, 60, sender);
            assert_eq!(counts.take(&turn, at(0)), GRANTED);
            assert_eq!(counts.take(&turn, at(0)), refused(60));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up_for_longer_than_the_period() {
        let (mut counts, turn) = (Counts::new(), turn(0, 1, 60, 1));
        assert_eq!(counts.take(&turn, at(1_000_000)), GRANTED);
        assert_eq!(counts.take(&turn, at(0)), refused(60));
        assert_eq!(counts.take(&turn, at(60_000)), GRANTED);
    }

    #[test]
    fn nobody_makes_his_count_forgotten_with_a_flood_from_elsewhere() {
        let mut counts = Counts::new();
        let mine = turn(0, 5, 60, 0);
        for _ in 0..5 {
            assert_eq!(counts.take(&mine, at(0)), GRANTED);
        }
        for sender in 1..20_000 {
            assert_eq!(counts.take(&turn(0, 5, 60, sender), at(1)), GRANTED);
        }
        assert_eq!(counts.take(&mine, at(1)), refused(12));
        let table = counts.tables.first().unwrap();
        assert_eq!(table.len(), MAX_COUNTS);
        // At another route they may ask as often as they like.
        for sender in 1..3000 {
            let _ = counts.take(&turn(1, 1, 3600, sender), at(2));
        }
        assert_eq!(counts.take(&mine, at(2)), refused(12));
    }

    #[test]
    fn as_many_as_have_used_theirs_up_make_room_for_the_newest_only() {
        let mut counts = Counts::new();
        let all = u32::try_from(MAX_COUNTS).unwrap();
        for sender in 0..all {
            assert_eq!(counts.take(&turn(0, 1, 60, sender), at(0)), GRANTED);
        }
        // One of the oldest goes.
        assert_eq!(counts.take(&turn(0, 1, 60, all), at(1)), GRANTED);
        assert_eq!(counts.take(&turn(0, 1, 60, 0), at(1)), GRANTED);
        for sender in [2, all / 2, all - 2, all] {
            assert_eq!(
                counts.take(&turn(0, 1, 60, sender), at(1)),
                refused(60),
                "{sender}"
            );
        }
    }
}
