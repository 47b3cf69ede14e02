//! The machine's clock is stepped under a process that serves. Refresh is ordered by number and never by time, so nobody is signed
//! out by it; what a verifier says of tokens from the future and from the past is what the page on refresh tells.

use reqwest::Client;
use serde_json::Value;

use crate::{
    client::{Answer, get, refresh, seq, sid, sign_in, until_ready},
    site::{Issuer, Kind, Site},
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Less than verifiers allow clocks to differ by.
const WITHIN_THE_LEEWAY: i64 = 30;

/// More than the idle life of a refresh token.
const PAST_THE_IDLE_END: i64 = 15 * DAY;

struct Desk {
    site: Site,
    issuer: Issuer,
    http: Client,
}

impl Desk {
    async fn refresh(&self, token: &str) -> Answer {
        refresh(&self.http, &self.issuer.origin, token)
            .await
            .unwrap()
    }

    async fn me(&self, access_token: &str) -> Answer {
        get(&self.http, &self.issuer.origin, "/auth/me", access_token)
            .await
            .unwrap()
    }

    /// Whatever the clock says, it is ready.
    async fn step(&self, seconds: i64) {
        self.site.step_clock(seconds);
        until_ready(&self.http, &self.issuer.origin).await;
    }
}

async fn the_clock_is_stepped(kind: Kind) {
    let site = Site::new(kind).await;
    let issuer = site.serve();
    let desk = Desk {
        site,
        issuer,
        http: Client::new(),
    };
    let sign_in = || async {
        sign_in(&desk.http, &desk.issuer.origin)
            .await
            .unwrap()
            .expect(200)
    };
    let idle = sign_in().await.refresh_token();
    let first = sign_in().await.refresh_token();
    let answer = desk.refresh(&first).await.expect(200);
    let (second, from_the_future) = (answer.refresh_token(), answer.access_token());

    desk.step(-HOUR).await;
    desk.me(&from_the_future)
        .await
        .expect_problem(401, "TOKEN_NOT_YET_VALID");
    let again = desk.refresh(&first).await.expect(200);
    assert_eq!(
        again.refresh_token(),
        second,
        "the answer was lost, and the parent is not made to wait"
    );
    desk.me(&again.access_token()).await.expect(200);
    let answer = desk.refresh(&second).await.expect(200);
    desk.refresh(&second)
        .await
        .expect_problem(409, "REFRESH_IN_PROGRESS");
    desk.step(-WITHIN_THE_LEEWAY).await;
    desk.me(&answer.access_token()).await.expect(200);
    let answer = desk.refresh(&answer.refresh_token()).await.expect(200);
    desk.me(&answer.access_token()).await.expect(200);

    desk.step(HOUR + WITHIN_THE_LEEWAY + DAY).await;
    desk.me(&answer.access_token())
        .await
        .expect_problem(401, "TOKEN_EXPIRED");
    let answer = desk.refresh(&answer.refresh_token()).await.expect(200);
    desk.me(&answer.access_token()).await.expect(200);

    // A session that a wrong clock takes for ended is none the worse when the clock is right again.
    desk.step(PAST_THE_IDLE_END).await;
    desk.refresh(&idle)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    desk.step(-PAST_THE_IDLE_END).await;
    desk.refresh(&idle).await.expect(200);

    let last = desk
        .refresh(&answer.refresh_token())
        .await
        .expect(200)
        .refresh_token();
    let log = desk.site.audit().await;
    let rotations: Vec<&Value> = log
        .iter()
        .filter(|entry| entry["session"] == sid(&last) && entry["action"] == "session.refresh")
        .collect();
    let numbers: Vec<i64> = rotations
        .iter()
        .map(|entry| entry["details"]["seq"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=seq(&last)).collect::<Vec<_>>());
    let times: Vec<&Value> = rotations.iter().map(|entry| &entry["at"]).collect();
    assert!(
        !times.is_sorted_by(|one, next| one.as_i64() <= next.as_i64()),
        "the clock was set back: {times:?}"
    );

    // What is written down under a clock that is behind by more than the idle life has ended when the clock is right again.
    let behind = sign_in().await.refresh_token();
    desk.step(-PAST_THE_IDLE_END).await;
    let behind = desk.refresh(&behind).await.expect(200).refresh_token();
    desk.step(PAST_THE_IDLE_END).await;
    desk.refresh(&behind)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");

    // An older token is known by its number, however old the clock believes the rotation to be.
    desk.step(-HOUR).await;
    desk.refresh(&second)
        .await
        .expect_problem(401, "REFRESH_REUSED");
    desk.refresh(&last)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
}

#[tokio::test]
async fn on_sqlite() {
    the_clock_is_stepped(Kind::Sqlite).await;
}

#[tokio::test]
async fn on_postgres() {
    the_clock_is_stepped(Kind::Postgres).await;
}
