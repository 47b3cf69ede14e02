//! Wrong passwords are counted, and lock.

use serde_json::json;

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD};

const WRONG: &str = "Wrong-Horse-7";
const STRANGER: &str = "nobody@example.test";

async fn try_with(browser: &mut Browser, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password, "tokenMode": "body" });
    browser.post("/auth/login").json(&body).send().await
}

/// So many wrong passwords, each answered with the attempts that are left.
async fn fail(browser: &mut Browser, email: &str, times: u64) {
    for left in (5 - times..5).rev() {
        let answer = try_with(browser, email, WRONG).await;
        let answer = answer.expect_problem(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.json()["attemptsLeft"], left, "{email}");
    }
}

async fn sign_out(browser: &mut Browser) {
    let logout = browser.post("/auth/logout").with_csrf();
    logout.send().await.expect(204);
}

fn without_type(answer: &Answer) -> (u16, String, String) {
    (
        answer.status,
        answer.body.clone(),
        answer.header("retry-after").to_owned(),
    )
}

#[tokio::test]
async fn five_failures_lock_a_name_whether_it_has_an_account_or_not() {
    let (desk, mut browser) = Desk::with_ada().await;
    let mut locked = Vec::new();
    for email in [EMAIL, STRANGER, "no address", ""] {
        let (began, before) = (desk.app.clock.now(), desk.app.hasher.counts().done);
        fail(&mut browser, email, 5).await;
        let compared = desk.app.hasher.counts().done - before;
        assert_eq!(compared, 5, "{email}: each costs a hash");
        let answer = try_with(&mut browser, email, PASSWORD).await;
        let answer = answer.expect_problem(423, "ACCOUNT_LOCKED");
        let seconds: i64 = answer.header("retry-after").parse().unwrap();
        let passed = desk.app.clock.now().seconds_since(began);
        assert!((1800 - passed..=1800).contains(&seconds), "{seconds}");
        let compared = desk.app.hasher.counts().done - before;
        assert_eq!(compared, 5, "{email}: a lock costs none");
        locked.push(answer.body);
    }
    locked.dedup();
    assert_eq!(locked.len(), 1, "{locked:?}");
    desk.wait(1800).await;
    try_with(&mut browser, EMAIL, PASSWORD).await.expect(200);
    let acts = desk.acts().await;
    let times = |line: &str| acts.iter().filter(|act| *act == line).count();
    assert_eq!(times("account.lock done"), 4);
    assert_eq!(times("session.sign-in refused wrong-password"), 5);
    assert_eq!(times("session.sign-in refused unknown-user"), 15);
}

#[tokio::test]
async fn a_success_gives_all_attempts_back() {
    let (desk, mut browser) = Desk::with_ada().await;
    for _ in 0..3 {
        fail(&mut browser, EMAIL, 4).await;
        try_with(&mut browser, EMAIL, PASSWORD).await.expect(200);
    }
    let rows = "SELECT count(*) FROM attempt_counters WHERE account IS NOT NULL";
    assert_eq!(desk.number(rows).await, 0);
}

