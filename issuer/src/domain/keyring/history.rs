//! Random histories: several processes keep one schedule and sign, operators act, anything stops between any two steps. There
//! are keys of two algorithms; the second comes into use and goes out of use, and for a while processes differ about that.
//!
//! The oracle keeps a book of its own: what was signed, until when, and since when verifiers were shown which key. By that it demands
//! that whatever was signed and is not revoked verifies until it has expired, and that no key signed before everybody could have seen it
//! (`PUBLISHED_SECONDS`, which `year.rs` holds against caches and edges), unless an operator wanted that. Of the rows it demands that one
//! key of the first algorithm is active and one of the second at most, that the machine names a signer that verifiers have, and that the
//! set is not empty; but for the time after the last key was revoked while none could be made.

use std::collections::{BTreeMap, BTreeSet};

use edgeward_core::time::{LEEWAY_SECONDS, UnixTime};
use proptest::prelude::*;

use super::{
    life::{self, KeyState, Life, Need, Pace, Rules},
    timing::{KEYS_READ_WITHIN_SECONDS, PUBLISHED_SECONDS, SIGNED_AHEAD_SECONDS},
};

const PROCESSES: usize = 3;
const START: UnixTime = UnixTime::from_seconds(1_795_000_000);
/// Whose something is signed by at any moment.
const FIRST: usize = 0;
/// The other one.
const SECOND: usize = 1;

#[derive(Debug, Clone)]
enum Event {
    Wait(i64),
    /// A process reads the rows.
    Read(usize),
    /// A process does the step of an algorithm that is due by what it read, if the rows are still the same. What it does not
    /// get to do because it was stopped is the absence of this event.
    Step(usize, usize),
    /// A process that has read lately signs a token of this life, for whom this algorithm was chosen.
    Sign(usize, usize, i64),
    /// A process is stopped and started again: it knows nothing but the rows, and what it is told of the second algorithm.
    Restart(usize, bool),
    Rotate(usize, Pace),
    Import(usize, Pace),
    /// Of the keys of an algorithm that there are, counted round.
    Revoke(usize, usize),
    /// The same while no key can be made.
    RevokeOnly(usize, usize),
    /// The clock of everything is set back.
    SetBack(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let process = 0..PROCESSES;
    let of = || FIRST..=SECOND;
    let pace = || prop_oneof![Just(Pace::Orderly), Just(Pace::Forced)];
    prop_oneof![
        4 => (1_i64..4000).prop_map(Event::Wait),
        4 => (1_i64..40).prop_map(Event::Wait),
        8 => process.clone().prop_map(Event::Read),
        12 => (process.clone(), of()).prop_map(|(who, of)| Event::Step(who, of)),
        12 => (process.clone(), of(), 60_i64..3600)
            .prop_map(|(who, of, life)| Event::Sign(who, of, life)),
        2 => (process, any::<bool>()).prop_map(|(who, uses)| Event::Restart(who, uses)),
        2 => (of(), pace()).prop_map(|(of, pace)| Event::Rotate(of, pace)),
        1 => (of(), pace()).prop_map(|(of, pace)| Event::Import(of, pace)),
        1 => (of(), 0_usize..8).prop_map(|(of, which)| Event::Revoke(of, which)),
        1 => (of(), 0_usize..8).prop_map(|(of, which)| Event::RevokeOnly(of, which)),
        1 => (1_i64..120).prop_map(Event::SetBack),
    ]
}

type Rows = [Vec<Life>; 2];

#[derive(Debug, Default, Clone)]
struct Process {
    uses_second: bool,
    read: Rows,
    read_at: Option<UnixTime>,
    permits: BTreeMap<String, UnixTime>,
}

impl Process {
    fn rules(&self, of: usize) -> Rules {
        Rules {
            every_seconds: Some(2 * 3600),
            need: match (of, self.uses_second) {
                (FIRST, _) => Need::Always,
                (_, true) => Need::WhenSeen,
                (_, false) => Need::Never,
            },
        }
    }
}

struct History {
    now: UnixTime,
    /// What verifiers count by, whose clocks nobody sets.
    true_now: UnixTime,
    rows: Rows,
    processes: Vec<Process>,
    made: u32,
    /// Signed tokens: the key, and when it expires.
    signed: Vec<(String, UnixTime)>,
    /// Keys that an operator made sign before their time, or that were the first.
    hurried: BTreeSet<String>,
    /// The last key of the first algorithm was revoked, and no other could be made yet.
    bereft: bool,
    shown_since: BTreeMap<String, UnixTime>,
}

impl History {
    fn begin() -> Self {
        let mut history = Self {
            now: START,
            true_now: START,
            rows: Rows::default(),
            processes: vec![Process::default(); PROCESSES],
            made: 0,
            signed: Vec::new(),
            hurried: BTreeSet::new(),
            bereft: false,
            shown_since: BTreeMap::new(),
        };
        history.step(0, FIRST);
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
            Event::Step(who, of) => self.step(*who, *of),
            Event::Sign(who, of, life) => self.sign(*who, *of, *life),
            Event::Restart(who, uses_second) => {
                self.processes[*who] = Process {
                    uses_second: *uses_second,
                    ..Process::default()
                };
                self.read(*who);
            }
            Event::Rotate(of, pace) => {
                let made = self.make();
                let rotated = life::rotate(&self.rows[*of], Some(made), *pace, self.now);
                if let Ok((after, about)) = rotated {
                    self.put(*of, after, (*pace == Pace::Forced).then_some(about));
                }
            }
            Event::Import(of, pace) => {
                let made = self.make();
                let about = made.key_id.clone();
                if let Ok(after) = life::import(&self.rows[*of], made, *pace, self.now) {
                    self.put(*of, after, (*pace == Pace::Forced).then_some(about));
                }
            }
            Event::Revoke(of, which) => {
                let Some(key_id) = self.counted(*of, *which) else {
                    return;
                };
                let made = self.make();
                let revoked = life::revoke(&self.rows[*of], &key_id, Some(made), self.now);
                if let Ok(after) = revoked {
                    let signs = life::signer(&after, self.now).map(|key| key.key_id.clone());
                    self.put(*of, after, signs);
                }
            }
            Event::RevokeOnly(of, which) => {
                let Some(key_id) = self.counted(*of, *which) else {
                    return;
                };
                if let Ok(after) = life::revoke_only(&self.rows[*of], &key_id, self.now) {
                    let signs = life::signer(&after, self.now).map(|key| key.key_id.clone());
                    self.bereft |= *of == FIRST && signs.is_none();
                    self.put(*of, after, signs);
                }
            }
        }
    }

