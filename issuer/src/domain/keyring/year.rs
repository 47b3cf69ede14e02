//! A year of monthly rotations under traffic that never stops, of keys of two algorithms, at edges of every kind: no token
//! fails, and none even meets an edge that lacks its key. The second algorithm comes into use in the course of it, and goes out
//! of use again.

use std::collections::BTreeSet;

use edgeward_core::{
    keys::{Advice, Freshness, Wanted},
    time::{LEEWAY_SECONDS, UnixTime},
};

use super::{
    life::{self, KeyState, Life, Need, Rules},
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
/// The second algorithm is in use from then on, and so long.
const BEGINS: i64 = START + 40 * DAY;
const ENDS: i64 = START + 300 * DAY;
const TEN_DAYS: i64 = 10 * DAY;

/// Monthly for the one, every ten days for the other, while it is in use.
fn rules(second: bool, now: i64) -> Rules {
    match second {
        false => Rules {
            every_seconds: Some(30 * DAY),
            need: Need::Always,
        },
        true => Rules {
            every_seconds: Some(TEN_DAYS),
            need: if (BEGINS..ENDS).contains(&now) {
                Need::WhenSeen
            } else {
                Need::Never
            },
        },
    }
}

/// The keys of both algorithms.
#[derive(Clone, Default)]
struct Rows {
    of: [Vec<Life>; 2],
}

impl Rows {
    fn public(&self) -> Kids {
        let all = self.of.iter().flatten();
        let public = all.filter(|key| key.state.is_public());
        public.map(|key| key.key_id.clone()).collect()
    }

    /// Who signs for whom the second algorithm was chosen, or the first.
    fn signer(&self, second: bool, now: i64) -> String {
        let at = UnixTime::from_seconds(now);
        let [first, other] = &self.of;
        let preferred = second.then(|| life::signer(other, at)).flatten();
        let signs = preferred.or_else(|| life::signer(first, at));
        signs.unwrap().key_id.clone()
    }

    fn named(&mut self, kid: &str) -> &mut Life {
        let mut all = self.of.iter_mut().flatten();
        all.find(|row| row.key_id == kid).unwrap()
    }
}

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

    fn fetch(&mut self, now: i64, rows: &Rows) -> Kids {
        self.fetches += 1;
        let Self { process, cache, .. } = self;
        cache.ask(now, || process.ask(now, || rows.public()))
    }

    /// Judges the tokens of one request; whoever is due for a refresh takes it along behind.
    fn judges(&mut self, kids: &[&str], now: i64, rows: &Rows) {
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
            assert!(set.contains(*kid), "{} lacks {kid} at {now}", self.title);
            self.verified += 1;
        }
        if let Some(ticket) = self.keys.claim_refresh(at) {
            let set = self.fetch(now, rows);
            assert!(self.keys.loaded(&ticket, set, None));
        }
    }
}

/// Who signs by rows that were read a while ago, as a process may have them.
struct Process {
    rows: Rows,
    read_at: i64,
    reads_every: i64,
    permits: [(String, i64); 2],
}

impl Process {
    fn signs(&mut self, second: bool, now: i64, rows: &mut Rows) -> String {
        if now - self.read_at >= self.reads_every {
            (self.rows, self.read_at) = (rows.clone(), now);
        }
        let exp = now + TOKEN_SECONDS;
        for _ in 0..2 {
            let kid = self.rows.signer(second, now);
            let permit = &mut self.permits[usize::from(second)];
            if permit.0 == kid && exp <= permit.1 {
                return kid;
            }
            let row = rows.named(&kid);
            if row.state == KeyState::Active || row.takes_over(UnixTime::from_seconds(now)) {
                let until = exp + SIGNED_AHEAD_SECONDS;
                row.signed_until = row.signed_until.max(Some(UnixTime::from_seconds(until)));
                *permit = (kid.clone(), until);
                return kid;
            }
            (self.rows, self.read_at) = (rows.clone(), now);
        }
        panic!("nobody signs at {now}")
    }
}

#[test]
fn a_year_of_rotations_of_two_algorithms_fails_no_token_at_any_edge() {
    // The most that a cache is allowed to: a set that is stale is handed out while it asks, and where it gets no answer.
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
            rows: Rows::default(),
            read_at: 0,
            reads_every,
            permits: Default::default(),
        })
        .into();
    let mut rows = Rows::default();
    let mut made = 0;
    let mut signed: [Vec<(i64, String)>; 2] = Default::default();
    let mut signers = [Kids::new(), Kids::new()];
    let mut most = 0;
    for now in (START..START + 365 * DAY).step_by(usize::try_from(EVERY).unwrap()) {
        let at = UnixTime::from_seconds(now);
        for second in [false, true] {
            let of = &mut rows.of[usize::from(second)];
            while let Some(due) = life::due(of, rules(second, now), now % JITTER_SECONDS, at) {
                made += 1;
                let algorithm = if second { "second" } else { "first" };
                let new = Life::generated(format!("{algorithm}-{made}"), at);
                *of = life::step(of, &due, Some(new), at).unwrap();
            }
        }
        let turn = usize::try_from(now / EVERY).unwrap() % processes.len();
        let mut brought = Vec::new();
        for second in [false, true] {
            let kid = processes[turn].signs(second, now, &mut rows);
            let which = usize::from(second);
            signers[which].insert(kid.clone());
            signed[which].push((now, kid.clone()));
            // The oldest that is good yet, with what verifiers bear.
            let good = now - TOKEN_SECONDS - LEEWAY_SECONDS;
            signed[which].retain(|(at, _)| *at > good);
            let oldest = signed[which]
                .first()
                .map_or(kid.clone(), |(_, kid)| kid.clone());
            brought.extend([kid, oldest]);
        }
        let brought: Vec<&str> = brought.iter().map(String::as_str).collect();
        for edge in &mut edges {
            if (now - START) % edge.every < EVERY {
                edge.judges(&brought, now, &rows);
            }
        }
        most = most.max(rows.public().len());
    }
    let [first, second] = &signers;
    assert_eq!(first.len(), 13, "{first:?}");
    let own = second
        .iter()
        .filter(|kid| kid.starts_with("second"))
        .count();
    assert_eq!(own, 26, "{second:?}");
    assert!(second.len() > own, "before and after, the first one signs");
    assert_eq!(
        most, 5,
        "next and current of each, and the one before of the one that changed"
    );
    let [_, left] = &rows.of;
    assert!(
        left.iter().all(|key| key.state == KeyState::Retired),
        "{left:?}"
    );
    for edge in &edges {
        assert!(edge.verified > 16_000, "{}: {}", edge.title, edge.verified);
        // None of them had to ask for a key that it lacked: they fetch as they would without rotations.
        let asked = edge.fetches * u64::try_from(edge.every.max(300)).unwrap();
        assert!(asked <= 366 * 86_400, "{}: {}", edge.title, edge.fetches);
    }
}
