//! A spent refresh token that comes with another request than a refresh: with one that would end its session anyhow.

use serde_json::json;

use crate::desk::{Browser, Desk, EMAIL, PASSWORD};

const GRACE: &str = "grace@example.test";

const REUSE: &str = "SELECT count(*) FROM families WHERE revoked_reason = 'reuse'";
const SIGNED_OUT: &str = "SELECT count(*) FROM families WHERE revoked_reason = 'signed-out'";
const REPLACED: &str = "SELECT count(*) FROM families WHERE revoked_reason = 'replaced'";

/// How families ended, and how many critical events tell of it.
async fn ended(desk: &Desk) -> (String, i64) {
    let mut found = Vec::new();
    for (reason, count) in [
        ("reuse", REUSE),
        ("signed-out", SIGNED_OUT),
        ("replaced", REPLACED),
    ] {
        if desk.number(count).await == 1 {
            found.push(reason);
        }
    }
    let events = "SELECT count(*) FROM security_events WHERE type = 'refresh.reused' AND severity = 'critical'";
    (found.join(" "), desk.number(events).await)
}

/// What a browser does with its cookies.
enum Does {
    SignsOut,
    SignsIn,
    SignsInWrongly,
    Registers,
    SignsInByBody,
    StepsUp,
    ChangesThePassword,
    EndsTheOthers,
}

async fn act(browser: &mut Browser, does: &Does) {
    let sign_in = |password| json!({ "email": EMAIL, "password": password });
    let (path, body, status) = match does {
        Does::SignsOut => ("/auth/logout", json!({}), 204),
        Does::SignsIn => ("/auth/login", sign_in(PASSWORD), 200),
        Does::SignsInWrongly => ("/auth/login", sign_in("Wrong-Horse-7"), 401),
        Does::Registers => {
            let body = json!({ "email": GRACE, "password": PASSWORD });
            ("/auth/register", body, 201)
        }
        Does::SignsInByBody => {
            let mut body = sign_in(PASSWORD);
            body["tokenMode"] = json!("body");
            ("/auth/login", body, 200)
        }
        Does::StepsUp => ("/auth/step-up", json!({ "password": PASSWORD }), 200),
        Does::ChangesThePassword => {
            let body =
                json!({ "currentPassword": PASSWORD, "newPassword": "Another-mule-8-engine" });
            ("/auth/password", body, 204)
        }
        Does::EndsTheOthers => ("/auth/logout-all", json!({ "exceptCurrent": true }), 204),
    };
    let ask = browser.post(path).json(&body).with_csrf();
    ask.send().await.expect(status);
}

#[tokio::test]
async fn a_spent_cookie_is_a_theft_with_whatever_would_end_its_session() {
    for (does, refreshes, expected) in [
        (Does::SignsOut, 2, ("reuse", 1)),
        (Does::SignsIn, 2, ("reuse", 1)),
        (Does::SignsInWrongly, 2, ("reuse", 1)),
        (Does::Registers, 2, ("reuse", 1)),
        (Does::StepsUp, 2, ("reuse", 1)),
        (Does::ChangesThePassword, 2, ("reuse", 1)),
        (Does::EndsTheOthers, 2, ("reuse", 1)),
        // A refresh of another tab whose answer is on its way.
        (Does::SignsOut, 1, ("signed-out", 0)),
        (Does::SignsOut, 0, ("signed-out", 0)),
        (Does::SignsIn, 1, ("replaced", 0)),
        (Does::SignsIn, 0, ("replaced", 0)),
        (Does::StepsUp, 1, ("replaced", 0)),
        (Does::EndsTheOthers, 1, ("", 0)),
        // The cookies that came along stay what they are.
        (Does::SignsInByBody, 2, ("", 0)),
    ] {
        let (desk, mut browser) = Desk::with_ada_signed_in().await;
        let mut copy = browser.clone();
        for _ in 0..refreshes {
            browser.refresh().await.expect(200);
        }
        act(&mut copy, &does).await;
        let (reason, events) = ended(&desk).await;
        assert_eq!((reason.as_str(), events), expected, "{refreshes} refreshes");
    }
}

#[tokio::test]
async fn a_spent_token_in_a_body_that_signs_out_is_a_theft() {
    for (spent, expected) in [(true, ("reuse", 1)), (false, ("signed-out", 0))] {
        let (desk, mut caller) = Desk::with_ada().await;
        let first = caller.tokens(EMAIL).await["refreshToken"].clone();
        let mut last = first.clone();
        for _ in 0..2 {
            let body = json!({ "refreshToken": last });
            let answer = caller.post("/auth/refresh").json(&body).send().await;
            last = answer.expect(200).json()["refreshToken"].clone();
        }
        let body = json!({ "refreshToken": if spent { first } else { last } });
        let signed_out = caller.post("/auth/logout").json(&body).send().await;
        signed_out.expect(204);
        let (reason, events) = ended(&desk).await;
        assert_eq!((reason.as_str(), events), expected);
    }
}

/// Signing out is no way to go on: what was stolen has ended, and so has whoever refreshed it meanwhile.
#[tokio::test]
async fn the_thief_has_nothing_after_the_person_signed_out() {
    let (_desk, mut person) = Desk::with_ada_signed_in().await;
    let mut thief = person.clone();
    thief.refresh().await.expect(200);
    thief.refresh().await.expect(200);
    person.log_out().await;
    thief
        .refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    thief.get("/auth/me").send().await.expect(401);
}
