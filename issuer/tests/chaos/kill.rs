//! The process is killed at each point of each course. What was not committed never was, what was committed is there once, and
//! a lone client that repeats its token goes on.

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    domain::{
        revocations::Revocations,
        session::{Family, Sid},
        storage::Storage,
    },
    faults::Point,
};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    client::{self, OURS, THEIRS, get, refresh, refresh_as, sid, sign_in, until_ready},
    courses::{Course, courses, is_kept, is_on, is_tried, leaves_turn},
    edge::Edge,
    program::NEVER,
    site::{Issuer, Kind, PAST_THE_CONFLICT, Site},
};

/// A site on which process after process is killed.
struct Victim {
    site: Site,
    http: Client,
    issuer: Issuer,
    /// On PostgreSQL another process serves all the time.
    other: Option<Issuer>,
    edge: Edge,
}

/// Past the grace of a successor that is known to have arrived, counted from when it was handed out last.
const PAST_THE_GRACE: i64 = 40;

/// What the database has of one family.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    seq: u64,
    confirmed: bool,
    ended: bool,
    /// The numbers of the rotations in the audit log, in order.
    rotations: Vec<String>,
    repeats: usize,
    reuses: usize,
    /// Rotations that were refused because the device had changed.
    elsewhere: usize,
    /// Its ends in the feed for edges.
    ends: usize,
}

/// A family that was refreshed so often, and to which nothing else has happened.
fn refreshed(times: u64) -> Found {
    Found {
        seq: times,
        confirmed: false,
        ended: false,
        rotations: (1..=times).map(|seq| seq.to_string()).collect(),
        repeats: 0,
        reuses: 0,
        elsewhere: 0,
        ends: 0,
    }
}

impl Victim {
    async fn new(kind: Kind) -> Self {
        let site = Site::new(kind).await;
        let edge = site.enroll_edge();
        let issuer = site.serve();
        let other = (kind != Kind::Sqlite).then(|| site.serve());
        Self {
            site,
            http: Client::new(),
            issuer,
            other,
            edge,
        }
    }

    /// Arms the point, sends what must die of it, and starts the next process.
    async fn kill(&mut self, point: Point, device: &str, token: &str) {
        self.issuer.kill_at(point, 1);
        let lost = if token.starts_with("rt1.") {
            refresh_as(&self.http, device, &self.issuer.origin, token).await
        } else {
            get(&self.http, &self.issuer.origin, "/auth/me", token).await
        };
        assert!(lost.is_err(), "{point:?} was never reached: {lost:?}");
        let turns = self.site.hold_turns().await;
        self.replace_killed(point).await;
        if let Some(turns) = turns {
            self.end_turn(turns, point, token).await;
        }
    }

    /// Arms the point, and has the edge tell what the process dies of when it writes it. That is behind the answer, so the edge may have got
    /// it, or not.
    async fn kill_behind_the_answer(&mut self, point: Point, arrived: &str) {
        self.issuer.kill_at(point, 1);
        let answer = self.tell(&self.issuer.origin, arrived).await;
        assert!(answer.is_err() || answer.is_ok_and(|status| status == StatusCode::OK));
        self.replace_killed(point).await;
    }

    /// Expects that the process was killed there, and serves by another.
    async fn replace_killed(&mut self, point: Point) {
        let next = self.site.serve();
        until_ready(&self.http, &next.origin).await;
        std::mem::replace(&mut self.issuer, next).expect_killed_at(point);
    }

    async fn tell(&self, origin: &str, arrived: &str) -> Result<StatusCode, reqwest::Error> {
        let now = self.site.now();
        self.edge.tell(&self.http, origin, arrived, now).await
    }

    /// What is written behind an answer is there at some time.
    async fn until_confirmed(&self, sid: &str) {
        let confirmed = timeout(NEVER, async { while !self.found(sid).await.confirmed {} });
        let confirmed = confirmed.await;
        assert!(confirmed.is_ok(), "the arrival at {sid} is never written");
    }

