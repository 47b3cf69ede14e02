//! The disk takes no writes for a while: nothing is half done, everybody is told to come back, and nobody restarts anything.

use std::{fs, os::unix::ffi::OsStrExt, process::Command};

use reqwest::{Client, StatusCode};

use crate::{
    client::{Answer, get, readiness, refresh, seq, sid, sign_in, until_ready},
    site::{Issuer, Kind, Site},
};

/// Sessions that are refreshed at once, so that SQLite would have them share a commit.
const CLIENTS: usize = 8;

/// Sets how long a file may become by this process, which is how its writes are refused by the kernel.
fn limit_files(issuer: &Issuer, bytes: &str) {
    let limit = Command::new("prlimit")
        .args([
            "--pid",
            &issuer.pid().to_string(),
            &format!("--fsize={bytes}:"),
        ])
        .status();
    assert!(limit.unwrap().success(), "{bytes}");
}

/// What its parts say now: a second later, as it answers for a second by what they said before.
async fn readiness_now(site: &Site, http: &Client, issuer: &Issuer) -> (StatusCode, String) {
    site.step_clock(1);
    readiness(http, &issuer.origin).await
}

/// What an answer must not tell: where the database is, and what it said.
#[track_caller]
fn check_refusal(site: &Site, answer: Answer) {
    let answer = answer.expect_problem(503, "BUSY");
    assert_eq!(answer.retry_after, Some(5));
    let told = answer.body.to_string().to_lowercase();
    let file = site.file();
    let names = ["disk", "sqlite", "i/o", "edgeward.db", "postgres", "53100"];
    for inside in names
        .into_iter()
        .chain(std::str::from_utf8(file.as_os_str().as_bytes()))
    {
        assert!(!told.contains(inside), "{inside}: {told}");
    }
}

/// The sessions of several clients, with the newest token of each.
struct Clients {
    http: Client,
    tokens: Vec<String>,
}

impl Clients {
    async fn sign_in(issuer: &Issuer) -> Self {
        let http = Client::new();
        let mut tokens = Vec::new();
        for _ in 0..CLIENTS {
            let answer = sign_in(&http, &issuer.origin).await.unwrap().expect(200);
            tokens.push(answer.refresh_token());
        }
        Self { http, tokens }
    }

    /// All at once, each with its token.
    async fn refresh(&self, issuer: &Issuer) -> Vec<Answer> {
        let asked = self.tokens.iter().map(|token| {
            let (http, origin, token) = (self.http.clone(), issuer.origin.clone(), token.clone());
            tokio::spawn(async move { refresh(&http, &origin, &token).await.unwrap() })
        });
        let mut answers = Vec::new();
        for asked in asked.collect::<Vec<_>>() {
            answers.push(asked.await.unwrap());
        }
        answers
    }

    async fn go_on(&mut self, issuer: &Issuer) {
        let answers = self.refresh(issuer).await;
        self.tokens = answers
            .into_iter()
            .map(|answer| answer.expect(200).refresh_token())
            .collect();
    }

    /// Each rotation that was answered stands in the log once, and no other.
    async fn check_log(&self, site: &Site) {
        let log = site.audit().await;
        for token in &self.tokens {
            let told: Vec<i64> = log
                .iter()
                .filter(|entry| {
                    entry["session"] == sid(token) && entry["action"] == "session.refresh"
                })
                .map(|entry| entry["details"]["seq"].as_str().unwrap().parse().unwrap())
                .collect();
            assert_eq!(told, (1..=seq(token)).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn sqlite_is_refused_by_the_file_system() {
    let site = Site::new(Kind::Sqlite).await;
    let issuer = site.serve_to_be_refused();
    let mut clients = Clients::sign_in(&issuer).await;
    clients.go_on(&issuer).await;
    let signed_in = sign_in(&clients.http, &issuer.origin)
        .await
        .unwrap()
        .expect(200);
    let first = signed_in.refresh_token();
    let refreshed = refresh(&clients.http, &issuer.origin, &first).await;
    let refreshed = refreshed.unwrap().expect(200).access_token();
    let me = async |access_token: &str| {
        let answer = get(&clients.http, &issuer.origin, "/auth/me", access_token).await;
        answer.unwrap()
    };
    let log = site.file().with_extension("db-wal");
    // Whoever reads what is in the log keeps it from being begun anew, in which case it would have room without growing.
    let mut reader = Some(site.reader().await);
    // The log cannot grow, as on a full disk; then no file takes anything, as on one that was made read-only.
    for limit in [
        fs::metadata(&log).unwrap().len().to_string(),
        "0".to_owned(),
    ] {
        limit_files(&issuer, &limit);
        for answer in clients.refresh(&issuer).await {
            check_refusal(&site, answer);
        }
        check_refusal(&site, sign_in(&clients.http, &issuer.origin).await.unwrap());
        let ready = readiness_now(&site, &clients.http, &issuer).await;
        assert_eq!(
            ready,
            (StatusCode::SERVICE_UNAVAILABLE, "failing".to_owned()),
            "{limit}"
        );
        let live = clients
            .http
            .get(format!("{}/healthz", issuer.origin))
            .send()
            .await
            .unwrap();
        assert_eq!(live.status(), StatusCode::OK);
        let _ = me(&signed_in.access_token()).await.expect(200);
        // It would have to write down that the refresh arrived.
        check_refusal(&site, me(&refreshed).await);

        limit_files(&issuer, "unlimited");
        drop(reader.take());
        until_ready(&clients.http, &issuer.origin).await;
        clients.check_log(&site).await;
    }
    let _ = me(&refreshed).await.expect(200);
    clients.go_on(&issuer).await;
    clients.go_on(&issuer).await;
    clients.check_log(&site).await;
}

/// A server whose disk is full says so by a code. Here a trigger says it: a disk of the server's own that could be filled would need
/// a mounted file system.
#[tokio::test]
async fn postgres_says_that_its_disk_is_full() {
    const FULL: &str = "
        CREATE FUNCTION say_full() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON audit_log EXECUTE FUNCTION say_full();
        CREATE TRIGGER full_disk BEFORE INSERT ON storage_sizes EXECUTE FUNCTION say_full();";
    const ROOM: &str =
        "DROP TRIGGER full_disk ON audit_log; DROP TRIGGER full_disk ON storage_sizes";
    let site = Site::new(Kind::Postgres).await;
    let issuer = site.serve();
    let mut clients = Clients::sign_in(&issuer).await;
    clients.go_on(&issuer).await;
    site.run(FULL).await;
    for answer in clients.refresh(&issuer).await {
        check_refusal(&site, answer);
    }
    check_refusal(&site, sign_in(&clients.http, &issuer.origin).await.unwrap());
    // From the first act on that found no room nobody is to be sent here, until there is some.
    let failing = (StatusCode::SERVICE_UNAVAILABLE, "failing".to_owned());
    for _ in 0..2 {
        assert_eq!(readiness_now(&site, &clients.http, &issuer).await, failing);
    }
    site.run(ROOM).await;
    until_ready(&clients.http, &issuer.origin).await;
    clients.check_log(&site).await;
    clients.go_on(&issuer).await;
    clients.go_on(&issuer).await;
    clients.check_log(&site).await;
}
