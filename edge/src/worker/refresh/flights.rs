//! Which refreshes are under way in this isolate, and what the last ones brought: a state machine without IO, clock or chance.
//!
//! Requests of one page arrive together, all with the same refresh token. One of them exchanges it, the others look at this state
//! until the outcome is there; nobody awaits another request's promise. What was brought is kept for a moment, for those that the
//! browser sent before it had the answer.

use std::net::IpAddr;
use std::rc::Rc;

use edgeward_core::time::Moment;

/// Because a browser that got the answer sends the new cookies, and one that did not gets the same successor from the issuer.
const HELD_MILLISECONDS: i64 = 5_000;
/// An issuer that is away is asked again after this, and not by every request of a page.
const FAILURE_HELD_MILLISECONDS: i64 = 1_000;
/// Longer than two tries and the pause between them: whoever does not report by then never will.
pub(super) const LEASE_MILLISECONDS: i32 = 14_000;
/// Only equal requests share an outcome, so somebody else's token of the same session is waited for out of order's sake, and no
/// longer than an answer takes: who invents tokens shall hold nobody up.
const OTHERS_MILLISECONDS: i64 = 1_000;
/// Each holds two header values. With more sessions than this within [`HELD_MILLISECONDS`] the table begins anew, and requests of those
/// that were in it are not coalesced; the issuer still rotates once for each.
const MAX_FLIGHTS: usize = 512;

/// What the issuer knows a browser by. Requests that differ in any of it are not taken for the same browser's, because the issuer
/// would not either, and a thief shall meet its judgement and not the honest one's token.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The session that the refresh token claims.
    pub(super) session: String,
    /// The refresh cookie, and the device cookie if there is one, as they are sent.
    pub(super) cookies: String,
    /// `User-Agent`, or nothing.
    pub(super) user_agent: String,
    /// Where the range of its address begins, if one is known: what the issuer makes of another range is for the issuer to say.
    pub(super) range: Option<IpAddr>,
}

/// What a refresh came to.
pub(in super::super) enum Outcome {
    /// The issuer said whether the session goes on.
    Answered(Answered),
    /// It did not.
    Unanswered {
        /// Seconds after which it may.
        retry_after: u32,
    },
    /// It was not asked, because there was no turn left for it.
    OverLimit {
        /// Seconds after which there is.
        retry_after: u32,
    },
}

/// What the issuer said.
pub(in super::super) struct Answered {
    /// Not yet judged; `None` if the session has ended.
    pub(in super::super) access_token: Option<String>,
    /// Every `Set-Cookie` of the answer.
    pub(in super::super) set_cookies: Vec<String>,
    /// When it came, by the runtime's clock.
    pub(in super::super) at: Moment,
}

/// The right to report the outcome of one refresh.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What a request does next.
pub(super) enum Advice {
    /// Ask the issuer, and report.
    Send(Ticket),
    /// Look again.
    Wait,
    /// This is what came of it.
    Take(Rc<Outcome>),
}

struct Flight {
    asked: Rc<Asked>,
    ticket: Ticket,
    began: Moment,
    ended: Option<(Moment, Rc<Outcome>)>,
}

impl Flight {
    /// Clocks of requests differ a little; one that is set back must not keep anything for long, so distances count.
    fn matters(&self, now: Moment) -> bool {
        let (since, bound) = match &self.ended {
            None => (self.began, i64::from(LEASE_MILLISECONDS)),
            Some((at, outcome)) => match **outcome {
                Outcome::Answered(_) => (*at, HELD_MILLISECONDS),
                Outcome::Unanswered { .. } | Outcome::OverLimit { .. } => {
                    (*at, FAILURE_HELD_MILLISECONDS)
                }
            },
        };
        now.milliseconds_since(since).saturating_abs() < bound
    }
}

/// The refreshes of an isolate.
pub(super) struct Flights {
    flights: Vec<Flight>,
    tickets: u64,
}

impl Flights {
    /// None yet.
    pub(super) const fn none() -> Self {
        Self {
            flights: Vec::new(),
            tickets: 0,
        }
    }

