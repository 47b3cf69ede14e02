//! Random histories: several processes keep one schedule and sign, operators act, anything stops between any two steps.
//!
//! The oracle knows nothing of the machine's rules. It remembers what was signed and what verifiers were shown, and demands
//! after each event: one key signs, the set is not empty, whatever was signed and is not revoked verifies until it has expired,
//! and no key signed before everybody could have seen it, unless an operator wanted that.

use std::collections::{BTreeMap, BTreeSet};

use edgeward_core::time::{LEEWAY_SECONDS, UnixTime};
use proptest::prelude::*;

use super::{
    life::{self, KeyState, Life, Pace, Rules},
    timing::{KEYS_READ_WITHIN_SECONDS, PUBLISHED_SECONDS, SIGNED_AHEAD_SECONDS},
};

const PROCESSES: usize = 3;
const START: UnixTime = UnixTime::from_seconds(1_795_000_000);
const RULES: Rules = Rules {
    every_seconds: Some(2 * 3600),
};

#[derive(Debug, Clone)]
enum Event {
    Wait(i64),
    /// A process reads the rows.
    Read(usize),
    /// A process does the step that is due by what it read, if the rows are still the same. What it does not get to do
    /// because it was stopped is the absence of this event.
    Step(usize),
    /// A process that has read lately signs a token of this life.
    Sign(usize, i64),
    /// A process is stopped and started again: it knows nothing but the rows.
    Restart(usize),
    Rotate(Pace),
    Import(Pace),
    /// Of the keys that there are, counted round.
    Revoke(usize),
    /// The clock of everything is set back.
    SetBack(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let process = 0..PROCESSES;
    prop_oneof![
        4 => (1_i64..4000).prop_map(Event::Wait),
        4 => (1_i64..40).prop_map(Event::Wait),
        8 => process.clone().prop_map(Event::Read),
        8 => process.clone().prop_map(Event::Step),
        8 => (process.clone(), 60_i64..3600).prop_map(|(who, life)| Event::Sign(who, life)),
        1 => process.prop_map(Event::Restart),
        1 => Just(Event::Rotate(Pace::Orderly)),
        1 => Just(Event::Rotate(Pace::Forced)),
        1 => prop_oneof![Just(Pace::Orderly), Just(Pace::Forced)].prop_map(Event::Import),
        1 => (0_usize..8).prop_map(Event::Revoke),
        1 => (1_i64..120).prop_map(Event::SetBack),
    ]
}

#[derive(Debug, Default, Clone)]
struct Process {
    read: Vec<Life>,
    read_at: Option<UnixTime>,
    permits: BTreeMap<String, UnixTime>,
}

struct History {
    now: UnixTime,
    /// What verifiers count by, whose clocks nobody sets.
    true_now: UnixTime,
    rows: Vec<Life>,
    processes: Vec<Process>,
    made: u32,
    /// Signed tokens: the key, and when it expires.
    signed: Vec<(String, UnixTime)>,
    /// Keys that an operator made sign before their time, or that were the first.
    hurried: BTreeSet<String>,
    shown_since: BTreeMap<String, UnixTime>,
}

impl History {
    fn begin() -> Self {
        let mut history = Self {
            now: START,
            true_now: START,
            rows: Vec::new(),
            processes: vec![Process::default(); PROCESSES],
            made: 0,
            signed: Vec::new(),
            hurried: BTreeSet::new(),
            shown_since: BTreeMap::new(),
        };
        history.step(0);
        history
    }

    fn make(&mut self) -> Life {
        self.made += 1;
        Life::generated(format!("k{}", self.made), self.now)
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Wait(seconds) => {
                self.now = self.now.plus(*seconds);
                self.true_now = self.true_now.plus(*seconds);
            }
            Event::SetBack(seconds) => self.now = self.now.plus(-seconds),
            Event::Read(who) => self.read(*who),
            Event::Step(who) => self.step(*who),
            Event::Sign(who, life) => self.sign(*who, *life),
            Event::Restart(who) => {
                self.processes[*who] = Process::default();
                self.read(*who);
            }
            Event::Rotate(pace) => {
                let made = self.make();
                if let Ok((after, about)) = life::rotate(&self.rows, Some(made), *pace, self.now) {
                    self.put(after, (*pace == Pace::Forced).then_some(about));
                }
            }
            Event::Import(pace) => {
                let made = self.make();
                let about = made.key_id.clone();
                if let Ok(after) = life::import(&self.rows, made, *pace, self.now) {
                    self.put(after, (*pace == Pace::Forced).then_some(about));
                }
            }
            Event::Revoke(which) => {
                let key_id = self.rows[which % self.rows.len()].key_id.clone();
                let made = self.make();
                if let Ok(after) = life::revoke(&self.rows, &key_id, Some(made), self.now) {
                    let signs = life::signer(&after, self.now).map(|key| key.key_id.clone());
                    self.put(after, signs);
                }
            }
        }
    }

