//! A day of traffic against the state machine: how often a token finds its keys at hand, and how often the issuer is asked.

use edgeward_core::keys::{Advice, Freshness, HARD_TTL_SECONDS, Ticket, Wanted};

use crate::at;

/// One second less, so that a set of its first second is within its hard life all day.
const DAY_SECONDS: i64 = HARD_TTL_SECONDS - 1;

/// What the issuer says to a fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Issuer {
    Answers,
    /// From the second fetch on.
    Fails,
}

/// A day as it comes to one isolate.
struct Day {
    title: &'static str,
    /// A good token comes every so many seconds.
    every: i64,
    /// Tokens with invented key ids in each second.
    invented: usize,
    issuer: Issuer,
    fetch_takes: i64,
}

#[derive(Default)]
struct Counts {
    /// Good tokens that were judged with a set at hand.
    hits: u32,
    /// Good tokens that had to wait for a fetch.
    waits: u32,
    fetches: u32,
}

impl Day {
    fn counts(&self) -> Counts {
        let mut keys = Freshness::empty();
        let mut under_way: Vec<(i64, Ticket)> = Vec::new();
        let mut counts = Counts::default();
        for second in 0..DAY_SECONDS {
            let now = at(second);
            let begins = |ticket| (second + self.fetch_takes, ticket);
            for (_, ticket) in under_way.extract_if(.., |(end, _)| *end <= second) {
                counts.fetches += 1;
                if self.issuer == Issuer::Answers || counts.fetches == 1 {
                    assert!(keys.loaded(&ticket, (), None), "{}", self.title);
                } else {
                    keys.failed(&ticket, now, u8::MAX);
                }
            }
            if second % self.every == 0 {
                under_way.extend(keys.claim_refresh(now).map(begins));
                if keys.current(now).is_some() {
                    counts.hits += 1;
                } else {
                    counts.waits += 1;
                    if let Advice::Fetch(ticket) = keys.advise(Wanted::AnySet, now) {
                        under_way.push(begins(ticket));
                    }
                }
            }
            for _ in 0..self.invented {
                let wanted = keys.current(now).map_or(Wanted::AnySet, |current| {
                    Wanted::NewerThan(current.generation)
                });
                if let Advice::Fetch(ticket) = keys.advise(wanted, now) {
                    under_way.push(begins(ticket));
                }
            }
        }
        counts
    }
}

#[test]
fn more_than_95_of_100_tokens_cost_no_fetch_and_none_waits_for_one() {
    let quiet = Day {
        title: "a token a second",
        every: 1,
        invented: 0,
        issuer: Issuer::Answers,
        fetch_takes: 1,
    };
    for day in [
        Day {
            title: "a token in ten seconds",
            every: 10,
            ..quiet
        },
        Day {
            title: "a flood of invented key ids",
            invented: 20,
            ..quiet
        },
        Day {
            title: "an issuer that is down all day and takes its time to say so",
            issuer: Issuer::Fails,
            fetch_takes: 5,
            ..quiet
        },
        quiet,
    ] {
        let counts = day.counts();
        let tokens = counts.hits + counts.waits;
        // Whoever comes before the first set is there cannot but wait.
        let first = u32::try_from(day.fetch_takes).expect("seconds");
        assert!(
            counts.waits <= first,
            "{}: {} wait",
            day.title,
            counts.waits
        );
        assert!(
            counts.fetches * 20 < tokens,
            "{}: {} fetches for {tokens} tokens",
            day.title,
            counts.fetches
        );
        assert!(counts.hits * 20 > tokens * 19, "{}", day.title);
    }
}
