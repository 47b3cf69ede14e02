//! Signing out, the list of sessions, ending them, and when they end by themselves.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::desk::{Browser, Desk, EMAIL, PASSWORD};

async fn list(browser: &mut Browser) -> Vec<Value> {
    let answer = browser.get("/auth/sessions").send().await.expect(200);
    answer.json()["sessions"].as_array().unwrap().clone()
}

fn id_of(sessions: &[Value], current: bool) -> String {
    let found = sessions
        .iter()
        .find(|session| session["current"] == current)
        .unwrap();
    found["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_list_shows_where_somebody_is_signed_in() {
    let (desk, mut laptop) = Desk::with_ada_signed_in().await;
    desk.wait(3600).await;
    let mut phone = desk.browser();
    phone.user_agent = "Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36";
    phone.log_in(EMAIL).await;
    desk.add("grace@example.test", &[]).await;
    desk.browser().log_in("grace@example.test").await;

    let sessions = list(&mut phone).await;
    let devices: Vec<&Value> = sessions.iter().map(|session| &session["device"]).collect();
    assert_eq!(
        devices,
        ["Chrome on Android", "Firefox on Linux"],
        "the newest first, nobody else's"
    );
    assert_eq!(sessions[0]["current"], true);
    assert_eq!(sessions[1]["current"], false);
    assert_eq!(
        sessions[0]["address"], "0.0.0.0/24",
        "the range, not the address"
    );
    for name in ["createdAt", "lastSeenAt", "expiresAt"] {
        let moment = sessions[0][name].as_str().unwrap();
        assert!(moment.ends_with('Z') && moment.contains('T'), "{moment}");
    }
    // The laptop's session cookie has idled away; its refresh token has not.
    laptop
        .get("/auth/sessions")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    laptop.refresh().await.expect(200);
}

/// How long ago somebody's other session was active, by the list that this browser gets.
async fn rests_for(desk: &Desk, browser: &mut Browser) -> i64 {
    let sessions = list(browser).await;
    let mut sessions = sessions.iter();
    let other = sessions.find(|session| session["current"] == false);
    let told = other.unwrap()["lastSeenAt"].as_str().unwrap();
    let told = OffsetDateTime::parse(told, &Rfc3339).unwrap();
    desk.app.clock.now().seconds() - told.unix_timestamp()
}

#[tokio::test]
async fn a_page_and_a_refresh_move_the_last_activity_of_their_session_alone() {
    enum Act {
        None,
        Page,
        Refresh,
        App,
    }
    const PAUSE: i64 = 300;
    let (desk, mut laptop) = Desk::with_ada_signed_in().await;
    let mut phone = desk.browser();
    phone.log_in(EMAIL).await;
    // What the laptop does after a pause, and how many pauses ago the phone then hears that it was active. The phone is active each
    // time, by asking.
    for (act, pauses) in [
        (Act::None, 1),
        (Act::Refresh, 0),
        (Act::Page, 0),
        (Act::None, 1),
        (Act::None, 2),
        (Act::Refresh, 0),
        // An access token is all that an app sees, and tells nothing here.
        (Act::App, 1),
        (Act::Page, 0),
    ] {
        desk.wait(PAUSE).await;
        match act {
            Act::None => {}
            Act::Page => drop(laptop.get("/account").send().await.expect(200)),
            Act::Refresh => drop(laptop.refresh().await.expect(200)),
            Act::App => {
                let mut app = desk.browser();
                let token = format!("Bearer {}", laptop.cookie("access"));
                let ask = app.get("/auth/me").header("authorization", &token);
                ask.send().await.expect(200);
            }
        }
        // Whole pauses: a machine that is slow takes no part in the count.
        assert_eq!(rests_for(&desk, &mut phone).await / PAUSE, pauses);
    }
}

#[tokio::test]
async fn a_page_learns_how_long_its_access_token_still_counts() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let rest = async |browser: &mut Browser| {
        let me = browser.get("/auth/me").send().await.expect(200);
        me.json()["expiresIn"].as_i64().expect("whole seconds")
    };
    assert!((1..=600).contains(&rest(&mut browser).await));
    desk.wait(60).await;
    assert!((1..=540).contains(&rest(&mut browser).await));
    desk.wait(600).await;
    assert_eq!(rest(&mut browser).await, 0);
    browser.refresh().await.expect(200);
    assert!((1..=600).contains(&rest(&mut browser).await));
}