#[tokio::test]
async fn guesses_at_once_are_as_many_as_guesses_one_by_one() {
    let (desk, browser) = Desk::with_ada().await;
    let before = desk.app.hasher.counts().done;
    let burst: Vec<_> = (0..50)
        .map(|n| {
            let mut browser = browser.clone();
            tokio::spawn(async move {
                let password = format!("{WRONG}{n}");
                try_with(&mut browser, EMAIL, &password).await.status
            })
        })
        .collect();
    let mut answers = Vec::new();
    for one in burst {
        answers.push(one.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers[..5], [401; 5]);
    assert_eq!(answers[5..], [423; 45]);
    assert_eq!(desk.app.hasher.counts().done - before, 5);
    let mut late = browser;
    try_with(&mut late, EMAIL, PASSWORD)
        .await
        .expect_problem(423, "ACCOUNT_LOCKED");
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
}

#[tokio::test]
async fn the_right_password_among_many_wrong_ones_does_not_come_in_after_the_lock() {
    let (desk, browser) = Desk::with_ada().await;
    let burst: Vec<_> = (0..50)
        .map(|n| {
            let mut browser = browser.clone();
            tokio::spawn(async move {
                let password = if n % 10 == 9 { PASSWORD } else { WRONG };
                try_with(&mut browser, EMAIL, password).await.status
            })
        })
        .collect();
    for one in burst {
        let status = one.await.unwrap();
        assert!(matches!(status, 200 | 401 | 423), "{status}");
    }
    // In the order of the log: never more than five failures in a row, and nobody comes in between a lock and its end.
    let (mut failures, mut locked) = (0, false);
    for act in desk.acts().await {
        match act.as_str() {
            "session.sign-in refused wrong-password" => failures += 1,
            "session.sign-in done" => {
                assert!(!locked, "signed in after the lock");
                failures = 0;
            }
            "account.lock done" => locked = true,
            _ => {}
        }
        assert!(failures <= 5);
    }
}

#[tokio::test]
async fn honest_sign_ins_at_once_wait_for_one_another() {
    let (desk, browser) = Desk::with_ada().await;
    let burst: Vec<_> = (0..12)
        .map(|_| {
            let mut browser = browser.clone();
            tokio::spawn(async move { try_with(&mut browser, EMAIL, PASSWORD).await.status })
        })
        .collect();
    for one in burst {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(
        desk.number("SELECT count(*) FROM attempt_counters").await,
        0
    );
}

#[tokio::test]
async fn a_lock_ends_no_session_unless_that_is_wanted() {
    for (revoke_sessions, me) in [(false, 200), (true, 401)] {
        let desk = Desk::open_with(|config| config.lockout.revoke_sessions = revoke_sessions).await;
        desk.add(EMAIL, &[]).await;
        let mut browser = desk.browser();
        browser.log_in(EMAIL).await;
        fail(&mut desk.browser(), EMAIL, 5).await;
        browser.get("/auth/me").send().await.expect(me);
        browser.refresh().await.expect(me);
        let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'locked'";
        assert_eq!(desk.number(ended).await, i64::from(revoke_sessions));
    }
}

#[tokio::test]
async fn a_locked_account_signs_in_from_a_browser_that_it_knows() {
    let (desk, mut known) = Desk::with_ada_signed_in().await;
    desk.add("grace@example.test", &[]).await;
    let mut of_another = desk.browser();
    of_another.log_in("grace@example.test").await;
    sign_out(&mut known).await;
    sign_out(&mut of_another).await;
    let mut unknown = desk.browser();
    fail(&mut unknown, EMAIL, 5).await;

    let mut forger = desk.browser();
    forger.set_cookie("device", &"A".repeat(43));
    for browser in [&mut unknown, &mut of_another, &mut forger] {
        try_with(browser, EMAIL, PASSWORD)
            .await
            .expect_problem(423, "ACCOUNT_LOCKED");
    }
    known.log_in(EMAIL).await;
    sign_out(&mut known).await;
    // Its success ends nobody else's lock, and its own failures lock it.
    try_with(&mut unknown, EMAIL, PASSWORD)
        .await
        .expect_problem(423, "ACCOUNT_LOCKED");
    fail(&mut known, EMAIL, 5).await;
    try_with(&mut known, EMAIL, PASSWORD)
        .await
        .expect_problem(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn many_names_from_one_range_lock_the_range() {
    let desk = Desk::open_with(|config| {
        config.lockout.address_failures = 8;
        config.limits.enabled = false;
    })
    .await;
    desk.add(EMAIL, &[]).await;
    let mut browser = desk.browser();
    browser.address = Some("192.0.2.7".parse().unwrap());
    let began = desk.app.clock.now();
    for n in 0..8 {
        let name = format!("user{n}@example.test");
        try_with(&mut browser, &name, WRONG).await.expect(401);
    }
    browser.address = Some("192.0.2.99".parse().unwrap());
    let answer = try_with(&mut browser, EMAIL, PASSWORD).await;
    let answer = answer.expect_problem(429, "RATE_LIMITED");
    let seconds: i64 = answer.header("retry-after").parse().unwrap();
    let passed = desk.app.clock.now().seconds_since(began);
    assert!((1800 - passed..=1800).contains(&seconds), "{seconds}");
    try_with(&mut desk.browser(), EMAIL, PASSWORD)
        .await
        .expect(200);
    desk.wait(1800).await;
    try_with(&mut browser, EMAIL, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn counting_can_be_switched_off() {
    let desk = Desk::open_with(|config| config.lockout.enabled = false).await;
    desk.add(EMAIL, &[]).await;
    let mut browser = desk.browser();
    for _ in 0..7 {
        let answer = try_with(&mut browser, EMAIL, WRONG).await;
        let answer = answer.expect_problem(401, "INVALID_CREDENTIALS");
        assert!(answer.json().get("attemptsLeft").is_none());
    }
    try_with(&mut browser, EMAIL, PASSWORD).await.expect(200);
    assert_eq!(
        desk.number("SELECT count(*) FROM attempt_counters").await,
        0
    );
}

#[tokio::test]
async fn the_table_holds_nobodys_address_and_shrinks_again() {
    let (desk, mut browser) = Desk::with_ada().await;
    for n in 0..12 {
        try_with(&mut browser, &format!("user{n}@example.test"), WRONG)
            .await
            .expect(401);
    }
    let rows = "SELECT count(*) FROM attempt_counters";
    assert_eq!(desk.number(rows).await, 12);
    let texts =
        "SELECT count(*) FROM attempt_counters WHERE typeof(key) <> 'blob' OR length(key) <> 32";
    assert_eq!(desk.number(texts).await, 0);
    desk.wait(1801).await;
    for n in 0..4 {
        try_with(&mut browser, &format!("other{n}@example.test"), WRONG)
            .await
            .expect(401);
    }
    assert_eq!(desk.number(rows).await, 4, "ended rows go");
}

#[tokio::test]
async fn a_failed_attempt_that_cannot_be_written_down_lets_nobody_in() {
    let (desk, mut browser) = Desk::with_ada().await;
    desk.run("CREATE TRIGGER broken BEFORE UPDATE ON attempt_counters BEGIN SELECT RAISE(ABORT, 'no space'); END")
        .await;
    try_with(&mut browser, EMAIL, WRONG)
        .await
        .expect_problem(500, "INTERNAL");
    // The claim holds until it is dropped.
    assert_eq!(desk.number("SELECT claims FROM attempt_counters").await, 1);
}

#[tokio::test]
async fn the_form_says_what_happened() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let mut pages = Vec::new();
    for _ in 0..6 {
        let form = [("email", EMAIL), ("password", WRONG)];
        let answer = browser
            .post("/auth/login")
            .form(&form)
            .with_csrf()
            .send()
            .await;
        pages.push(without_type(&answer));
    }
    let said = |page: &(u16, String, String), text: &str| {
        assert!(page.1.contains(text), "{text}: {}", page.1);
    };
    assert_eq!(pages[0].0, 401);
    said(&pages[0], "The e-mail address or the password is wrong.");
    assert!(!pages[0].1.contains("attempts"), "{}", pages[0].1);
    said(&pages[2], "2 attempts are left");
    said(&pages[3], "1 attempt is left");
    said(&pages[4], "locked for a while");
    assert_eq!((pages[5].0, pages[5].2.is_empty()), (423, false));
    said(&pages[5], "Try again in 30 minutes");
    said(&pages[5], EMAIL);
}