    fn counted(&self, of: usize, which: usize) -> Option<String> {
        let rows = &self.rows[of];
        let key = rows.get(which % rows.len().max(1))?;
        Some(key.key_id.clone())
    }

    fn put(&mut self, of: usize, after: Vec<Life>, hurried: Option<String>) {
        self.hurried.extend(hurried);
        self.rows[of] = after;
    }

    fn read(&mut self, who: usize) {
        self.processes[who].read.clone_from(&self.rows);
        self.processes[who].read_at = Some(self.now);
    }

    fn step(&mut self, who: usize, of: usize) {
        let process = &self.processes[who];
        let (read, rules) = (process.read[of].clone(), process.rules(of));
        let Some(due) = life::due(&read, rules, 7, self.now) else {
            return;
        };
        let made = self.make();
        // As the store compares: what was signed by whoever may sign is no part of it.
        let mut still = self.rows[of].clone();
        for (row, old) in still.iter_mut().zip(&read) {
            if matches!(row.state, KeyState::Active | KeyState::Published) {
                row.signed_until = old.signed_until;
            }
        }
        if still != read {
            return;
        }
        let nobody_signed = of == FIRST && life::signer(&read, self.now).is_none();
        let first = match &due {
            life::Due::MakeFirst => Some(made.key_id.clone()),
            life::Due::Activate(next) if nobody_signed => Some(next.clone()),
            life::Due::Activate(_)
            | life::Due::MakeNext
            | life::Due::Publish(_)
            | life::Due::Plan(..)
            | life::Due::Stop(_)
            | life::Due::Retire(_) => None,
        };
        let mut after = life::step(&read, &due, Some(made), self.now).unwrap();
        for (key, row) in after.iter_mut().zip(&self.rows[of]) {
            key.signed_until = row.signed_until;
        }
        self.put(of, after, first);
    }

    fn sign(&mut self, who: usize, of: usize, life_seconds: i64) {
        let process = &self.processes[who];
        let lately = |at: UnixTime| self.now.seconds_since(at).abs() <= KEYS_READ_WITHIN_SECONDS;
        if !process.read_at.is_some_and(lately) {
            return;
        }
        // Whoever does not use the second algorithm has nobody to choose it for.
        let second = process.read[SECOND].iter();
        let preferred = (of == SECOND && process.uses_second).then_some(second);
        let preferred = preferred.and_then(|second| life::signer(second, self.now));
        let Some(signer) = preferred.or_else(|| life::signer(&process.read[FIRST], self.now))
        else {
            return;
        };
        let key_id = signer.key_id.clone();
        let exp = self.now.plus(life_seconds);
        let permitted = process.permits.get(&key_id).copied();
        if permitted.is_none_or(|until| exp > until) && !self.permit(who, &key_id, exp) {
            return;
        }
        let mut rows = self.rows.iter().flatten();
        let row = rows.find(|row| row.key_id == key_id).unwrap();
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
        let mut rows = self.rows.iter_mut().flatten();
        let row = rows.find(|row| row.key_id == key_id);
        let Some(row) = row.filter(|row| signs(row)) else {
            return false;
        };
        row.signed_until = row.signed_until.max(Some(until));
        self.processes[who].permits.insert(key_id.to_owned(), until);
        true
    }

    fn judge(&mut self) {
        let active = |of: usize| {
            let rows = self.rows[of].iter();
            rows.filter(|key| key.state == KeyState::Active).count()
        };
        assert!(active(SECOND) <= 1, "one of the others at most is active");
        self.bereft &= active(FIRST) == 0;
        if !self.bereft {
            assert_eq!(active(FIRST), 1, "one key is active");
            let signer = life::signer(&self.rows[FIRST], self.now).expect("one key signs");
            assert!(signer.state.is_public(), "and verifiers have it");
        }
        let mut public: BTreeSet<&str> = BTreeSet::new();
        for rows in &self.rows {
            let shown = rows.iter().filter(|key| key.state.is_public());
            let shown: BTreeSet<&str> = shown.map(|key| key.key_id.as_str()).collect();
            assert!(shown.len() <= life::PUBLIC_MAX + 1, "{shown:?}");
            public.extend(shown);
        }
        assert!(self.bereft || !public.is_empty());
        for id in &public {
            self.shown_since
                .entry((*id).to_owned())
                .or_insert(self.true_now);
        }
        let revoked = |id: &str| {
            let of_id = |key: &&Life| key.key_id == id && key.state == KeyState::Revoked;
            self.rows.iter().flatten().any(|key| of_id(&key))
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
    fn whatever_happens_verifiers_have_what_signs(events in prop::collection::vec(event(), 1..240)) {
        let mut history = History::begin();
        history.judge();
        for event in &events {
            history.happens(event);
            history.judge();
        }
    }
}