#[tokio::test]
async fn one_session_ends_and_the_other_lives() {
    let (desk, mut laptop) = Desk::with_ada_signed_in().await;
    let mut phone = desk.browser();
    phone.log_in(EMAIL).await;
    let other = id_of(&list(&mut laptop).await, false);
    let path = format!("/auth/sessions/{other}");
    let answer = laptop.delete(&path).with_csrf().send().await.expect(204);
    assert!(answer.set_cookies().is_empty());
    phone
        .get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    phone
        .refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    laptop.refresh().await.expect(200);
    laptop
        .delete(&path)
        .with_csrf()
        .send()
        .await
        .expect_problem(404, "NOT_FOUND");
    assert_eq!(
        desk.acts()
            .await
            .iter()
            .filter(|act| *act == "session.revoke done")
            .count(),
        1
    );
}

/// Whoever copied a session could else have every browser of its owner forgotten, and then lock the account for all of them.
#[tokio::test]
async fn a_device_is_forgotten_when_its_session_is_ended_by_who_lately_proved_the_password() {
    for (proves, ended, status) in [
        (
            false,
            "SELECT count(*) FROM families WHERE revoked_reason = 'signed-out'",
            200,
        ),
        (
            true,
            "SELECT count(*) FROM families WHERE revoked_reason = 'revoked'",
            423,
        ),
    ] {
        let (desk, mut laptop) = Desk::with_ada_signed_in().await;
        let mut phone = desk.browser();
        phone.log_in(EMAIL).await;
        desk.wait(5 * 60 + 1).await;
        laptop.refresh().await.expect(200);
        if proves {
            let body = json!({ "password": PASSWORD });
            let proof = laptop.post("/auth/step-up").json(&body).with_csrf();
            proof.send().await.expect(200);
        }
        let other = id_of(&list(&mut laptop).await, false);
        let end = laptop.delete(&format!("/auth/sessions/{other}"));
        end.with_csrf().send().await.expect(204);
        assert_eq!(desk.number(ended).await, 1, "{ended}");

        let mut stranger = desk.browser();
        for _ in 0..5 {
            let body = json!({ "email": EMAIL, "password": "Wrong-Horse-7" });
            let guess = stranger.post("/auth/login").json(&body).with_csrf();
            guess.send().await.expect(401);
        }
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let sign_in = phone.post("/auth/login").json(&body).with_csrf();
        sign_in.send().await.expect(status);
    }
}

#[tokio::test]
async fn ending_the_own_session_is_signing_out() {
    let (_desk, mut browser) = Desk::with_ada_signed_in().await;
    let own = id_of(&list(&mut browser).await, true);
    let answer = browser
        .delete(&format!("/auth/sessions/{own}"))
        .with_csrf()
        .send()
        .await
        .expect(204);
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(browser.is_signed_out());
}

#[tokio::test]
async fn nobody_ends_another_persons_session() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    desk.add("grace@example.test", &["admin"]).await;
    let mut grace = desk.browser();
    grace.log_in("grace@example.test").await;
    let adas = id_of(&list(&mut ada).await, true);
    for id in [
        adas.as_str(),
        &adas.to_uppercase(),
        "00000000-0000-7000-8000-000000000000",
        "x",
        "%00",
        "'--",
    ] {
        let answer = grace
            .delete(&format!("/auth/sessions/{id}"))
            .with_csrf()
            .send()
            .await;
        answer.expect_problem(404, "NOT_FOUND");
    }
    ada.get("/auth/me").send().await.expect(200);
}

#[tokio::test]
async fn all_sessions_end_or_all_others() {
    let (desk, mut laptop) = Desk::with_ada_signed_in().await;
    let mut phone = desk.browser();
    phone.log_in(EMAIL).await;
    let mut tablet = desk.browser();
    tablet.log_in(EMAIL).await;

    let others = laptop
        .post("/auth/logout-all")
        .json(&json!({ "exceptCurrent": true }))
        .with_csrf();
    let answer = others.send().await.expect(204);
    assert!(answer.set_cookies().is_empty());
    laptop.get("/auth/me").send().await.expect(200);
    laptop.refresh().await.expect(200);
    for ended in [&mut phone, &mut tablet] {
        ended
            .get("/auth/me")
            .send()
            .await
            .expect_problem(401, "NOT_SIGNED_IN");
        ended
            .refresh()
            .await
            .expect_problem(401, "INVALID_REFRESH_TOKEN");
    }

    phone.log_in(EMAIL).await;
    let answer = phone
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect(204);
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    laptop
        .get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    assert!(phone.is_signed_out());
    assert_eq!(
        desk.number("SELECT count(*) FROM families WHERE revoked_at IS NULL")
            .await,
        0
    );
    assert_eq!(
        desk.number("SELECT count(*) FROM browser_sessions").await,
        0
    );
}

