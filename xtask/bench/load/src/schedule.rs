//! Which requests are due, which answers count, and when a turn is over. It is told the time, so that a test needs no clock.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{arrivals::Arrivals, plan::Plan};

/// What was due or under way when the time of a turn was over is still asked and waited for, for so long; then it counts as
/// unanswered.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A turn: the time in which requests come, and what came of it.
pub struct Schedule {
    /// Without it, whoever is free asks at once.
    arrivals: Option<Arrivals>,
    /// When the requests were due that nobody could send yet.
    due: VecDeque<Instant>,
    counts_from: Instant,
    ends: Instant,
}

impl Schedule {
    /// The turn of a plan that begins now.
    pub fn new(plan: &Plan, now: Instant) -> Self {
        Self::of(plan.rate, plan.warm, plan.time, now)
    }

    fn of(rate: Option<f64>, warm: Duration, time: Duration, now: Instant) -> Self {
        Self {
            arrivals: rate.map(|rate| Arrivals::at(rate, now)),
            due: VecDeque::new(),
            counts_from: now + warm,
            ends: now + warm + time,
        }
    }

    /// From when answers count.
    pub const fn counts_from(&self) -> Instant {
        self.counts_from
    }

    /// Notes what has come due since the last time. Also after the end: the last of them may have come while nobody looked.
    pub fn catch_up(&mut self, now: Instant) {
        let Some(arrivals) = &mut self.arrivals else {
            return;
        };
        while arrivals.next <= now && arrivals.next < self.ends {
            self.due.push_back(arrivals.next);
            arrivals.step();
        }
    }

    /// Whether anything is sent any more. What was due is sent after the end too: who leaves it out leaves out those who waited
    /// longest, and shows a server that fell behind as a quick one.
    pub fn is_open(&self, now: Instant) -> bool {
        match self.arrivals {
            None => now < self.ends,
            Some(_) => now <= self.ends + PATIENCE,
        }
    }

    /// Since when the latency of the next request counts, if there is one to send.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_open(now) {
            return None;
        }
        match self.arrivals {
            None => Some(now),
            Some(_) => self.due.pop_front(),
        }
    }

    /// Whether an answer counts that came now. What was due by arrivals counts whenever it is answered. Without them a request
    /// that is under way at the end is cut off by it, and counts nowhere.
    pub fn counts(&self, now: Instant) -> bool {
        now >= self.counts_from && (self.arrivals.is_some() || now <= self.ends)
    }

    /// Whether there is nothing to send or to wait for any more, or no patience left. After `catch_up` of the same moment.
    pub fn is_over(&self, now: Instant, under_way: usize) -> bool {
        now >= self.ends && (now > self.ends + PATIENCE || (self.due.is_empty() && under_way == 0))
    }

    /// What was due and is not answered.
    pub fn unanswered(&self, under_way: usize) -> usize {
        self.due.len() + under_way
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Instant> {
        let next = self.arrivals.as_ref()?.next;
        (next < self.ends).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 100.0;
    const TIME: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_millis(1);

    /// What became of a turn.
    struct Outcome {
        latencies: Vec<Duration>,
        unanswered: usize,
        took: Duration,
    }

    /// A turn over one connection to a server that takes so long for each request, by a clock of its own; `looks` is how often
    /// the loop comes round.
    fn turn(rate: Option<f64>, service: Duration, looks: Duration) -> Outcome {
        let began = Instant::now();
        let mut now = began;
        let mut schedule = Schedule::of(rate, Duration::ZERO, TIME, began);
        let mut under_way: Option<(Instant, Instant)> = None;
        let mut latencies = Vec::new();
        loop {
            if let Some((since, done)) = under_way
                && done <= now
            {
                under_way = None;
                if schedule.counts(now) {
                    latencies.push(now - since);
                }
            }
            schedule.catch_up(now);
            let busy = usize::from(under_way.is_some());
            if schedule.is_over(now, busy) {
                return Outcome {
                    latencies,
                    unanswered: schedule.unanswered(busy),
                    took: now - began,
                };
            }
            if under_way.is_none()
                && let Some(since) = schedule.take(now)
            {
                under_way = Some((since, now + service));
            }
            now += looks;
        }
    }

    /// How many are due in a turn.
    fn due() -> usize {
        let began = Instant::now();
        let mut arrivals = Arrivals::at(RATE, began);
        let mut count = 0;
        while arrivals.next < began + TIME {
            count += 1;
            arrivals.step();
        }
        count
    }

    #[test]
    fn a_server_that_falls_behind_is_asked_all_that_was_due() {
        let service = Duration::from_millis(20);
        let Outcome {
            latencies,
            unanswered,
            took,
        } = turn(Some(RATE), service, TICK);
        assert_eq!((latencies.len(), unanswered), (due(), 0));
        // It answers fifty a second, so the last of a hundred waits for a second beside what it takes.
        let backlog = service * u32::try_from(due()).unwrap() - TIME;
        assert!(latencies.iter().max().unwrap() > &(backlog - service));
        assert!(took > TIME + backlog - service && took < TIME + PATIENCE);
    }

    #[test]
    fn what_no_patience_suffices_for_is_unanswered() {
        let never = turn(Some(RATE), PATIENCE * 10, TICK);
        assert_eq!((never.latencies.len(), never.unanswered), (0, due()));
        let slow = turn(Some(RATE), Duration::from_secs(1), TICK);
        assert_eq!(slow.latencies.len() + slow.unanswered, due());
        assert!(!slow.latencies.is_empty() && slow.unanswered > 0);
        assert!(slow.took > TIME + PATIENCE);
    }

    #[test]
    fn what_comes_due_just_before_the_end_is_asked() {
        let looks = TIME * 2;
        let all = turn(Some(RATE), Duration::ZERO, TICK);
        assert_eq!((all.latencies.len(), all.unanswered), (due(), 0));
        // Nobody looks between the beginning and a second after the end.
        let late = turn(Some(RATE), Duration::ZERO, looks);
        assert_eq!(late.latencies.len() + late.unanswered, due());
    }

    #[test]
    fn without_arrivals_nothing_is_sent_after_the_end() {
        let service = Duration::from_millis(300);
        let saturated = turn(None, service, TICK);
        assert_eq!((saturated.latencies.len(), saturated.unanswered), (3, 0));
        assert_eq!(saturated.took, service * 4);
        let stuck = turn(None, PATIENCE * 10, TICK);
        assert_eq!((stuck.latencies.len(), stuck.unanswered), (0, 1));
    }
}