    /// The turn of who died holds up nobody for longer than it lasts, and signs nobody out meanwhile.
    async fn end_turn(&self, turns: usize, point: Point, token: &str) {
        assert_eq!(turns, usize::from(leaves_turn(point)), "{point:?}");
        if leaves_turn(point) {
            let waits = refresh(&self.http, self.origin(), token).await.unwrap();
            waits.expect_problem(409, "REFRESH_IN_PROGRESS");
            self.site.let_turns_end().await;
        }
    }

    /// Where a client goes after its connection broke: to the process that lives on, or to the one that was started again.
    fn origin(&self) -> &str {
        &self.other.as_ref().unwrap_or(&self.issuer).origin
    }

    /// Refreshes and answers the successor.
    async fn go_on(&self, token: &str) -> String {
        let answer = refresh(&self.http, self.origin(), token).await.unwrap();
        answer.expect(200).refresh_token()
    }

    async fn found(&self, sid: &str) -> Found {
        let store = self.site.store().await;
        let family: Family = store
            .family(Sid::parse(sid).unwrap())
            .await
            .unwrap()
            .unwrap();
        let feed = store
            .revocations(0, UnixTime::from_seconds(0), usize::MAX)
            .await
            .unwrap();
        store.close().await;
        let log = self.site.audit().await;
        let of = |action: &str| -> Vec<&Value> {
            log.iter()
                .filter(|entry| entry["session"] == sid && entry["action"] == action)
                .collect()
        };
        let (rotations, elsewhere): (Vec<&Value>, Vec<&Value>) = of("session.refresh")
            .into_iter()
            .partition(|entry| entry["outcome"] == "done");
        Found {
            seq: family.seq,
            confirmed: family.confirmed,
            ended: family.revoked_at.is_some(),
            rotations: rotations
                .iter()
                .map(|entry| entry["details"]["seq"].as_str().unwrap().to_owned())
                .collect(),
            repeats: of("session.refresh-repeat").len(),
            reuses: of("session.refresh-reuse").len(),
            elsewhere: elsewhere.len(),
            ends: feed.iter().filter(|ended| ended.id == sid).count(),
        }
    }
}