    fn put(&mut self, after: Vec<Life>, hurried: Option<String>) {
        self.hurried.extend(hurried);
        self.rows = after;
    }

    fn read(&mut self, who: usize) {
        self.processes[who].read.clone_from(&self.rows);
        self.processes[who].read_at = Some(self.now);
    }

    fn step(&mut self, who: usize) {
        let read = self.processes[who].read.clone();
        let Some(due) = life::due(&read, RULES, 7, self.now) else {
            return;
        };
        let made = self.make();
        // As the store compares: what was signed by whoever may sign is no part of it.
        let mut still = self.rows.clone();
        for (row, old) in still.iter_mut().zip(&read) {
            if matches!(row.state, KeyState::Active | KeyState::Published) {
                row.signed_until = old.signed_until;
            }
        }
        if still != read {
            return;
        }
        let is_first = due == life::Due::MakeFirst;
        let first = is_first.then(|| made.key_id.clone());
        let mut after = life::step(&read, &due, Some(made), self.now).unwrap();
        for (key, row) in after.iter_mut().zip(&self.rows) {
            key.signed_until = row.signed_until;
        }
        self.put(after, first);
    }

    fn sign(&mut self, who: usize, life_seconds: i64) {
        let process = &self.processes[who];
        let lately = |at: UnixTime| self.now.seconds_since(at).abs() <= KEYS_READ_WITHIN_SECONDS;
        if !process.read_at.is_some_and(lately) {
            return;
        }
        let Some(signer) = life::signer(&process.read, self.now) else {
            return;
        };
        let key_id = signer.key_id.clone();
        let exp = self.now.plus(life_seconds);
        let permitted = process.permits.get(&key_id).copied();
        if permitted.is_none_or(|until| exp > until) && !self.permit(who, &key_id, exp) {
            return;
        }
        let row = self.rows.iter().find(|row| row.key_id == key_id).unwrap();
        if row.state == KeyState::Revoked {
            // A process that has not heard of it; edges refuse what it signs.
            return;
        }
        assert_ne!(
            row.state,
            KeyState::Retired,
            "{key_id} signs although it is retired"
        );
        let seen = self
            .shown_since
            .get(&key_id)
            .map(|at| at.plus(PUBLISHED_SECONDS));
        assert!(
            self.hurried.contains(&key_id) || seen.is_some_and(|at| at <= self.true_now),
            "{key_id} signs before everybody can have seen it"
        );
        self.signed.push((key_id, exp));
    }

    /// As the store's one statement does it.
    fn permit(&mut self, who: usize, key_id: &str, exp: UnixTime) -> bool {
        let (now, until) = (self.now, exp.plus(SIGNED_AHEAD_SECONDS));
        let signs = |row: &Life| row.state == KeyState::Active || row.takes_over(now);
        let row = self.rows.iter_mut().find(|row| row.key_id == key_id);
        let Some(row) = row.filter(|row| signs(row)) else {
            return false;
        };
        row.signed_until = row.signed_until.max(Some(until));
        self.processes[who].permits.insert(key_id.to_owned(), until);
        true
    }

    fn judge(&mut self) {
        let active = self.rows.iter().filter(|key| key.state == KeyState::Active);
        assert_eq!(active.count(), 1, "one key is active");
        let signer = life::signer(&self.rows, self.now).expect("one key signs");
        assert!(signer.state.is_public(), "and verifiers have it");
        let public: BTreeSet<&str> = self
            .rows
            .iter()
            .filter(|key| key.state.is_public())
            .map(|key| key.key_id.as_str())
            .collect();
        assert!(!public.is_empty());
        assert!(public.len() <= life::PUBLIC_MAX + 1, "{public:?}");
        for id in &public {
            self.shown_since
                .entry((*id).to_owned())
                .or_insert(self.true_now);
        }
        let revoked = |id: &str| {
            let of_id = |key: &&Life| key.key_id == id && key.state == KeyState::Revoked;
            self.rows.iter().any(|key| of_id(&key))
        };
        for (id, exp) in &self.signed {
            let is_good = self.true_now < exp.plus(LEEWAY_SECONDS);
            assert!(
                !is_good || revoked(id) || public.contains(id.as_str()),
                "a token of {id} is good and its key is gone"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn whatever_happens_verifiers_have_what_signs(events in prop::collection::vec(event(), 1..160)) {
        let mut history = History::begin();
        history.judge();
        for event in &events {
            history.happens(event);
            history.judge();
        }
    }
}
