//! A year of rotations of both kinds under traffic that never stops: no token of a living session fails at an issuer or an edge.
//!
//! The tokens are real ones, made and judged by core and by the refresh protocol; the edges keep bundles by the state machine that
//! they keep them by.

use std::collections::BTreeMap;

use edgeward_core::{
    csrf::{self, CsrfKey},
    keys::{Advice, Freshness, Wanted},
    time::UnixTime,
};

use super::{
    Known, Purpose, plan,
    ring::{self, Open},
};
use crate::{
    custody::MacKey,
    domain::{
        keyring::{Life, Rules, life::Due, timing::JITTER_SECONDS},
        refresh::{RefreshToken, genuine},
        session::Sid,
    },
};

const START: i64 = 1_795_000_000;
const DAY: i64 = 24 * 3600;
/// A moment of the year; everything below happens at each.
const EVERY: i64 = 1200;
const SESSION_SECONDS: i64 = 90 * DAY;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

/// The bytes of a generation, from its id.
fn bytes(id: &str) -> [u8; 32] {
    let number: u8 = id
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap();
    [number; 32]
}

struct Rows {
    purpose: Purpose,
    rules: Rules,
    lives: Vec<Life>,
    made: u32,
    rotations: u32,
    most: usize,
}

impl Rows {
    fn of(purpose: Purpose, days: i64) -> Self {
        Self {
            purpose,
            rules: plan::rules(Some(days * DAY)),
            lives: Vec::new(),
            made: 0,
            rotations: 0,
            most: 0,
        }
    }

    /// Every step that is due; sessions end when they were told to at their beginning.
    fn keep_schedule(&mut self, now: i64) {
        while let Some(due) = plan::due(
            self.purpose,
            &self.lives,
            self.rules,
            JITTER_SECONDS,
            at(now),
        ) {
            self.made += 1;
            let made = Life::generated(format!("s{}", self.made), at(now));
            let after = plan::step(self.purpose, &self.lives, &due, Some(made), at(now)).unwrap();
            let last_session = Some(at(now + SESSION_SECONDS));
            let last = plan::last_token_end(self.purpose, SESSION_SECONDS, last_session, at(now));
            self.rotations += u32::from(matches!(due, Due::Activate(_)));
            self.lives = plan::good_until(&self.lives, after, last);
        }
        let accepted = self.lives.iter().filter(|life| life.state.is_public());
        self.most = self.most.max(accepted.count());
    }
}

/// What a process makes of these rows that can open all of them.
fn known<K>(purpose: Purpose, rows: &[Life], now: i64, make: fn([u8; 32]) -> K) -> Known<K> {
    let open = rows.iter().map(|life| Open {
        key: life
            .state
            .is_public()
            .then(|| make(bytes(&life.key_id)).into()),
        life: life.clone(),
    });
    ring::known(purpose, &open.collect::<Vec<_>>(), at(now)).unwrap()
}

struct Edge {
    every: i64,
    bundle: Freshness<Vec<Life>>,
    asked: i64,
}

impl Edge {
    /// The generations that it judges by; a refresh of what is old runs behind.
    fn judges_by(&mut self, now: i64, shown: &[Life]) -> Vec<Life> {
        let set = match self.bundle.current(at(now)) {
            Some(current) => current.set.to_vec(),
            None => {
                let Advice::Fetch(ticket) = self.bundle.advise(Wanted::AnySet, at(now)) else {
                    panic!("nobody else fetches")
                };
                self.asked += 1;
                assert!(self.bundle.loaded(&ticket, shown.to_vec(), None));
                shown.to_vec()
            }
        };
        if let Some(ticket) = self.bundle.claim_refresh(at(now)) {
            self.asked += 1;
            assert!(self.bundle.loaded(&ticket, shown.to_vec(), None));
        }
        set
    }
}

struct Session {
    sid: Sid,
    ends: i64,
    refresh: String,
    refreshed: i64,
    csrf: String,
    /// How long this person's browser sleeps between two visits.
    sleeps: i64,
}