#[tokio::test]
async fn a_wrong_type_is_refused_and_ends_nothing() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    for body in [
        json!({ "exceptCurrent": "yes" }),
        json!({ "exceptCurrent": null }),
        json!([]),
    ] {
        let answer = browser
            .post("/auth/logout-all")
            .json(&body)
            .with_csrf()
            .send()
            .await;
        answer.expect_problem(400, "MALFORMED_BODY");
    }
    assert_eq!(
        desk.number("SELECT count(*) FROM families WHERE revoked_at IS NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn a_session_cookie_ends_by_idleness_or_by_age_and_a_refresh_is_no_activity() {
    const MINUTE: i64 = 60;
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    desk.wait(29 * MINUTE).await;
    browser.get("/auth/sessions").send().await.expect(200);
    desk.wait(29 * MINUTE).await;
    browser.get("/auth/sessions").send().await.expect(200);
    // In the background only.
    desk.wait(20 * MINUTE).await;
    browser.refresh().await.expect(200);
    desk.wait(10 * MINUTE).await;
    browser
        .get("/auth/sessions")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    browser.get("/auth/me").send().await.expect(200);

    let (desk, mut busy) = Desk::with_ada_signed_in().await;
    for _ in 0..35 {
        desk.wait(20 * MINUTE).await;
        busy.get("/auth/sessions").send().await.expect(200);
    }
    desk.wait(20 * MINUTE).await;
    busy.get("/auth/sessions")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
}

#[tokio::test]
async fn which_credential_opens_what() {
    let (_desk, browser) = Desk::with_ada_signed_in().await;
    let access = browser.cookie("access");
    let only = |purpose: &str| {
        let mut one = browser.clone();
        one.jar
            .retain(|name, _| *name == format!("edgeward-{purpose}"));
        one
    };
    for (purpose, me, sessions) in [
        ("session", 200, 200),
        ("access", 200, 401),
        ("refresh", 401, 401),
        ("csrf", 401, 401),
    ] {
        let mut one = only(purpose);
        one.get("/auth/me").send().await.expect(me);
        one.get("/auth/sessions").send().await.expect(sessions);
    }
    let bearer = format!("Bearer {access}");
    let mut program = only("none");
    program
        .get("/auth/me")
        .header("authorization", &bearer)
        .send()
        .await
        .expect(200);
    program
        .get("/auth/sessions")
        .header("authorization", &bearer)
        .send()
        .await
        .expect(200);
    program
        .get("/auth/me")
        .header("authorization", "Basic eDp5")
        .send()
        .await
        .expect(401);
    let refused = program
        .get("/auth/me")
        .header("authorization", "Bearer e30.e30.e30")
        .send()
        .await;
    let refused = refused.expect_problem(401, "INVALID_TOKEN");
    assert!(
        refused
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
    let nobody = program
        .get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_clears_the_browser() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut copy = browser.clone();
    let answer = browser.log_out().await;
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(browser.is_signed_out());

    // What somebody copied before is worth nothing at the issuer.
    copy.get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    copy.refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(
        desk.number("SELECT count(*) FROM browser_sessions").await,
        0
    );
    assert_eq!(
        desk.acts().await.last().map(String::as_str),
        Some("session.sign-out done")
    );

    browser.post("/auth/logout").send().await.expect(204);
}

#[tokio::test]
async fn signing_out_works_with_what_is_left_of_a_session() {
    for kept in ["session", "access", "refresh"] {
        let (desk, mut browser) = Desk::with_ada_signed_in().await;
        for purpose in ["session", "access", "refresh"] {
            if purpose != kept {
                browser.forget(purpose);
            }
        }
        browser.log_out().await;
        let ended = desk
            .number("SELECT count(*) FROM families WHERE revoked_reason = 'signed-out'")
            .await;
        assert_eq!(ended, 1, "{kept}");
    }
}