    /// What a request does that arrived a while ago and has looked until now.
    pub(super) fn advise(&mut self, asked: &Rc<Asked>, arrived: Moment, now: Moment) -> Advice {
        self.flights.retain(|flight| flight.matters(now));
        let waits_for_others = now.milliseconds_since(arrived) < OTHERS_MILLISECONDS;
        let mut must_wait = false;
        for flight in &self.flights {
            let is_same = flight.asked == *asked;
            match &flight.ended {
                Some((_, outcome)) if is_same => return Advice::Take(Rc::clone(outcome)),
                Some(_) => {}
                None if is_same => must_wait = true,
                None if flight.asked.session == asked.session => must_wait |= waits_for_others,
                None => {}
            }
        }
        if must_wait {
            return Advice::Wait;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        if self.flights.len() >= MAX_FLIGHTS {
            self.flights.clear();
        }
        self.flights.push(Flight {
            asked: Rc::clone(asked),
            ticket,
            began: now,
            ended: None,
        });
        Advice::Send(ticket)
    }

    /// It is not asked after all. The others find out for themselves, and what was never asked takes nobody's place in the table.
    pub(super) fn withdraw(&mut self, ticket: Ticket) {
        self.flights.retain(|flight| flight.ticket != ticket);
    }

    /// This came of it. A report that comes after its lease is nobody's.
    pub(super) fn report(&mut self, ticket: Ticket, outcome: &Rc<Outcome>, now: Moment) {
        let mut flights = self.flights.iter_mut();
        if let Some(flight) = flights.find(|flight| flight.ticket == ticket) {
            flight.ended = Some((now, Rc::clone(outcome)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Moment {
        Moment::from_milliseconds(1_800_000_000_000).plus(milliseconds)
    }

    fn asked(token: &str, device: &str) -> Rc<Asked> {
        Rc::new(Asked {
            session: token.split('.').nth(1).unwrap().to_owned(),
            cookies: format!("{token}; {device}"),
            user_agent: String::new(),
            range: None,
        })
    }

    fn answered(access_token: Option<&str>) -> Rc<Outcome> {
        Rc::new(Outcome::Answered(Answered {
            access_token: access_token.map(str::to_owned),
            set_cookies: Vec::new(),
            at: at(0),
        }))
    }

    fn told(advice: &Advice) -> String {
        match advice {
            Advice::Send(_) => "send".to_owned(),
            Advice::Wait => "wait".to_owned(),
            Advice::Take(outcome) => match &**outcome {
                Outcome::Answered(answered) => match &answered.access_token {
                    Some(token) => format!("take {token}"),
                    None => "ended".to_owned(),
                },
                Outcome::Unanswered { retry_after } => format!("in {retry_after} s"),
                Outcome::OverLimit { retry_after } => format!("a turn in {retry_after} s"),
            },
        }
    }

    /// What requests are advised that arrive at these moments, after a refresh with `rt1.a.1` that began at 0 and came to this at 100.
    fn check(outcome: Option<&Rc<Outcome>>, rows: &[(&str, &str, i64, i64, &str)]) {
        for &(token, device, arrived, now, expected) in rows {
            let mut flights = Flights::none();
            let Advice::Send(ticket) = flights.advise(&asked("rt1.a.1", "d"), at(0), at(0)) else {
                panic!("the first one asks the issuer")
            };
            if let Some(outcome) = outcome {
                flights.report(ticket, outcome, at(100));
            }
            let advice = flights.advise(&asked(token, device), at(arrived), at(now));
            assert_eq!(told(&advice), expected, "{token} {device} {arrived} {now}");
        }
    }

    #[test]
    fn while_one_asks_the_others_of_its_session_wait() {
        check(
            None,
            &[
                ("rt1.a.1", "d", 0, 0, "wait"),
                ("rt1.a.1", "d", 10, 13_999, "wait"),
                // It never reported: another takes over.
                ("rt1.a.1", "d", 10, 14_000, "send"),
                ("rt1.b.1", "d", 0, 0, "send"),
                // Another browser's, and another token: these wait for a moment, and then find out for themselves.
                ("rt1.a.1", "e", 0, 999, "wait"),
                ("rt1.a.1", "e", 0, 1_000, "send"),
                ("rt1.a.2", "d", 500, 1_499, "wait"),
                ("rt1.a.2", "d", 500, 1_500, "send"),
            ],
        );
    }

    #[test]
    fn what_came_of_it_is_for_the_same_browser_and_for_a_moment() {
        check(
            Some(&answered(Some("t"))),
            &[
                ("rt1.a.1", "d", 0, 101, "take t"),
                ("rt1.a.1", "d", 5_099, 5_099, "take t"),
                ("rt1.a.1", "d", 5_100, 5_100, "send"),
                ("rt1.a.1", "d", -10_000, -10_000, "send"),
                ("rt1.a.1", "e", 0, 101, "send"),
                ("rt1.a.2", "d", 0, 101, "send"),
                ("rt1.b.1", "d", 0, 101, "send"),
            ],
        );
        check(Some(&answered(None)), &[("rt1.a.1", "d", 0, 101, "ended")]);
        check(
            Some(&Rc::new(Outcome::Unanswered { retry_after: 2 })),
            &[
                ("rt1.a.1", "d", 0, 1_099, "in 2 s"),
                ("rt1.a.1", "d", 0, 1_100, "send"),
            ],
        );
    }

    #[test]
    fn what_came_of_it_is_for_one_range_of_addresses() {
        let at_home: Option<IpAddr> = Some([192, 0, 2, 0].into());
        let elsewhere: Option<IpAddr> = Some([198, 51, 100, 0].into());
        for (first, other, expected) in [
            (at_home, at_home, ["wait", "take t"]),
            (at_home, elsewhere, ["wait", "send"]),
            (at_home, None, ["wait", "send"]),
            (None, elsewhere, ["wait", "send"]),
        ] {
            let from = |range| {
                let asked = Rc::unwrap_or_clone(asked("rt1.a.1", "d"));
                Rc::new(Asked { range, ..asked })
            };
            let mut flights = Flights::none();
            let Advice::Send(ticket) = flights.advise(&from(first), at(0), at(0)) else {
                panic!("the first one asks the issuer")
            };
            let while_it_asks = told(&flights.advise(&from(other), at(0), at(1)));
            flights.report(ticket, &answered(Some("t")), at(100));
            let afterwards = told(&flights.advise(&from(other), at(0), at(101)));
            assert_eq!(
                [while_it_asks.as_str(), afterwards.as_str()],
                expected,
                "{first:?} {other:?}"
            );
        }
    }

    #[test]
    fn what_was_not_asked_is_forgotten_at_once_and_what_the_platform_refused_a_moment_later() {
        let mut flights = Flights::none();
        for _ in 0..2 {
            let Advice::Send(ticket) = flights.advise(&asked("rt1.a.1", "d"), at(0), at(0)) else {
                panic!("nothing stands in the way")
            };
            flights.withdraw(ticket);
        }
        assert!(flights.flights.is_empty());
        check(
            Some(&Rc::new(Outcome::OverLimit { retry_after: 7 })),
            &[
                ("rt1.a.1", "d", 0, 1_099, "a turn in 7 s"),
                ("rt1.a.1", "d", 0, 1_100, "send"),
                ("rt1.a.1", "e", 0, 101, "send"),
            ],
        );
    }

    #[test]
    fn a_full_table_begins_anew() {
        let mut flights = Flights::none();
        let mut ask = |number: usize| {
            let asked = asked(&format!("rt1.{number}.1"), "");
            told(&flights.advise(&asked, at(1), at(1)))
        };
        for number in 0..MAX_FLIGHTS {
            assert_eq!(ask(number), "send");
        }
        assert_eq!([ask(0), ask(MAX_FLIGHTS), ask(0)], ["wait", "send", "send"]);
        assert_eq!(flights.flights.len(), 2);
        // Whoever was forgotten reports to nobody.
        flights.report(Ticket(1), &answered(Some("t")), at(1));
        let first = flights.advise(&asked("rt1.0.1", ""), at(1), at(1));
        assert_eq!(told(&first), "wait");
    }
}
