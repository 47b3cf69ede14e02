//! Refresh when an answer was lost: the same successor for who is entitled to it, and the end of the session for who is
//! not.

use edgeward_issuer::config::{Config, OnChange, OnReuse};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::desk::{
    Answer, Browser, Desk, EMAIL, PASSWORD,
    patience::{PAST_A_LONG_WAIT, wait_long},
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

const OTHER_BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36";

/// A caller without cookies.
struct Caller {
    desk: Desk,
    http: Browser,
    token: String,
}

impl Caller {
    async fn signed_in() -> Self {
        Self::signed_in_under(|_| {}).await
    }

    async fn signed_in_under(change: impl FnOnce(&mut Config)) -> Self {
        let (desk, mut http) = Desk::with_ada_and(change).await;
        let body = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
        let login = http.post("/auth/login").json(&body);
        let answer = login.send().await.expect(200);
        let token = text(&answer, "refreshToken");
        Self { desk, http, token }
    }

    async fn refresh(&mut self, token: &str) -> Answer {
        let body = json!({ "refreshToken": token });
        self.http.post("/auth/refresh").json(&body).send().await
    }

    /// A refresh whose answer never arrives; what it would have brought.
    async fn lose_an_answer(&mut self) -> Answer {
        let token = self.token.clone();
        self.refresh(&token).await.expect(200)
    }

    async fn me(&mut self, access_token: &str) -> Answer {
        let bearer = format!("Bearer {access_token}");
        let ask = self.http.get("/auth/me").header("authorization", &bearer);
        ask.send().await
    }

    async fn last_act(&self) -> String {
        self.desk.acts().await.pop().unwrap()
    }

    async fn seq(&self) -> i64 {
        self.desk.number("SELECT seq FROM families").await
    }
}

fn text(answer: &Answer, member: &str) -> String {
    answer.json()[member].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_lost_the_answer_gets_the_same_successor_days_later() {
    for seconds in [2, 20, 31, HOUR, 13 * DAY] {
        let mut caller = Caller::signed_in().await;
        let lost = caller.lose_an_answer().await;
        caller.desk.wait(seconds).await;
        let token = caller.token.clone();
        let again = caller.refresh(&token).await.expect(200);
        assert_eq!(text(&again, "refreshToken"), text(&lost, "refreshToken"));
        assert_ne!(text(&again, "accessToken"), text(&lost, "accessToken"));
        assert_eq!(caller.seq().await, 1, "the family does not move");
        assert_eq!(caller.last_act().await, "session.refresh-repeat done");
        let next = text(&again, "refreshToken");
        let _ = caller.refresh(&next).await.expect(200);
        assert_eq!(caller.seq().await, 2);
    }
}

#[tokio::test]
async fn a_browser_that_lost_the_answer_has_the_same_cookies_afterwards() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut lost = browser.clone();
    lost.refresh().await.expect(200);
    desk.wait(90).await;
    browser.refresh().await.expect(200);
    assert_eq!(browser.cookie("refresh"), lost.cookie("refresh"));
    browser.get("/auth/me").send().await.expect(200);
    browser.refresh().await.expect(200);
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let mut slow = browser.clone();
    slow.refresh().await.expect(200);
    desk.wait(2).await;
    // Another tab, which still had the old cookies, was quicker; then the slow answer overwrites its cookies.
    let mut quick = browser.clone();
    quick.refresh().await.expect(200);
    desk.wait(60).await;
    slow.refresh().await.expect(200);
}

#[tokio::test]
async fn of_twenty_that_lost_the_answer_all_get_the_same() {
    let mut caller = Caller::signed_in().await;
    let lost = caller.lose_an_answer().await;
    caller.desk.wait(HOUR).await;
    let mut running = JoinSet::new();
    for _ in 0..20 {
        let mut tab = caller.desk.browser();
        let body = json!({ "refreshToken": caller.token });
        running.spawn(async move { tab.post("/auth/refresh").json(&body).send().await });
    }
    while let Some(done) = running.join_next().await {
        let answer = done.unwrap().expect(200);
        assert_eq!(text(&answer, "refreshToken"), text(&lost, "refreshToken"));
    }
    assert_eq!(caller.seq().await, 1);
}

#[tokio::test]
async fn a_second_request_beside_a_late_repetition_is_no_theft() {
    let mut caller = Caller::signed_in().await;
    caller.lose_an_answer().await;
    caller.desk.wait(HOUR).await;
    let token = caller.token.clone();
    let again = caller.refresh(&token).await.expect(200);
    caller.me(&text(&again, "accessToken")).await.expect(200);
    // Sent before the answer to the first was there; the successor is in use since.
    caller.desk.wait(20).await;
    let beside = caller.refresh(&token).await.expect(200);
    assert_eq!(text(&beside, "refreshToken"), text(&again, "refreshToken"));
    caller.desk.wait(11).await;
    let late = caller.refresh(&token).await;
    late.expect_problem(401, "REFRESH_REUSED");
}

#[tokio::test]
async fn an_access_token_of_the_successor_ends_the_wait_for_its_parent() {
    let mut caller = Caller::signed_in().await;
    let answer = caller.lose_an_answer().await;
    let (token, access) = (caller.token.clone(), text(&answer, "accessToken"));
    caller.me(&access).await.expect(200);
    caller.desk.wait(20).await;
    let _ = caller.refresh(&token).await.expect(200);
    caller.desk.wait(11).await;
    let late = caller.refresh(&token).await;
    late.expect_problem(401, "REFRESH_REUSED");
    let act = caller.last_act().await;
    assert_eq!(act, "session.refresh-reuse refused parent-late");
    caller
        .me(&access)
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
}

#[tokio::test]
async fn an_access_token_of_before_confirms_nothing_and_still_holds() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let before = browser.clone();
    let mut lost = browser.clone();
    lost.refresh().await.expect(200);
    let unconfirmed = "SELECT count(*) FROM families WHERE confirmed = 0";
    browser.get("/auth/me").send().await.expect(200);
    assert_eq!(desk.number(unconfirmed).await, 1);
    desk.wait(HOUR / 60 * 20).await;
    browser.refresh().await.expect(200);
    // Of two credentials the session cookie answers, and yet the access cookie beside it is noticed.
    browser.get("/auth/me").send().await.expect(200);
    assert_eq!(desk.number(unconfirmed).await, 0);
    let mut late = before.clone();
    desk.wait(31).await;
    late.refresh().await.expect_problem(401, "REFRESH_REUSED");
}

