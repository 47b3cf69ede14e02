//! Clients that refresh without a pause while their issuer or its database is killed under them.
//!
//! Each is alone with its session and does what an app does: it repeats its token until it is answered. So none may ever be
//! signed out, and the audit log must tell of each family's rotations exactly once.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use edgeward_issuer::faults::Point;
use reqwest::{Client, StatusCode};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    client::{refresh, seq, sid, sign_in, until_readiness_is, until_ready},
    courses::{Course, courses, is_on},
    postgres::Server,
    site::{CONFLICT_SECONDS, Issuer, Kind, PAST_THE_CONFLICT, Site},
};

/// Several of them fit into one commit of SQLite's, so that a batch is killed between its acts.
const CLIENTS: usize = 8;

/// How many rotations are let through between two blows: each client has had several.
const BETWEEN_BLOWS: u64 = 5 * CLIENTS as u64;

/// A point that so many rotations did not come by is on no rotation.
const ENOUGH_FOR_A_BLOW: u64 = 10 * BETWEEN_BLOWS;

/// The clients, and what they share.
struct Crowd {
    site: Arc<Site>,
    /// Where the issuers are at present.
    origins: watch::Sender<Vec<String>>,
    rotations: Arc<watch::Sender<u64>>,
    stop: Arc<AtomicBool>,
    running: JoinSet<Lone>,
}

/// A client that is alone with its session.
struct Lone {
    number: usize,
    http: Client,
    site: Arc<Site>,
    origins: watch::Receiver<Vec<String>>,
    rotations: Arc<watch::Sender<u64>>,
    stop: Arc<AtomicBool>,
    token: String,
    /// What it was told in vain: 409 and 503.
    waited: u64,
}

impl Lone {
    async fn go_on(mut self) -> Self {
        while !self.stop.load(Ordering::SeqCst) {
            self.step().await;
        }
        self
    }

    /// Sends its token once, to one issuer after the other.
    async fn step(&mut self) {
        let tried = self.waited + *self.rotations.borrow();
        let origins = self.origins.borrow_and_update().clone();
        let which = self.number + usize::try_from(tried).unwrap();
        let Ok(answer) = refresh(&self.http, &origins[which % origins.len()], &self.token).await
        else {
            // The process is gone. Whether the token was used is not known, so it is sent again.
            self.waited += 1;
            if origins.len() == 1 {
                let _ = self.origins.wait_for(|now| *now != origins).await;
            }
            return;
        };
        match answer.status.as_u16() {
            200 => {
                let next = answer.refresh_token();
                assert_eq!(seq(&next), seq(&self.token) + 1);
                self.token = next;
                self.rotations.send_modify(|rotations| *rotations += 1);
            }
            409 => {
                let answer = answer.expect_problem(409, "REFRESH_IN_PROGRESS");
                assert_eq!(answer.retry_after, Some(CONFLICT_SECONDS.unsigned_abs()));
                self.waited += 1;
                self.site.step_clock(PAST_THE_CONFLICT);
            }
            503 => {
                let answer = answer.expect_problem(503, "BUSY");
                assert_eq!(answer.retry_after, Some(5));
                self.waited += 1;
            }
            _ => panic!("an honest client was told {answer:?}"),
        }
    }
}

impl Crowd {
    /// Signs the clients in and lets them go.
    async fn start(site: Arc<Site>, issuers: Vec<String>) -> Self {
        let (origins, _) = watch::channel(issuers.clone());
        let mut crowd = Self {
            site,
            origins,
            rotations: Arc::new(watch::channel(0).0),
            stop: Arc::default(),
            running: JoinSet::new(),
        };
        for number in 0..CLIENTS {
            let http = Client::new();
            let signed_in = sign_in(&http, &issuers[0]).await.unwrap().expect(200);
            let lone = Lone {
                number,
                http,
                site: Arc::clone(&crowd.site),
                origins: crowd.origins.subscribe(),
                rotations: Arc::clone(&crowd.rotations),
                stop: Arc::clone(&crowd.stop),
                token: signed_in.refresh_token(),
                waited: 0,
            };
            crowd.running.spawn(lone.go_on());
        }
        crowd
    }

    /// Waits until so many more tokens were exchanged. A client that fails meanwhile fails the test.
    async fn watch(&mut self, rotations: u64) {
        let mut told = self.rotations.subscribe();
        let enough = *told.borrow() + rotations;
        tokio::select! {
            done = told.wait_for(|done| *done >= enough) => drop(done.unwrap()),
            ended = self.running.join_next() => {
                panic!("a client gave up: {:?}", ended.map(|lone| lone.map(|lone| lone.number)));
            }
        }
    }

