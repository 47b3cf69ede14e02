//! Which refreshes are under way in this isolate, and what the last ones brought: a state machine without IO, clock or chance.
//!
//! Requests of one page arrive together, all with the same refresh token. One of them exchanges it, the others look at this state
//! until the outcome is there; nobody awaits another request's promise. What was brought is kept for a moment, for those that the
//! browser sent before it had the answer.

use std::rc::Rc;

use edgeward_core::time::Moment;

/// Because a browser that got the answer sends the new cookies, and one that did not gets the same successor from the issuer.
const HELD_MILLISECONDS: i64 = 5_000;
/// An issuer that is away is asked again after this, and not by every request of a page.
const FAILURE_HELD_MILLISECONDS: i64 = 1_000;
/// Longer than two tries and the pause between them: whoever does not report by then never will.
pub(super) const LEASE_MILLISECONDS: i64 = 14_000;
/// Only equal requests share an outcome, so somebody else's token of the same session is waited for out of order's sake, and no
/// longer than an answer takes: who invents tokens shall hold nobody up.
const OTHERS_MILLISECONDS: i64 = 1_000;
/// Each holds three header values. More sessions than this within [`HELD_MILLISECONDS`] are not coalesced; the issuer still rotates
/// once for each.
const MAX_FLIGHTS: usize = 512;

/// What the issuer knows a browser by. Requests that differ in any of it are not taken for the same browser's, because the issuer
/// would not either, and a thief shall meet its judgement and not the honest one's token.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The refresh token.
    pub(super) token: String,
    /// The session that it claims.
    pub(super) session: String,
    /// The device cookie, or nothing.
    pub(super) device: String,
    /// `User-Agent`, or nothing.
    pub(super) user_agent: String,
}

/// A new access token, and the cookies that came with it.
pub(in super::super) struct Renewed {
    /// Not yet judged.
    pub(in super::super) access_token: String,
    /// Every `Set-Cookie` of the answer.
    pub(super) set_cookies: Vec<String>,
    /// When it came, by the runtime's clock.
    pub(super) at: Moment,
}

/// What a refresh came to.
#[derive(Clone)]
pub(in super::super) enum Outcome {
    /// The session goes on.
    Renewed(Rc<Renewed>),
    /// It does not; with every `Set-Cookie` of the answer.
    Ended(Rc<[String]>),
    /// The issuer did not say.
    Unanswered {
        /// Seconds after which it may.
        retry_after: u32,
    },
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
    Take(Outcome),
}

struct Flight {
    asked: Rc<Asked>,
    ticket: Ticket,
    began: Moment,
    ended: Option<(Moment, Outcome)>,
}

impl Flight {
    /// Clocks of requests differ a little; one that is set back must not keep anything for long, so distances count.
    fn matters(&self, now: Moment) -> bool {
        let (since, bound) = match &self.ended {
            None => (self.began, LEASE_MILLISECONDS),
            Some((at, Outcome::Renewed(_) | Outcome::Ended(_))) => (*at, HELD_MILLISECONDS),
            Some((at, Outcome::Unanswered { .. })) => (*at, FAILURE_HELD_MILLISECONDS),
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
                Some((_, outcome)) if is_same => return Advice::Take(outcome.clone()),
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
        if self.flights.len() < MAX_FLIGHTS {
            self.flights.push(Flight {
                asked: Rc::clone(asked),
                ticket,
                began: now,
                ended: None,
            });
        }
        Advice::Send(ticket)
    }

    /// This came of it. A report that comes after its lease is nobody's.
    pub(super) fn report(&mut self, ticket: Ticket, outcome: Outcome, now: Moment) {
        let mut flights = self.flights.iter_mut();
        if let Some(flight) = flights.find(|flight| flight.ticket == ticket) {
            flight.ended = Some((now, outcome));
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
            token: token.to_owned(),
            session: token.split('.').nth(1).unwrap().to_owned(),
            device: device.to_owned(),
            user_agent: String::new(),
        })
    }

    fn renewed(token: &str) -> Outcome {
        Outcome::Renewed(Rc::new(Renewed {
            access_token: token.to_owned(),
            set_cookies: Vec::new(),
            at: at(0),
        }))
    }

    fn told(advice: &Advice) -> String {
        match advice {
            Advice::Send(_) => "send".to_owned(),
            Advice::Wait => "wait".to_owned(),
            Advice::Take(Outcome::Renewed(renewed)) => format!("take {}", renewed.access_token),
            Advice::Take(Outcome::Ended(_)) => "ended".to_owned(),
            Advice::Take(Outcome::Unanswered { retry_after }) => format!("in {retry_after} s"),
        }
    }

    /// What requests are advised that arrive at these moments, after a refresh with `rt1.a.1` that began at 0 and came to this at 100.
    fn check(outcome: Option<Outcome>, rows: &[(&str, &str, i64, i64, &str)]) {
        for &(token, device, arrived, now, expected) in rows {
            let mut flights = Flights::none();
            let Advice::Send(ticket) = flights.advise(&asked("rt1.a.1", "d"), at(0), at(0)) else {
                panic!("the first one asks the issuer")
            };
            if let Some(outcome) = outcome.clone() {
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
                ("rt1.a.1", "d", 10, LEASE_MILLISECONDS - 1, "wait"),
                // It never reported: another takes over.
                ("rt1.a.1", "d", 10, LEASE_MILLISECONDS, "send"),
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
            Some(renewed("t")),
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
        check(
            Some(Outcome::Ended(Rc::new([]))),
            &[("rt1.a.1", "d", 0, 101, "ended")],
        );
        check(
            Some(Outcome::Unanswered { retry_after: 2 }),
            &[
                ("rt1.a.1", "d", 0, 1_099, "in 2 s"),
                ("rt1.a.1", "d", 0, 1_100, "send"),
            ],
        );
    }

    #[test]
    fn a_full_table_sends_and_forgets_nobody_who_waits() {
        let mut flights = Flights::none();
        for number in 0..=MAX_FLIGHTS {
            let advice = flights.advise(&asked(&format!("rt1.{number}.1"), ""), at(0), at(0));
            assert_eq!(told(&advice), "send");
        }
        assert_eq!(flights.flights.len(), MAX_FLIGHTS);
        let first = flights.advise(&asked("rt1.0.1", ""), at(1), at(1));
        assert_eq!(told(&first), "wait");
        let (late, other) = (Ticket(u64::MAX), asked("rt1.0.1", ""));
        flights.report(late, renewed("t"), at(2));
        assert_eq!(told(&flights.advise(&other, at(3), at(3))), "wait");
    }
}