#[tokio::test]
async fn a_stolen_token_is_noticed_whoever_uses_it_first() {
    // The thief first: what the victim shows then comes from another device.
    let (desk, mut victim) = Desk::with_ada_signed_in().await;
    let stolen = json!({ "refreshToken": victim.cookie("refresh") });
    let mut thief = desk.browser();
    let spoils = thief.post("/auth/refresh").json(&stolen).send().await;
    let spoils = text(&spoils.expect(200), "refreshToken");
    desk.wait(2).await;
    victim.refresh().await.expect_problem(401, "REFRESH_REUSED");
    let body = json!({ "refreshToken": spoils });
    let after = thief.post("/auth/refresh").json(&body).send().await;
    after.expect_problem(401, "INVALID_REFRESH_TOKEN");

    // The victim first: the thief gets nothing.
    let (desk, mut victim) = Desk::with_ada_signed_in().await;
    let stolen = json!({ "refreshToken": victim.cookie("refresh") });
    victim.refresh().await.expect(200);
    desk.wait(2).await;
    let mut thief = desk.browser();
    let refused = thief.post("/auth/refresh").json(&stolen).send().await;
    refused.expect_problem(401, "REFRESH_REUSED");
    let act = desk.acts().await.pop().unwrap();
    assert_eq!(act, "session.refresh-reuse refused parent-other-device");
}

#[tokio::test]
async fn a_device_is_its_cookie_and_no_address() {
    // (device cookie, another user agent, another address, is it the same device)
    for (cookie, user_agent, address, same) in [
        ("kept", false, false, true),
        ("kept", true, false, true),
        ("kept", false, true, true),
        ("lost", false, false, false),
        ("other", false, false, false),
    ] {
        let (desk, mut browser) = Desk::with_ada_signed_in().await;
        let mut lost = browser.clone();
        lost.refresh().await.expect(200);
        desk.wait(10).await;
        match cookie {
            "lost" => browser.forget("device"),
            "other" => browser.set_cookie("device", &"A".repeat(43)),
            _ => {}
        }
        if user_agent {
            browser.user_agent = OTHER_BROWSER;
        }
        let address = if address { "198.51.100.9" } else { "0.0.0.0" };
        let ask = browser.post("/auth/refresh").from(address).with_csrf();
        let answer = ask.send().await;
        if same {
            answer.expect(200);
        } else {
            answer.expect_problem(401, "REFRESH_REUSED");
        }
    }
}

#[tokio::test]
async fn a_caller_without_cookies_is_known_by_its_program() {
    let mut caller = Caller::signed_in().await;
    caller.lose_an_answer().await;
    caller.desk.wait(10).await;
    let token = caller.token.clone();
    let _ = caller.refresh(&token).await.expect(200);
    caller.http.user_agent = OTHER_BROWSER;
    let other = caller.refresh(&token).await;
    other.expect_problem(401, "REFRESH_REUSED");
}

#[tokio::test]
async fn the_device_cookie_is_long_lived_and_stays() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let answer = browser.log_in(EMAIL).await;
    let cookies = answer.set_cookies();
    let device = cookies
        .iter()
        .find(|cookie| cookie.starts_with("edgeward-device="))
        .unwrap();
    assert!(device.contains("Max-Age=34560000"), "{device}");
    assert!(device.contains("HttpOnly"), "{device}");
    let known = browser.cookie("device");
    browser.log_out().await;
    assert_eq!(browser.cookie("device"), known, "it is the browser's");
    browser.log_in(EMAIL).await;
    assert_eq!(browser.cookie("device"), known);
    browser.set_cookie("device", "planted");
    browser.log_in(EMAIL).await;
    assert_ne!(browser.cookie("device"), "planted");
}