    /// Lets each client be answered a last time, and compares what they know with what the database tells.
    async fn settle(self) {
        self.stop.store(true, Ordering::SeqCst);
        let mut tokens = Vec::new();
        let mut waited = 0;
        for mut lone in self.running.join_all().await {
            let last = lone.token.clone();
            while lone.token == last {
                lone.step().await;
            }
            waited += lone.waited;
            tokens.push(lone.token);
        }
        let log = self.site.audit().await;
        let mut rotations = 0;
        for token in &tokens {
            let told: Vec<i64> = log
                .iter()
                .filter(|entry| {
                    entry["session"] == sid(token) && entry["action"] == "session.refresh"
                })
                .map(|entry| entry["details"]["seq"].as_str().unwrap().parse().unwrap())
                .collect();
            // The last answer told the number, so no rotation after it was made for nobody.
            let expected: Vec<i64> = (1..=seq(token)).collect();
            assert_eq!(
                told, expected,
                "each rotation stands in the log once, and in order"
            );
            rotations += expected.len();
        }
        assert_eq!(
            self.site
                .numbers("SELECT count(*) FROM families WHERE revoked_at IS NOT NULL")
                .await,
            [0]
        );
        assert_eq!(
            self.site.numbers("SELECT count(*) FROM families").await,
            [i64::try_from(CLIENTS).unwrap()]
        );
        println!("{rotations} rotations of {CLIENTS} clients, {waited} times told in vain");
    }
}

/// Ends a process that should have ended itself, so that nobody waits for it.
fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

/// One process, or one of two, is killed at each point of a rotation; at which client's turn changes from point to point.
async fn killed_under_load(kind: Kind) {
    let site = Arc::new(Site::new(kind).await);
    let mut issuer = site.serve();
    let other = (kind == Kind::Postgres).then(|| site.serve());
    let origins = |issuer: &Issuer| -> Vec<String> {
        let all = std::iter::once(issuer).chain(&other);
        all.map(|issuer| issuer.origin.clone()).collect()
    };
    let mut crowd = Crowd::start(Arc::clone(&site), origins(&issuer)).await;
    let on_the_way =
        |point: &&Point| courses(**point).contains(&Course::Rotation) && is_on(**point, kind);
    for (pass, &point) in (1..).zip(Point::ALL.iter().filter(on_the_way)) {
        crowd.watch(BETWEEN_BLOWS).await;
        issuer.kill_at(point, pass);
        let pid = issuer.pid();
        let mut killed = tokio::task::spawn_blocking(move || issuer.expect_killed_at(point));
        tokio::select! {
            killed = &mut killed => killed.unwrap(),
            () = crowd.watch(ENOUGH_FOR_A_BLOW) => {
                kill(pid);
                panic!("{point:?} was never reached");
            }
        }
        issuer = site.serve();
        crowd.origins.send_replace(origins(&issuer));
    }
    crowd.watch(BETWEEN_BLOWS).await;
    crowd.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_on_sqlite_is_killed_under_load() {
    killed_under_load(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_issuers_on_postgres_is_killed_under_load() {
    killed_under_load(Kind::Postgres).await;
}

/// The server is stopped in order, and ended as a crash would end it, and comes back; nobody restarts an issuer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_restarted_under_load() {
    let server = Server::of_its_own();
    let site = Arc::new(Site::on(server).await);
    let issuers = [site.serve(), site.serve()];
    let origins = issuers.iter().map(|issuer| issuer.origin.clone()).collect();
    let mut crowd = Crowd::start(Arc::clone(&site), origins).await;
    let http = Client::new();
    for mode in ["fast", "immediate", "fast", "immediate"] {
        crowd.watch(BETWEEN_BLOWS).await;
        let control =
            move |what| tokio::task::spawn_blocking(move || server.control_by(mode, what));
        control("stop").await.unwrap();
        for issuer in &issuers {
            let unavailable = StatusCode::SERVICE_UNAVAILABLE;
            until_readiness_is(unavailable, "failing", &http, &issuer.origin).await;
        }
        control("start").await.unwrap();
        for issuer in &issuers {
            until_ready(&http, &issuer.origin).await;
        }
    }
    crowd.watch(BETWEEN_BLOWS).await;
    crowd.settle().await;
}
