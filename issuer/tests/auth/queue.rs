//! A storm of passwords: who finds no place to wait is told when to come back.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::mpsc,
    task::Poll,
};

use edgeward_issuer::domain::{
    password::{HashError, Password, PasswordHasher},
    storage::PasswordHash,
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::desk::{Desk, EMAIL, PASSWORD};

type Hashing<'a> = Pin<Box<dyn Future<Output = Result<PasswordHash, HashError>> + 'a>>;

/// Asks for hashes until there is no place to wait.
async fn fill<'a>(hasher: &'a PasswordHasher, waiting: &mut Vec<Hashing<'a>>) {
    loop {
        let mut one: Hashing<'_> = Box::pin(hasher.hash(Password::from_typed("x")));
        let polled = poll_fn(|context| Poll::Ready(one.as_mut().poll(context))).await;
        match polled {
            Poll::Pending => waiting.push(one),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(HashError::Overloaded)) => return,
            Poll::Ready(Err(other)) => panic!("{other}"),
        }
    }
}

/// Takes every place to wait. Who waits and is not polled goes on waiting. Those who were at work at first have left when the
/// only thread that hashes has come to what was given to it after them, and their places are then promised to somebody who is
/// not polled. So nothing moves until all of these are dropped.
async fn full(desk: &Desk) -> Vec<Hashing<'_>> {
    let mut waiting = Vec::new();
    fill(&desk.app.hasher, &mut waiting).await;
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    fill(&desk.app.hasher, &mut waiting).await;
    assert_eq!(desk.app.hasher.counts().running, 0);
    waiting
}

/// One thread for all stories, and one that hashes.
fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1);
    runtime.build().unwrap()
}

#[test]
fn who_finds_the_queue_full_is_told_when_to_come_back_and_has_lost_no_attempt() {
    let runtime = runtime();
    runtime.block_on(a_storm());
}

#[test]
fn so_many_wait_for_each_core_as_the_settings_say() {
    let runtime = runtime();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for per_core in [1, 3] {
        runtime.block_on(async {
            let desk = Desk::open_with(|config| config.passwords.queue_per_core = per_core).await;
            // The only thread that hashes is busy, so nobody leaves meanwhile.
            let (let_go, held) = mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || held.recv().is_err());
            let mut waiting = Vec::new();
            fill(&desk.app.hasher, &mut waiting).await;
            drop(let_go);
            assert!(busy.await.unwrap());
            assert_eq!(
                waiting.len(),
                cores + cores * per_core,
                "with those at work"
            );
        });
    }
}

async fn a_storm() {
    let (desk, _) = Desk::with_ada().await;
    let mut signed_in = desk.browser();
    signed_in.log_in(EMAIL).await;
    let csrf = signed_in.csrf_token().await;
    let users = desk.number("SELECT count(*) FROM users").await;
    let waiting = full(&desk).await;
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let unknown = json!({ "email": "nobody@example.test", "password": PASSWORD });
    let new = json!({ "email": "grace@example.test", "password": PASSWORD,
        "firstName": "Grace", "lastName": "Hopper" });
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "Another-mule-8-engine" });
    let step_up = json!({ "password": PASSWORD });
    for (path, body) in [
        ("/auth/login", &right),
        ("/auth/login", &unknown),
        ("/auth/register", &new),
        ("/auth/password", &change),
        ("/auth/step-up", &step_up),
    ] {
        let mut browser = match path {
            "/auth/password" | "/auth/step-up" => signed_in.clone(),
            _ => desk.browser(),
        };
        let ask = browser.post(path).json(body).header("x-csrf-token", &csrf);
        let answer = ask.send().await.expect_problem(503, "BUSY");
        assert_eq!(answer.header("retry-after"), "1", "{path}");
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
    let form = [("email", EMAIL), ("password", PASSWORD)];
    let mut person = desk.browser();
    let page = person.post("/auth/login").form(&form).with_csrf();
    let page = page.send().await.expect(503);
    assert_eq!(page.header("retry-after"), "1");
    assert!(page.header("content-type").starts_with("text/html"));
    let counted = desk.app.metrics.text().unwrap();
    let overloaded = "logins_total{result=\"failed\",reason=\"overloaded\"} 3";
    assert!(counted.contains(overloaded), "{counted}");

    drop(waiting);
    assert_eq!(desk.number("SELECT count(*) FROM users").await, users);
    let wrong = json!({ "email": EMAIL, "password": "Wrong-Horse-7" });
    let answer = desk.browser().post("/auth/login").json(&wrong).send().await;
    let answer = answer.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(
        answer.json()["attemptsLeft"],
        4,
        "nobody's attempt was counted"
    );
    desk.browser().log_in(EMAIL).await;
}
