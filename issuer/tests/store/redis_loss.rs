//! Redis is killed, started anew, hangs, or does not do its work, while issuers serve: nobody meets a failure, limits still
//! hold, of many refreshes one rotates, and it is used again without a restart.

use std::num::NonZeroU32;

use edgeward_issuer::{
    config::{self, Config},
    store::redis::{Usage, Use},
};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    desk::{Desk, EMAIL},
    program::{NEVER, served::Served},
    redis_server::{PATIENT, Server},
    site::{Site, log_in, refresh_at_once, told},
};

const LOST: &str = "Redis is lost";
const BACK: &str = "Redis is back";

async fn site_with(redis: &Server) -> Site {
    let mut site = Site::new().await;
    let url = redis.url().reveal().to_owned();
    let patient = PATIENT.as_millis().to_string();
    site.settings = vec![
        ("EDGEWARD__REDIS__URL", url),
        ("EDGEWARD__REDIS__TIMEOUT_MS", patient),
    ];
    assert_eq!(site.add_ada().code, Some(0));
    site
}

/// Each loss is told once and then its end, however many requests went without meanwhile.
fn told_once_each(issuer: &Served, losses: usize) {
    let told = told(issuer, &[LOST, BACK]);
    assert!(told.len() >= 2 * losses, "{told:?}");
    assert!(told.chunks(2).all(|pair| pair == [LOST, BACK]), "{told:?}");
}