#[test]
fn a_year_of_rotations_refuses_no_token() {
    let mut csrf_rows = Rows::of(Purpose::Csrf, 30);
    let mut refresh_rows = Rows::of(Purpose::Refresh, 90);
    csrf_rows.keep_schedule(START);
    refresh_rows.keep_schedule(START);
    let mut edges = [EVERY, 2 * EVERY, 30 * EVERY].map(|every| Edge {
        every,
        bundle: Freshness::empty(),
        asked: 0,
    });
    let mut sessions: BTreeMap<i64, Session> = BTreeMap::new();
    let (mut judged, mut refreshed) = (0_u64, 0_u64);
    for (turn, now) in (START..START + 365 * DAY)
        .step_by(EVERY as usize)
        .enumerate()
    {
        // Of two issuers one has read the rows a moment before the step of this one, and one after it; a token of either comes to the
        // other.
        let late = [csrf_rows.lives.clone(), refresh_rows.lives.clone()];
        csrf_rows.keep_schedule(now);
        refresh_rows.keep_schedule(now);
        let prompt = [csrf_rows.lives.clone(), refresh_rows.lives.clone()];
        let (makes, accepts) = if turn % 2 == 0 {
            (&late, &prompt)
        } else {
            (&prompt, &late)
        };
        let [makes_csrf, accepts_csrf] =
            [makes, accepts].map(|read| known(Purpose::Csrf, &read[0], now, CsrfKey::from_bytes));
        let [makes_mac, accepts_mac] =
            [makes, accepts].map(|read| known(Purpose::Refresh, &read[1], now, MacKey::from_bytes));
        if turn % 200 == 0 {
            let sid = Sid::from_random(at(now), [turn as u8; 10]);
            sessions.insert(
                now,
                Session {
                    sid,
                    ends: now + SESSION_SECONDS,
                    refresh: RefreshToken::make(makes_mac.makes(), sid, 0, [0; 32])
                        .reveal()
                        .to_owned(),
                    refreshed: now,
                    csrf: csrf::issue(makes_csrf.makes(), &sid.to_string(), "a", at(now), &[0; 16]),
                    // From every other hour to as seldom as a refresh token lives.
                    sleeps: [6 * EVERY, DAY, 6 * DAY, 14 * DAY - EVERY][turn / 200 % 4],
                },
            );
        }
        sessions.retain(|_, session| now < session.ends);
        for session in sessions.values_mut() {
            if now - session.refreshed < session.sleeps {
                continue;
            }
            let seen = genuine(&accepts_mac, &session.refresh);
            let seen = seen.unwrap_or_else(|| panic!("a refresh token is not known at {now}"));
            let next = RefreshToken::make(makes_mac.makes(), session.sid, seen.seq + 1, [1; 32]);
            (session.refresh, session.refreshed) = (next.reveal().to_owned(), now);
            refreshed += 1;
        }
        // One page after the other is left open as long as a token is good.
        let Some((_, session)) = sessions.iter_mut().nth_back(turn % 3) else {
            continue;
        };
        let sent = Some(session.csrf.as_str());
        let binding = session.sid.to_string();
        let keys: Vec<&CsrfKey> = accepts_csrf.accepts().collect();
        let found = csrf::check(&keys, sent, sent, &binding, "a", at(now));
        if found != Err(csrf::CsrfRefusal::Stale) {
            assert_eq!(found, Ok(()), "at an issuer, at {now}");
            for edge in edges.iter_mut().filter(|edge| now % edge.every < EVERY) {
                let known_there = edge.judges_by(now, &accepts[0]);
                let public = known_there.iter().filter(|life| life.state.is_public());
                let there: Vec<CsrfKey> = public
                    .map(|life| CsrfKey::from_bytes(bytes(&life.key_id)))
                    .collect();
                let there: Vec<&CsrfKey> = there.iter().collect();
                let found = csrf::check(&there, sent, sent, &binding, "a", at(now));
                assert_eq!(found, Ok(()), "at an edge, at {now}");
                judged += 1;
            }
        } else {
            session.csrf = csrf::issue(makes_csrf.makes(), &binding, "a", at(now), &[0; 16]);
        }
    }
    assert_eq!((csrf_rows.rotations, refresh_rows.rotations), (12, 4));
    let most = (csrf_rows.most, refresh_rows.most);
    assert_eq!(most, (3, 3), "next, present and the one before");
    assert!(
        judged > 20_000 && refreshed > 20_000,
        "{judged} {refreshed}"
    );
}
