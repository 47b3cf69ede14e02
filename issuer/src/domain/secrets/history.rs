//! Random histories: several issuers keep one schedule and make tokens, operators act, anything stops between any two steps.
//!
//! The oracle knows nothing of the machine's rules. It remembers every token and what every issuer and edge may know at the worst,
//! and demands of each token that is not of a revoked generation: every issuer that may answer at all accepts it as long as it is
//! good, and every edge does that has had to look, unless an operator was in a hurry.

use std::collections::{BTreeMap, BTreeSet};

use edgeward_core::{bundle::MAX_GENERATIONS, csrf::TOKEN_LIFE_SECONDS, time::UnixTime};
use proptest::prelude::*;

use super::{Purpose, plan};
use crate::domain::keyring::{
    KeyState, Life, Rules,
    life::{self, Pace},
    timing::{KEYS_READ_WITHIN_SECONDS, PUBLISHED_SECONDS},
};

const ISSUERS: usize = 3;
const START: UnixTime = UnixTime::from_seconds(1_795_000_000);
const SESSION_SECONDS: i64 = 5 * 24 * 3600;
const RULES: Rules = plan::rules(Some(24 * 3600));

#[derive(Debug, Clone)]
enum Event {
    Wait(i64),
    /// An issuer reads the rows.
    Read(usize),
    /// An issuer does the step that is due by what it read, if the rows are still the same. What it does not get to do because it was
    /// stopped is the absence of this event.
    Step(usize),
    /// An issuer makes a token that is good for so long at most.
    Make(usize, u8),
    Rotate(Pace),
    Revoke(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let issuer = 0..ISSUERS;
    prop_oneof![
        4 => (1_i64..100).prop_map(Event::Wait),
        3 => (100_i64..100_000).prop_map(Event::Wait),
        8 => issuer.clone().prop_map(Event::Read),
        8 => issuer.clone().prop_map(Event::Step),
        8 => (issuer, any::<u8>()).prop_map(|(who, share)| Event::Make(who, share)),
        1 => Just(Event::Rotate(Pace::Orderly)),
        1 => Just(Event::Rotate(Pace::Forced)),
        1 => (0_usize..8).prop_map(Event::Revoke),
    ]
}

#[derive(Default)]
struct Issuer {
    read: Vec<Life>,
    read_at: Option<UnixTime>,
}

struct History {
    purpose: Purpose,
    now: UnixTime,
    rows: Vec<Life>,
    issuers: Vec<Issuer>,
    made: u32,
    /// By generation: until when a token of it is good.
    good_until: BTreeMap<String, UnixTime>,
    /// When the last of the sessions ends.
    last_session: Option<UnixTime>,
    /// Those for which no edge was waited: the first, what was forced, and what a revocation put in place.
    hurried: BTreeSet<String>,
    /// Those of the last kind, for which no issuer was waited either.
    on_the_spot: BTreeSet<String>,
}

impl History {
    fn begin(purpose: Purpose) -> Self {
        let mut history = Self {
            purpose,
            now: START,
            rows: Vec::new(),
            issuers: Vec::new(),
            made: 0,
            good_until: BTreeMap::new(),
            last_session: None,
            hurried: BTreeSet::new(),
            on_the_spot: BTreeSet::new(),
        };
        history.issuers.resize_with(ISSUERS, Issuer::default);
        history.step(0);
        history.hurried.extend(history.maker());
        history
    }

    fn maker(&self) -> Option<String> {
        life::signer(&self.rows, self.now).map(|life| life.key_id.clone())
    }

    fn make(&mut self) -> Life {
        self.made += 1;
        Life::generated(format!("s{}", self.made), self.now)
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Wait(seconds) => self.now = self.now.plus(*seconds),
            Event::Read(who) => self.read(*who),
            Event::Step(who) => self.step(*who),
            Event::Make(who, share) => self.token(*who, *share),
            Event::Rotate(pace) => {
                let made = Some(self.make());
                if let Ok((after, id)) =
                    plan::rotate(self.purpose, &self.rows, made, *pace, self.now)
                {
                    if *pace == Pace::Forced {
                        self.hurried.insert(id);
                    }
                    self.put(after);
                }
            }
            Event::Revoke(which) => {
                let id = self.rows[which % self.rows.len()].key_id.clone();
                let made = Some(self.make());
                let before = self.maker();
                if let Ok(after) = plan::revoke(self.purpose, &self.rows, &id, made, self.now) {
                    self.put(after);
                    if self.maker() != before {
                        self.hurried.extend(self.maker());
                        self.on_the_spot.extend(self.maker());
                    }
                }
            }
        }
    }

