//! Refreshes that arrived at their clients, as edges tell it and as verdicts for proxies show it.
//!
//! Whoever tells waits for nothing: what was told is kept here, and written in one statement for many by whoever looks after it. What is
//! lost on the way, because there is no room, the process ends or the database fails for long, leaves a successor unconfirmed, which is
//! how it was before; it opens nothing and signs nobody out.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    domain::{
        session::Sid,
        storage::{Storage, StorageError},
    },
    faults::{Point, reach},
};

/// The most that wait to be written. Because edges tell seventy each at most twice a second, and a statement takes 64 at a time in
/// a millisecond or two.
const MOST_WAITING: usize = 4096;

/// The most that are remembered as written, in some megabytes. Because every isolate of every edge tells of the same generation once, and
/// writing it again would cost the writer a turn and change nothing.
const MOST_REMEMBERED: usize = 65_536;

/// The session and the number of an access token that a client presented.
pub type Arrival = (Sid, u64);

/// What was told and is not written yet.
#[derive(Debug, Default)]
pub struct Arrivals {
    told: Mutex<Told>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Told {
    waiting: Vec<Arrival>,
    /// The number of each session that was told last, waiting or written.
    known: HashMap<Sid, u64>,
}

impl Told {
    fn takes(&mut self, (sid, seq): Arrival) {
        let is_known = self.known.get(&sid) == Some(&seq);
        if is_known || self.waiting.len() >= MOST_WAITING {
            return;
        }
        if self.known.len() >= MOST_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(sid, seq);
        self.waiting.push((sid, seq));
    }
}

impl Arrivals {
    /// Takes up what somebody tells who is to be believed. Sessions that no issuer made and numbers that no row can have are left out.
    pub fn tell<'a>(&self, arrivals: impl IntoIterator<Item = (&'a str, u64)>) {
        let known = arrivals.into_iter().filter_map(|(session, seq)| {
            // The token of the sign-in has no parent that it could take the place of.
            let is_a_successor = seq > 0 && i64::try_from(seq).is_ok();
            Some((Sid::parse(session)?, seq)).filter(|_| is_a_successor)
        });
        let mut told = self.told();
        for arrival in known {
            told.takes(arrival);
        }
        if !told.waiting.is_empty() {
            self.news.notify_one();
        }
    }

    /// Lets these be told again.
    fn forget(&self, arrivals: &[Arrival]) {
        let mut told = self.told();
        for (sid, seq) in arrivals {
            if told.known.get(sid) == Some(seq) {
                told.known.remove(sid);
            }
        }
    }

    /// Waits until there is something to write.
    pub async fn wait(&self) {
        self.news.notified().await;
    }

    /// Writes what waits, and answers for how many sessions it was news. What could not be written waits on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write(&self, storage: &impl Storage) -> Result<u64, StorageError> {
        let arrivals = mem::take(&mut self.told().waiting);
        reach(Point::ArrivalsTaken);
        let written = storage.confirm_all(&arrivals).await;
        match &written {
            Ok(news) if usize::try_from(*news) == Ok(arrivals.len()) => {}
            // Some were no news, or a row was passed over because somebody held it: whoever tells of it again is heard.
            Ok(_) => self.forget(&arrivals),
            Err(_) => self.go_on_waiting(arrivals),
        }
        written
    }

    /// Puts back what could not be written, before what was told meanwhile; what finds no room is heard when it is told again.
    fn go_on_waiting(&self, arrivals: Vec<Arrival>) {
        let left_out = {
            let mut told = self.told();
            let meanwhile = mem::replace(&mut told.waiting, arrivals);
            told.waiting.extend(meanwhile);
            let room = told.waiting.len().min(MOST_WAITING);
            told.waiting.split_off(room)
        };
        self.forget(&left_out);
        self.news.notify_one();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use edgeward_core::time::UnixTime;

    use super::*;

    fn sid(number: u16) -> Sid {
        let mut random = [0; 10];
        random[8..].copy_from_slice(&number.to_be_bytes());
        Sid::from_random(UnixTime::from_seconds(1_795_000_000), random)
    }

    fn waiting(arrivals: &Arrivals) -> Vec<Arrival> {
        arrivals.told().waiting.clone()
    }

    #[test]
    fn only_what_could_be_a_successor_is_taken_up_and_once() {
        let arrivals = Arrivals::default();
        let (ours, other) = (sid(1).to_string(), sid(2).to_string());
        let loud = ours.to_uppercase();
        arrivals.tell([
            (ours.as_str(), 2),
            (ours.as_str(), 2),
            (ours.as_str(), 0),
            (other.as_str(), 0),
            (other.as_str(), u64::MAX),
            (loud.as_str(), 3),
            ("", 3),
            ("s", 3),
        ]);
        assert_eq!(waiting(&arrivals), [(sid(1), 2)]);
        arrivals.tell([(other.as_str(), 7), (ours.as_str(), 3)]);
        assert_eq!(
            waiting(&arrivals),
            [(sid(1), 2), (sid(2), 7), (sid(1), 3)],
            "the next one of a session is another"
        );
    }

    #[test]
    fn what_finds_no_room_is_taken_up_when_it_is_told_again() {
        let arrivals = Arrivals::default();
        let all: Vec<String> = (0..5000).map(|number| sid(number).to_string()).collect();
        let tell = || arrivals.tell(all.iter().map(|sid| (sid.as_str(), 1)));
        tell();
        assert_eq!(waiting(&arrivals).len(), MOST_WAITING);
        arrivals.told().waiting.clear();
        tell();
        assert_eq!(waiting(&arrivals).len(), 5000 - MOST_WAITING);
    }

    #[test]
    fn what_could_not_be_written_waits_and_what_has_no_room_then_is_heard_again() {
        let arrivals = Arrivals::default();
        let all: Vec<String> = (0..5000).map(|number| sid(number).to_string()).collect();
        let tell = |from: usize| arrivals.tell(all[from..].iter().map(|sid| (sid.as_str(), 1)));
        tell(1000);
        let unwritten = mem::take(&mut arrivals.told().waiting);
        assert_eq!(unwritten.len(), 4000);
        tell(0);
        arrivals.go_on_waiting(unwritten.clone());
        let waits = waiting(&arrivals);
        assert_eq!(waits.len(), MOST_WAITING);
        assert_eq!(waits[..4000], unwritten, "what waited longest comes first");
        arrivals.told().waiting.clear();
        tell(0);
        assert_eq!(waiting(&arrivals).len(), 5000 - MOST_WAITING);
    }

    #[test]
    fn what_was_perhaps_passed_over_is_heard_when_it_is_told_again() {
        let arrivals = Arrivals::default();
        let one = sid(1).to_string();
        let tell = |seq| arrivals.tell([(one.as_str(), seq)]);
        tell(1);
        let written = mem::take(&mut arrivals.told().waiting);
        tell(1);
        assert_eq!(waiting(&arrivals), []);
        arrivals.forget(&written);
        tell(1);
        assert_eq!(waiting(&arrivals), written);
        // Of the next one nothing is forgotten.
        tell(2);
        arrivals.told().waiting.clear();
        arrivals.forget(&written);
        tell(2);
        assert_eq!(waiting(&arrivals), []);
    }
}