#[tokio::test]
async fn strict_has_no_grace() {
    let mut caller = Caller::signed_in_under(|config| {
        config.refresh.strict = true;
        wait_long(config);
    })
    .await;
    caller.lose_an_answer().await;
    let token = caller.token.clone();
    let at_once = caller.refresh(&token).await;
    at_once.expect_problem(409, "REFRESH_IN_PROGRESS");
    caller.desk.wait(PAST_A_LONG_WAIT).await;
    let later = caller.refresh(&token).await;
    later.expect_problem(401, "REFRESH_REUSED");
}

#[tokio::test]
async fn reuse_ends_one_family_or_all_of_the_user() {
    for (scope, ended) in [(OnReuse::Family, 1), (OnReuse::User, 2)] {
        let mut caller = Caller::signed_in_under(|config| config.refresh.on_reuse = scope).await;
        let mut elsewhere = caller.desk.browser();
        elsewhere.log_in(EMAIL).await;
        let (first, second) = (caller.token.clone(), caller.lose_an_answer().await);
        let _ = caller
            .refresh(&text(&second, "refreshToken"))
            .await
            .expect(200);
        let reused = caller.refresh(&first).await;
        reused.expect_problem(401, "REFRESH_REUSED");
        let families = "SELECT count(*) FROM families WHERE revoked_at IS NOT NULL";
        assert_eq!(caller.desk.number(families).await, ended);
        let status = elsewhere.refresh().await.status;
        assert_eq!(status, if ended == 1 { 200 } else { 401 });
        let audit = caller.desk.audit().await;
        let entry = audit
            .iter()
            .find(|entry| entry["action"] == "session.refresh-reuse")
            .unwrap();
        let expected = json!({
            "presentedSeq": "0", "currentSeq": "2", "ended": scope.name(),
        });
        assert_eq!(entry["details"], expected);
    }
}

#[tokio::test]
async fn a_change_of_device_or_address_is_noted_or_ends_the_session() {
    let rows = [
        (OnChange::Note, OnChange::Note, 200, "session.refresh done"),
        (
            OnChange::Revoke,
            OnChange::Note,
            401,
            "session.refresh refused device-changed",
        ),
        (
            OnChange::Note,
            OnChange::Revoke,
            401,
            "session.refresh refused address-changed",
        ),
    ];
    for (on_device, on_address, status, act) in rows {
        let mut caller = Caller::signed_in_under(|config| {
            config.refresh.on_device_change = on_device;
            config.refresh.on_address_change = on_address;
        })
        .await;
        caller.http.user_agent = OTHER_BROWSER;
        let body = json!({ "refreshToken": caller.token });
        let ask = caller.http.post("/auth/refresh").json(&body);
        let answer = ask.from("198.51.100.9").send().await.expect(status);
        assert_eq!(caller.last_act().await, act);
        let entry = caller.desk.audit().await.pop().unwrap();
        if status == 200 {
            assert_eq!(entry["details"]["changed"], "device, address");
            // From here on this is the device.
            let next = text(&answer, "refreshToken");
            let _ = caller.refresh(&next).await.expect(200);
            let entry = caller.desk.audit().await.pop().unwrap();
            assert_eq!(entry["details"]["changed"], Value::from("address"));
        } else {
            let answer = caller.refresh(&caller.token.clone()).await;
            answer.expect_problem(401, "INVALID_REFRESH_TOKEN");
        }
    }
}

#[tokio::test]
async fn nothing_succeeds_after_the_session_was_ended() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let before = browser.clone();
    browser.refresh().await.expect(200);
    let after = browser.clone();
    browser.log_out().await;
    desk.wait(5).await;
    for mut tab in [before, after] {
        let answer = tab.refresh().await;
        answer.expect_problem(401, "INVALID_REFRESH_TOKEN");
    }
    let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'signed-out'";
    assert_eq!(desk.number(ended).await, 1, "the tombstone stays as it was");
}

#[tokio::test]
async fn a_session_of_before_the_seal_goes_on() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let spent = browser.clone();
    browser.refresh().await.expect(200);
    // As an earlier version left the row, and a browser that never got a device cookie.
    desk.run("UPDATE families SET sealed_next = NULL, device_cookie_digest = NULL, handed_out_at_ms = NULL")
        .await;
    browser.forget("device");
    desk.wait(600).await;
    let mut parent = browser.clone();
    browser.refresh().await.expect(200);
    desk.wait(600).await;
    parent.refresh().await.expect(200);
    assert_eq!(parent.cookie("refresh"), browser.cookie("refresh"));
    let mut older = spent;
    older.forget("device");
    older.refresh().await.expect_problem(401, "REFRESH_REUSED");
}