async fn readiness(issuer: &Served) -> (u16, Value) {
    let answer = reqwest::get(format!("{}/readyz", issuer.origin)).await;
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Asks until Redis is in that state. The issuer is ready in either.
async fn until_redis_is(state: &str, issuers: &[Served]) {
    for issuer in issuers {
        let asked = timeout(NEVER, async {
            loop {
                let (status, body) = readiness(issuer).await;
                assert_ne!(body["checks"]["redis"], "failing", "{body}");
                if status != 200 {
                    // Its database was late, as it may be under load; if it stays so, the wait ends the test.
                    continue;
                }
                assert_eq!(body["status"], body["checks"]["redis"], "{body}");
                if body["status"] == state {
                    break;
                }
            }
        });
        asked.await.expect(state);
    }
}

#[tokio::test]
async fn of_fifty_refreshes_one_rotates_while_redis_dies_and_comes_back() {
    let redis = Server::of_its_own(&[]);
    let site = site_with(&redis).await;
    let issuers = [site.serve(), site.serve()];
    let client = Client::new();
    let mut token = log_in(&client, &issuers[0]).await;
    let mut rounds = 0;
    for _ in 0..2 {
        until_redis_is("ok", &issuers).await;
        for (command, state) in [("kill", "degraded"), ("start", "ok")] {
            for round in 0..10 {
                let meanwhile = || {
                    if round == 5 {
                        redis.control(command);
                    }
                };
                token = refresh_at_once(&client, &issuers, &token, meanwhile).await;
                rounds += 1;
            }
            until_redis_is(state, &issuers).await;
        }
    }
    until_redis_is("ok", &issuers).await;
    assert_eq!(site.rotations().await, (rounds, rounds));
    for issuer in &issuers {
        told_once_each(issuer, 2);
    }
}

/// Sends a wrong password under a name of its own; answers whether it was judged.
async fn guess(client: &Client, origin: &str, name: usize) -> bool {
    let email = format!("nobody{name}@example.test");
    let body = json!({ "email": email, "password": "Wrong-Horse-7", "tokenMode": "body" });
    let url = format!("{origin}/auth/login");
    let answer = client.post(url).json(&body).send().await.unwrap();
    match answer.status().as_u16() {
        401 => true,
        429 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn limits_hold_while_redis_dies_and_comes_back_empty() {
    let redis = Server::of_its_own(&[]);
    let mut site = site_with(&redis).await;
    site.settings.extend([
        ("EDGEWARD__LIMITS__LOOPBACK", "true".to_owned()),
        ("EDGEWARD__LIMITS__GUESSES_PER_MINUTE", "1".to_owned()),
        ("EDGEWARD__LIMITS__GUESSES_BURST", "6".to_owned()),
    ]);
    let issuers = [site.serve(), site.serve()];
    until_redis_is("ok", &issuers).await;
    let client = Client::new();
    let mut name = 0;
    let mut passed = async |issuer: &Served, tries: usize| {
        let mut passed = 0;
        for _ in 0..tries {
            name += 1;
            passed += usize::from(guess(&client, &issuer.origin, name).await);
        }
        passed
    };
    // Together they let six through, whoever is asked. A minute is far away, also on a machine under load.
    assert_eq!(passed(&issuers[0], 4).await, 4);
    assert_eq!(passed(&issuers[1], 5).await, 2);
    assert_eq!(passed(&issuers[0], 2).await, 0);
    // It dies in the midst of requests; each goes on from what it let through itself, and not from nothing.
    let mut running = JoinSet::new();
    for n in 0..16 {
        let (client, origin) = (client.clone(), issuers[n % 2].origin.clone());
        running.spawn(async move { (n % 2, guess(&client, &origin, 100 + n).await) });
    }
    tokio::task::yield_now().await;
    redis.kill();
    let mut alone = [0, 0];
    for (which, judged) in running.join_all().await {
        alone[which] += usize::from(judged);
    }
    for (which, issuer) in issuers.iter().enumerate() {
        alone[which] += passed(issuer, 8).await;
    }
    // In all, six each; one more if a minute has passed meanwhile.
    assert!((2..=3).contains(&alone[0]), "{alone:?}");
    assert!((4..=5).contains(&alone[1]), "{alone:?}");
    until_redis_is("degraded", &issuers).await;
    redis.start();
    until_redis_is("ok", &issuers).await;
    // It comes back empty, and still nobody begins anew.
    let again = [passed(&issuers[0], 4).await, passed(&issuers[1], 4).await];
    assert!(again[0] <= 1 && again[1] <= 1, "{again:?}");
    for issuer in &issuers {
        told_once_each(issuer, 1);
    }
}

/// Requests of this machine are counted, so that they ask Redis.
fn counted(config: &mut Config) {
    config.limits.loopback = true;
    config.limits.reads_burst = NonZeroU32::new(1000).unwrap();
}

async fn desk_with(redis: &Server) -> (Desk, crate::desk::Browser) {
    let site = config::Redis {
        timeout: PATIENT,
        ..redis.site()
    };
    Desk::with_ada_and(|config| {
        counted(config);
        config.redis = site;
    })
    .await
}

fn link(desk: &Desk) -> &edgeward_issuer::store::redis::Link {
    desk.app.redis.as_ref().unwrap()
}

async fn until_open(desk: &Desk) {
    until_link_is(true, desk).await;
}

async fn until_link_is(open: bool, desk: &Desk) {
    let turned = timeout(NEVER, async {
        while link(desk).is_open() != open {
            tokio::task::yield_now().await;
        }
    });
    turned.await.expect("the link opens and closes");
}

/// Asks until Redis answers again.
async fn until_answered(desk: &Desk, browser: &mut crate::desk::Browser) {
    let before = link(desk).usage().answers(Use::Limits);
    let asked = timeout(NEVER, async {
        while link(desk).usage().answers(Use::Limits) == before {
            until_open(desk).await;
            browser.get("/auth/me").send().await.expect(200);
        }
    });
    asked.await.expect("Redis is asked again");
}

#[tokio::test]
async fn a_redis_that_hangs_is_waited_for_once_and_then_left_alone() {
    let redis = Server::of_its_own(&[]);
    let (desk, mut browser) = desk_with(&redis).await;
    browser.log_in(EMAIL).await;
    browser.refresh().await.expect(200);
    until_answered(&desk, &mut browser).await;
    until_open(&desk).await;
    let usage = link(&desk).usage();
    let before =
        |number: fn(&Usage, Use) -> u64| [Use::Limits, Use::Mutex].map(|it| number(usage, it));
    let (errors, fallbacks) = (before(Usage::errors), before(Usage::fallbacks));
    redis.hang();
    for asked in 1..=20 {
        browser.get("/auth/me").send().await.expect(200);
        assert_eq!(usage.fallbacks(Use::Limits), fallbacks[0] + asked);
    }
    assert_eq!(
        usage.errors(Use::Limits),
        errors[0] + 1,
        "the first one waited"
    );
    browser.refresh().await.expect(200);
    assert_eq!(usage.fallbacks(Use::Mutex), fallbacks[1] + 1);
    assert_eq!(usage.errors(Use::Mutex), errors[1], "it did not even ask");
    assert!(!link(&desk).is_open());
    redis.go_on();
    until_answered(&desk, &mut browser).await;
}

#[tokio::test]
async fn many_requests_that_meet_a_redis_that_hangs_are_all_answered() {
    let redis = Server::of_its_own(&[]);
    let (desk, mut browser) = desk_with(&redis).await;
    browser.log_in(EMAIL).await;
    redis.hang();
    let mut running = JoinSet::new();
    for _ in 0..50 {
        let mut browser = browser.clone();
        running.spawn(async move { browser.get("/auth/me").send().await.status });
    }
    let answers = running.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert!(link(&desk).usage().fallbacks(Use::Limits) >= 50);
}

#[tokio::test]
async fn a_redis_that_takes_no_writes_is_as_good_as_none() {
    let redis = Server::of_its_own(&[]);
    let (desk, mut browser) = desk_with(&redis).await;
    browser.log_in(EMAIL).await;
    let mut raw = redis.raw().await;
    let mut set = async |name: &str, value: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        set.exec_async(&mut raw).await.unwrap();
    };
    set("maxmemory", "1").await;
    browser.refresh().await.expect(200);
    browser.get("/auth/me").send().await.expect(200);
    assert!(!link(&desk).is_open());
    assert!(link(&desk).usage().fallbacks(Use::Limits) > 1);
    set("maxmemory", "0").await;
    until_answered(&desk, &mut browser).await;
}

#[tokio::test]
async fn an_issuer_starts_without_its_redis_and_uses_it_when_it_comes() {
    let redis = Server::of_its_own(&[]);
    redis.kill();
    let (desk, mut browser) = desk_with(&redis).await;
    browser.log_in(EMAIL).await;
    let ready = desk.readiness().await.expect(200).json();
    assert_eq!(ready["status"], "degraded");
    assert_eq!(ready["checks"]["redis"], "degraded");
    assert_eq!(ready["checks"]["database"], "ok");
    redis.start();
    until_open(&desk).await;
    let ready = desk.readiness().await.expect(200).json();
    assert_eq!(
        (&ready["status"], &ready["checks"]["redis"]),
        (&json!("ok"), &json!("ok"))
    );
    let numbers = desk.app.metrics.redis();
    numbers.read(desk.app.redis.as_ref());
    let text = desk.app.metrics.text().unwrap();
    assert!(text.contains("edgeward_redis_up 1.0\n"), "{text}");
    assert!(
        !text.contains("edgeward_redis_fallbacks_total{use=\"limits\"} 0"),
        "{text}"
    );
}

#[tokio::test]
async fn what_was_told_while_nobody_listened_is_read_again() {
    let redis = Server::of_its_own(&[]);
    let (desk, _browser) = desk_with(&redis).await;
    let news = desk.app.store.news();
    let together = news.page_age();
    redis.kill();
    until_link_is(false, &desk).await;
    assert!(news.page_age() < together, "alone, a page is younger");
    let before = news.version();
    redis.start();
    until_open(&desk).await;
    assert!(
        news.version() > before,
        "what was built before counts no more"
    );
    assert_eq!(news.page_age(), together);
}