/// The story of one point on one course.
async fn story(victim: &mut Victim, point: Point, course: Course) {
    let signed_in = sign_in(&victim.http, &victim.issuer.origin)
        .await
        .unwrap()
        .expect(200);
    let first = signed_in.refresh_token();
    let sid = sid(&first).to_owned();
    let kept = is_kept(point);
    let done = usize::from(kept);
    match course {
        Course::Rotation => {
            victim.kill(point, OURS, &first).await;
            assert_eq!(victim.found(&sid).await, refreshed(u64::from(kept)));
            victim.site.step_clock(PAST_THE_CONFLICT);
            let second = victim.go_on(&first).await;
            victim.go_on(&second).await;
            let expected = Found {
                repeats: done,
                ..refreshed(2)
            };
            assert_eq!(victim.found(&sid).await, expected);
        }
        Course::HandOut => {
            let second = victim.go_on(&first).await;
            victim.site.step_clock(PAST_THE_CONFLICT);
            victim.kill(point, OURS, &first).await;
            let expected = Found {
                repeats: done,
                ..refreshed(1)
            };
            assert_eq!(victim.found(&sid).await, expected);
            assert_eq!(victim.go_on(&first).await, second, "the same successor");
            victim.go_on(&second).await;
            let expected = Found {
                repeats: done + 1,
                ..refreshed(2)
            };
            assert_eq!(victim.found(&sid).await, expected);
        }
        Course::Reuse => {
            let second = victim.go_on(&first).await;
            let third = victim.go_on(&second).await;
            victim.kill(point, OURS, &first).await;
            let ended = |rotations| Found {
                ended: true,
                reuses: 1,
                ends: 1,
                ..refreshed(rotations)
            };
            let expected = if kept { ended(2) } else { refreshed(2) };
            assert_eq!(victim.found(&sid).await, expected);
            let (again, code) = if kept {
                (2, "INVALID_REFRESH_TOKEN")
            } else {
                victim.go_on(&third).await;
                (3, "REFRESH_REUSED")
            };
            for (token, code) in [(&first, code), (&third, "INVALID_REFRESH_TOKEN")] {
                let answer = refresh(&victim.http, victim.origin(), token).await.unwrap();
                answer.expect_problem(401, code);
            }
            assert_eq!(victim.found(&sid).await, ended(again));
        }
        Course::Elsewhere => {
            victim.kill(point, THEIRS, &first).await;
            let ended = |rotations| Found {
                ended: true,
                elsewhere: 1,
                ends: 1,
                ..refreshed(rotations)
            };
            let expected = if kept { ended(0) } else { refreshed(0) };
            assert_eq!(victim.found(&sid).await, expected);
            let (last, rotations) = if kept {
                (first, 0)
            } else {
                (victim.go_on(&first).await, 1)
            };
            let answer = refresh_as(&victim.http, THEIRS, victim.origin(), &last)
                .await
                .unwrap();
            answer.expect_problem(401, "INVALID_REFRESH_TOKEN");
            assert_eq!(victim.found(&sid).await, ended(rotations));
        }
        Course::Confirmation => {
            let answer = refresh(&victim.http, &victim.issuer.origin, &first)
                .await
                .unwrap()
                .expect(200);
            victim.kill(point, OURS, &answer.access_token()).await;
            let expected = Found {
                confirmed: kept,
                ..refreshed(1)
            };
            assert_eq!(victim.found(&sid).await, expected);
            let me = get(
                &victim.http,
                victim.origin(),
                "/auth/me",
                &answer.access_token(),
            )
            .await;
            me.unwrap().expect(200);
            let expected = Found {
                confirmed: true,
                ..refreshed(1)
            };
            assert_eq!(victim.found(&sid).await, expected);
            victim.go_on(&answer.refresh_token()).await;
        }
        Course::Arrival => {
            let second = victim.go_on(&first).await;
            let arrived = format!("{sid}.1;");
            victim.kill_behind_the_answer(point, &arrived).await;
            let found = |confirmed, repeats| Found {
                confirmed,
                repeats,
                ..refreshed(1)
            };
            assert_eq!(victim.found(&sid).await, found(kept, 0));
            // Lost or written, it signs nobody out who comes back within the grace.
            victim.site.step_clock(PAST_THE_CONFLICT);
            assert_eq!(victim.go_on(&first).await, second, "the same successor");
            assert_eq!(victim.found(&sid).await, found(kept, 1));
            // It is told again, and with it of another session, whose row shows when all of it was written.
            let other = sign_in(&victim.http, victim.origin()).await.unwrap();
            let other = other.expect(200).refresh_token();
            victim.go_on(&other).await;
            let other = client::sid(&other);
            let both = format!("{arrived}{other}.1;");
            let told = victim.tell(victim.origin(), &both).await;
            assert_eq!(told.unwrap(), StatusCode::OK);
            victim.until_confirmed(other).await;
            assert_eq!(victim.found(&sid).await, found(true, 1));
            // It counts from now on, and once.
            victim.site.step_clock(PAST_THE_GRACE);
            let late = refresh(&victim.http, victim.origin(), &first).await;
            late.unwrap().expect_problem(401, "REFRESH_REUSED");
            let expected = Found {
                ended: true,
                reuses: 1,
                ends: 1,
                ..found(true, 1)
            };
            assert_eq!(victim.found(&sid).await, expected);
        }
    }
}

async fn every_point(kind: Kind) {
    let mut victim = Victim::new(kind).await;
    let mut killed = 0;
    for &point in Point::ALL.iter().filter(|point| is_on(**point, kind)) {
        assert!(!courses(point).is_empty(), "{point:?} is on no course");
        for &course in courses(point) {
            if !is_tried(point, course, kind) {
                continue;
            }
            println!("{kind:?}: {course:?} is killed at {}", point.name());
            story(&mut victim, point, course).await;
            killed += 1;
        }
    }
    println!("{kind:?}: {killed} processes were killed");
}

#[tokio::test]
async fn at_every_point_on_sqlite() {
    every_point(Kind::Sqlite).await;
}

#[tokio::test]
async fn at_every_point_on_postgres() {
    every_point(Kind::Postgres).await;
}

#[tokio::test]
async fn at_every_point_on_postgres_and_redis() {
    every_point(Kind::PostgresAndRedis).await;
}
