//! A year of monthly rotations under traffic that never stops, at edges of every kind: no token fails, and none even meets an
//! edge that lacks its key.

use std::collections::BTreeSet;

use edgeward_core::{
    keys::{Advice, Freshness, Wanted},
    time::{LEEWAY_SECONDS, UnixTime},
};

use super::{
    life::{self, KeyState, Life, Rules},
    timing::{
        JITTER_SECONDS, KEY_SET_MAX_AGE_SECONDS, KEY_SET_STALE_SECONDS, KEYS_READ_WITHIN_SECONDS,
        SIGNED_AHEAD_SECONDS,
    },
};

const START: i64 = 1_795_000_000;
const DAY: i64 = 24 * 3600;
/// A token is made so often, and each edge that is due verifies it and one that has almost ended.
const EVERY: i64 = 60;
const TOKEN_SECONDS: i64 = 600;
const RULES: Rules = Rules {
    every_seconds: Some(30 * DAY),
};

type Kids = BTreeSet<String>;

/// What is shown of the keys, as old as the worst process and the worst cache may make it.
struct Shown {
    /// How long it is kept.
    keeps: i64,
    at: i64,
    kids: Kids,
}

impl Shown {
    fn of(keeps: i64) -> Self {
        Self {
            keeps,
            at: i64::MIN / 2,
            kids: Kids::new(),
        }
    }

    fn ask(&mut self, now: i64, fresh: impl FnOnce() -> Kids) -> Kids {
        if now - self.at > self.keeps {
            (self.at, self.kids) = (now, fresh());
        }
        self.kids.clone()
    }
}

struct Edge {
    title: &'static str,
    /// A request comes so often.
    every: i64,
    process: Shown,
    cache: Shown,
    keys: Freshness<Kids>,
    verified: u64,
    fetches: u64,
}

impl Edge {
    fn of(title: &'static str, every: i64, cached: i64) -> Self {
        Self {
            title,
            every,
            process: Shown::of(KEYS_READ_WITHIN_SECONDS),
            cache: Shown::of(cached),
            keys: Freshness::empty(),
            verified: 0,
            fetches: 0,
        }
    }

    fn fetch(&mut self, now: i64, rows: &[Life]) -> Kids {
        self.fetches += 1;
        let Self { process, cache, .. } = self;
        cache.ask(now, || process.ask(now, || public(rows)))
    }

    /// Judges the tokens of one request; whoever is due for a refresh takes it along behind.
    fn judges(&mut self, kids: [&str; 2], now: i64, rows: &[Life]) {
        let at = UnixTime::from_seconds(now);
        let set = match self.keys.current(at) {
            Some(current) => current.set,
            None => {
                let Advice::Fetch(ticket) = self.keys.advise(Wanted::AnySet, at) else {
                    panic!("{}: nobody else fetches", self.title)
                };
                let set = self.fetch(now, rows);
                assert!(self.keys.loaded(&ticket, set, None));
                self.keys.current(at).unwrap().set
            }
        };
        for kid in kids {
            assert!(set.contains(kid), "{} lacks {kid} at {now}", self.title);
            self.verified += 1;
        }
        if let Some(ticket) = self.keys.claim_refresh(at) {
            let set = self.fetch(now, rows);
            assert!(self.keys.loaded(&ticket, set, None));
        }
    }
}

fn public(rows: &[Life]) -> Kids {
    let public = rows.iter().filter(|key| key.state.is_public());
    public.map(|key| key.key_id.clone()).collect()
}

/// Who signs by rows that were read a while ago, as a process may have them.
struct Process {
    rows: Vec<Life>,
    read_at: i64,
    reads_every: i64,
    permit: (String, i64),
}

impl Process {
    fn signs(&mut self, now: i64, rows: &mut [Life]) -> String {
        if now - self.read_at >= self.reads_every {
            (self.rows, self.read_at) = (rows.to_vec(), now);
        }
        let exp = now + TOKEN_SECONDS;
        for _ in 0..2 {
            let kid = life::signer(&self.rows, UnixTime::from_seconds(now)).unwrap();
            let kid = kid.key_id.clone();
            if self.permit.0 == kid && exp <= self.permit.1 {
                return kid;
            }
            let row = rows.iter_mut().find(|row| row.key_id == kid).unwrap();
            if row.state == KeyState::Active || row.takes_over(UnixTime::from_seconds(now)) {
                let until = exp + SIGNED_AHEAD_SECONDS;
                row.signed_until = row.signed_until.max(Some(UnixTime::from_seconds(until)));
                self.permit = (kid.clone(), until);
                return kid;
            }
            (self.rows, self.read_at) = (rows.to_vec(), now);
        }
        panic!("nobody signs at {now}")
    }
}

#[test]
fn a_year_of_monthly_rotations_fails_no_token_at_any_edge() {
    let cached = KEY_SET_MAX_AGE_SECONDS + KEY_SET_STALE_SECONDS;
    let mut edges = [
        Edge::of("a busy edge", EVERY, 0),
        Edge::of("a busy edge behind a cache", EVERY, cached),
        Edge::of("one whose refresh is always late", 14 * 60 + EVERY, cached),
        Edge::of(
            "one that is asked when its set is doubted",
            15 * 60 + EVERY,
            cached,
        ),
        Edge::of("one that is asked every other hour", 7200, cached),
    ];
    let mut processes: Vec<Process> = [EVERY, KEYS_READ_WITHIN_SECONDS]
        .map(|reads_every| Process {
            rows: Vec::new(),
            read_at: 0,
            reads_every,
            permit: (String::new(), 0),
        })
        .into();
    let mut rows: Vec<Life> = Vec::new();
    let mut made = 0;
    let mut signed: Vec<(i64, String)> = Vec::new();
    let mut signers = Kids::new();
    let mut most = 0;
    for now in (START..START + 365 * DAY).step_by(usize::try_from(EVERY).unwrap()) {
        let at = UnixTime::from_seconds(now);
        while let Some(due) = life::due(&rows, RULES, now % JITTER_SECONDS, at) {
            made += 1;
            let new = Life::generated(format!("k{made}"), at);
            rows = life::step(&rows, &due, Some(new), at).unwrap();
        }
        let turn = usize::try_from(now / EVERY).unwrap() % processes.len();
        let kid = processes[turn].signs(now, &mut rows);
        signers.insert(kid.clone());
        signed.push((now, kid.clone()));
        // The oldest that is good yet, with what verifiers bear.
        let good = now - TOKEN_SECONDS - LEEWAY_SECONDS;
        signed.retain(|(at, _)| *at > good);
        let oldest = signed.first().map_or(kid.clone(), |(_, kid)| kid.clone());
        for edge in &mut edges {
            if (now - START) % edge.every < EVERY {
                edge.judges([&kid, &oldest], now, &rows);
            }
        }
        most = most.max(public(&rows).len());
    }
    assert_eq!(signers.len(), 13, "{signers:?}");
    assert_eq!(most, 3, "next, current and the one before");
    for edge in &edges {
        assert!(edge.verified > 8_000, "{}: {}", edge.title, edge.verified);
        // None of them had to ask for a key that it lacked: they fetch as they would without rotations.
        let asked = edge.fetches * u64::try_from(edge.every.max(300)).unwrap();
        assert!(asked <= 366 * 86_400, "{}: {}", edge.title, edge.fetches);
    }
}