    /// As the acts hand a change to the store.
    fn put(&mut self, after: Vec<Life>) {
        let last = plan::last_token_end(self.purpose, SESSION_SECONDS, self.last_session, self.now);
        self.rows = plan::good_until(&self.rows, after, last);
    }

    fn read(&mut self, who: usize) {
        self.issuers[who].read.clone_from(&self.rows);
        self.issuers[who].read_at = Some(self.now);
    }

    fn step(&mut self, who: usize) {
        if self.issuers[who].read != self.rows {
            return;
        }
        let Some(due) = plan::due(self.purpose, &self.rows, RULES, 7, self.now) else {
            return;
        };
        let made = Some(self.make());
        let after = plan::step(self.purpose, &self.rows, &due, made, self.now).unwrap();
        self.put(after);
    }

    /// An issuer that has not read for a minute answers nothing.
    fn answers(&self, who: usize) -> bool {
        let lately = |at: UnixTime| self.now.seconds_since(at) <= KEYS_READ_WITHIN_SECONDS;
        self.issuers[who].read_at.is_some_and(lately)
    }

    fn token(&mut self, who: usize, share: u8) {
        if !self.answers(who) {
            return;
        }
        let Some(maker) = life::signer(&self.issuers[who].read, self.now) else {
            return;
        };
        let (id, seen) = (maker.key_id.clone(), maker.seen_everywhere_from());
        assert!(
            self.hurried.contains(&id) || seen.is_some_and(|at| at <= self.now),
            "{id} makes tokens before every edge can know it"
        );
        let most = match self.purpose {
            Purpose::Csrf => TOKEN_LIFE_SECONDS,
            Purpose::Refresh => SESSION_SECONDS,
        };
        let good_until = self.now.plus(most * i64::from(share) / 255);
        if self.purpose == Purpose::Refresh {
            self.last_session = self.last_session.max(Some(good_until));
        }
        let known = self.good_until.entry(id).or_insert(good_until);
        *known = (*known).max(good_until);
    }

    fn state(&self, id: &str) -> Option<KeyState> {
        let row = self.rows.iter().find(|life| life.key_id == id);
        row.map(|life| life.state)
    }

    fn judge(&self) {
        let active = self
            .rows
            .iter()
            .filter(|life| life.state == KeyState::Active);
        assert_eq!(active.count(), 1, "one is active");
        let accepted = self.rows.iter().filter(|life| life.state.is_public());
        assert!(accepted.count() <= self.purpose.room(), "{:?}", self.rows);
        for (id, until) in &self.good_until {
            if *until <= self.now || self.state(id) == Some(KeyState::Revoked) {
                continue;
            }
            for who in (0..ISSUERS).filter(|who| self.answers(*who)) {
                let issuer = &self.issuers[who];
                let of_id = |life: &&Life| life.key_id == *id && life.state.is_public();
                // What a revocation had made on the spot is known when it is read: within half a second.
                let made = self.rows.iter().find(|life| life.key_id == *id);
                let made = made.and_then(|life| life.published_at).unwrap();
                let knows = issuer.read.iter().any(|life| of_id(&life));
                let could_not =
                    self.on_the_spot.contains(id) && issuer.read_at < Some(made.plus(1));
                assert!(
                    knows || could_not,
                    "a token of {id} is good, and {who} does not know it"
                );
            }
        }
    }
}

fn lives_through(purpose: Purpose, events: &[Event]) {
    let mut history = History::begin(purpose);
    history.judge();
    for event in events {
        history.happens(event);
        history.judge();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn whatever_happens_csrf_tokens_are_known_again(events in prop::collection::vec(event(), 1..160)) {
        lives_through(Purpose::Csrf, &events);
    }

    #[test]
    fn whatever_happens_refresh_tokens_are_known_again(events in prop::collection::vec(event(), 1..160)) {
        lives_through(Purpose::Refresh, &events);
    }
}

const _: () = assert!(MAX_GENERATIONS >= 3 && PUBLISHED_SECONDS > KEYS_READ_WITHIN_SECONDS);
