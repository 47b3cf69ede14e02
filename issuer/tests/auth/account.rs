//! The pages about one's own account, as plain forms.

use serde_json::Value;

use crate::{
    desk::{Answer, Browser, Desk, EMAIL, PASSWORD},
    scripts::scripts_of,
};

const PHONE: &str = "Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36";

/// Ada on two devices.
async fn two_devices() -> (Desk, Browser, Browser) {
    let (desk, laptop) = Desk::with_ada_signed_in().await;
    let mut phone = desk.browser();
    phone.user_agent = PHONE;
    phone.log_in(EMAIL).await;
    (desk, laptop, phone)
}

async fn sessions(browser: &mut Browser) -> Vec<Value> {
    let answer = browser.get("/auth/sessions").send().await.expect(200);
    answer.json()["sessions"].as_array().unwrap().clone()
}

/// The identifier of the session that is not the caller's.
async fn other(browser: &mut Browser) -> String {
    let all = sessions(browser).await;
    let other = all.iter().find(|session| session["current"] == false);
    other.unwrap()["id"].as_str().unwrap().to_owned()
}

pub(crate) fn says(answer: &Answer, part: &str) {
    assert!(answer.body.contains(part), "{part}: {}", answer.body);
}

/// The pairs of the hidden fields, but for the token.
pub(crate) fn hidden(page: &str) -> Vec<(&str, &str)> {
    let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
    fields
        .map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"").unwrap();
            (name, rest.split('"').next().unwrap())
        })
        .filter(|(name, _)| *name != "csrf_token")
        .collect()
}

#[tokio::test]
async fn the_profile_says_who_one_is_and_runs_nothing() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    let page = ada.get("/account").send().await.expect(200);
    for part in [
        "<bdi>Ada Lovelace</bdi>",
        "ada@example.test",
        "href=\"/account/password\"",
        "href=\"/account\" aria-current=\"page\"",
    ] {
        says(&page, part);
    }
    assert!(scripts_of(&page).is_empty());
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn nobody_sees_them_without_a_sign_in_and_comes_back_after_one() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    let mut stranger = _desk.browser();
    ada.forget("session");
    for path in [
        "/account",
        "/account/password",
        "/account/sessions",
        "/account/sessions/end?id=x",
        "/account/sessions/end-all",
    ] {
        let back = path.replace('?', "%3F").replace('=', "%3D");
        for (browser, place) in [(&mut stranger, "/login"), (&mut ada, "/account/step-up")] {
            let led = browser.get(path).send().await.expect(303);
            assert_eq!(led.header("location"), format!("{place}?returnTo={back}"));
        }
    }
}

#[tokio::test]
async fn the_list_shows_each_device_its_network_and_its_times() {
    let (desk, _laptop, mut phone) = two_devices().await;
    desk.add("grace@example.test", &[]).await;
    desk.browser().log_in("grace@example.test").await;
    let page = phone.get("/account/sessions").send().await.expect(200);
    for part in [
        "<bdi>Chrome on Android</bdi> <span class=\"badge\">This device</span>",
        "<bdi>Firefox on Linux</bdi>",
        "<bdi>0.0.0.0/24</bdi>",
        "<h1 id=\"title\">Where you are signed in</h1>",
        "<table class=\"table table-steady\" aria-labelledby=\"title\">",
        " UTC</time>",
        "aria-label=\"End: Firefox on Linux\"",
        "<script type=\"module\" src=\"/auth/assets/sessions.js?v=",
        "id=\"alone\" hidden",
    ] {
        says(&page, part);
    }
    assert_eq!(
        page.body.matches("data-session=").count(),
        1,
        "{}",
        page.body
    );
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "connect-src 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(scripts_of(&page), ["sessions.js"]);
    assert!(!policy.contains("unsafe"), "{policy}");
    let german = phone
        .get("/account/sessions")
        .header("accept-language", "de");
    let german = german.send().await.expect(200);
    says(&german, "<bdi>Chrome unter Android</bdi>");
    // Of what is known a part needs nobody there, and the rest is behind by the life of an access token: the page says both.
    for (page, column, hints) in [
        (
            &page,
            "Last activity",
            [
                "A browser may renew by itself",
                "up to about 10 minutes after",
            ],
        ),
        (
            &german,
            "Letzte Aktivität",
            [
                "Erneuern kann ein Browser von selbst",
                "bis etwa 10 Minuten nach",
            ],
        ),
    ] {
        says(page, &format!("<td data-label=\"{column}\"><time "));
        for hint in hints {
            says(page, hint);
        }
    }
    let all = sessions(&mut phone).await;
    let own = all.iter().find(|session| session["current"] == true);
    let own = own.unwrap();
    assert_eq!(own["browser"], "Chrome");
    assert_eq!(own["system"], "Android");
}

#[tokio::test]
async fn who_is_signed_in_once_is_told_so() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    let page = ada.get("/account/sessions").send().await.expect(200);
    says(&page, "id=\"alone\">");
    says(&page, "You are signed in on this device only.");
}

#[tokio::test]
async fn a_session_is_ended_by_a_form_that_asks_first() {
    let (_desk, mut laptop, mut phone) = two_devices().await;
    let id = other(&mut phone).await;
    let question = format!("/account/sessions/end?id={id}");
    let page = phone.get(&question).send().await.expect(200);
    says(&page, "<bdi>Firefox on Linux</bdi>");
    assert_eq!(hidden(&page.body), [("id", id.as_str())]);
    laptop.get("/auth/sessions").send().await.expect(200);
    let form = [("id", id.as_str())];
    let send = phone.post("/account/sessions/end").form(&form).with_csrf();
    let led = send.send().await.expect(303);
    assert_eq!(
        led.header("location"),
        "/account/sessions?done=session-ended"
    );
    laptop.refresh().await.expect(401);
    let page = phone.get("/account/sessions?done=session-ended");
    says(&page.send().await.expect(200), "The session is ended.");
    // Once more, from a page that was open elsewhere.
    let send = phone.post("/account/sessions/end").form(&form).with_csrf();
    let led = send.send().await.expect(303);
    assert_eq!(
        led.header("location"),
        "/account/sessions?done=already-ended"
    );
    let led = phone.get(&question).send().await.expect(303);
    assert_eq!(
        led.header("location"),
        "/account/sessions?done=already-ended"
    );
}

#[tokio::test]
async fn a_form_cannot_end_what_is_somebody_elses_or_be_sent_by_others() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    desk.add("grace@example.test", &[]).await;
    let mut grace = desk.browser();
    grace.log_in("grace@example.test").await;
    let id = sessions(&mut grace).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let form = [("id", id.as_str())];
    let send = ada.post("/account/sessions/end").form(&form).with_csrf();
    let led = send.send().await.expect(303);
    assert_eq!(
        led.header("location"),
        "/account/sessions?done=already-ended"
    );
    let question = format!("/account/sessions/end?id={id}");
    ada.get(&question).send().await.expect(303);
    grace.get("/auth/sessions").send().await.expect(200);
    // Her own, without the token: the form is shown again and nothing has ended.
    let again = grace.post("/account/sessions/end").form(&form);
    let again = again.send().await.expect(403);
    says(&again, "role=\"alert\"");
    assert_eq!(hidden(&again.body), [("id", id.as_str())]);
    grace.get("/auth/sessions").send().await.expect(200);
    // Her own, with it: she is signed out here.
    let send = grace.post("/account/sessions/end").form(&form).with_csrf();
    let led = send.send().await.expect(303);
    assert_eq!(led.header("location"), "/");
    assert!(grace.is_signed_out());
}

#[tokio::test]
async fn all_others_or_all_are_ended_by_a_form() {
    let (_desk, mut laptop, mut phone) = two_devices().await;
    let page = phone
        .get("/account/sessions/end-all")
        .send()
        .await
        .expect(200);
    says(&page, "name=\"exceptCurrent\" value=\"true\"");
    let send = phone
        .post("/auth/logout-all")
        .form(&[("exceptCurrent", "true")]);
    let led = send.with_csrf().send().await.expect(303);
    assert_eq!(
        led.header("location"),
        "/account/sessions?done=others-ended"
    );
    laptop.refresh().await.expect(401);
    let page = phone.get("/account/sessions?done=others-ended");
    says(
        &page.send().await.expect(200),
        "Every other device was signed out.",
    );
    let send = phone
        .post("/auth/logout-all")
        .form(&[("exceptCurrent", "false")]);
    let led = send.with_csrf().send().await.expect(303);
    assert_eq!(led.header("location"), "/");
    assert!(phone.is_signed_out());
}

#[tokio::test]
async fn the_password_is_changed_by_a_form_that_keeps_no_password() {
    let (_desk, mut laptop, mut phone) = two_devices().await;
    phone.get("/account/password").send().await.expect(200);
    const NEW: &str = "Another-Mule-8";
    for (current, new, status, said, with_new) in [
        (
            "Wrong-Horse-7",
            NEW,
            401,
            "The password is wrong.",
            "newPassword-hint",
        ),
        (
            PASSWORD,
            "short",
            422,
            "The password needs at least 12 characters",
            "error newPassword-hint",
        ),
        (
            PASSWORD,
            PASSWORD,
            422,
            "The new password is the one you have.",
            "error newPassword-hint",
        ),
    ] {
        let form = [("currentPassword", current), ("newPassword", new)];
        let send = phone.post("/auth/password").form(&form).with_csrf();
        let again = send.send().await.expect(status);
        says(&again, said);
        says(
            &again,
            "<title>Error: Change your password – Edgeward</title>",
        );
        // Only the field that it is about is marked; with it the error is read, and with the one that has the focus.
        assert_eq!(
            again.body.matches("aria-invalid").count(),
            1,
            "{}",
            again.body
        );
        says(&again, "aria-describedby=\"error\" autofocus");
        says(&again, &format!("aria-describedby=\"{with_new}\""));
        assert!(!again.body.contains(PASSWORD) && !again.body.contains("Wrong-Horse"));
    }
    let form = [("currentPassword", PASSWORD), ("newPassword", NEW)];
    let send = phone.post("/auth/password").form(&form).with_csrf();
    let led = send.send().await.expect(303);
    assert_eq!(led.header("location"), "/account?done=password-changed");
    let page = phone.get("/account?done=password-changed").send().await;
    says(&page.expect(200), "Your password is changed.");
    laptop.refresh().await.expect(401);
}

#[tokio::test]
async fn a_link_cannot_make_a_page_say_anything() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    for query in ["done=Call+0900+1234", "done=<script>", "done=", "x"] {
        let path = format!("/account?{}", query.replace('<', "%3C").replace('>', "%3E"));
        let page = ada.get(&path).send().await.expect(200);
        assert!(!page.body.contains("notice-good"), "{}", page.body);
    }
}

/// Ada on two devices, and the one in hand has to confirm who she is.
async fn doubted() -> (Desk, Browser, Browser) {
    let (desk, laptop, phone) = two_devices().await;
    desk.run("UPDATE families SET step_up_demanded_at = 1 WHERE device_name = 'Chrome on Android'")
        .await;
    (desk, laptop, phone)
}

#[tokio::test]
async fn a_form_waits_behind_the_question_for_the_password() {
    let (_desk, mut laptop, mut phone) = doubted().await;
    let id = other(&mut phone).await;
    let form = [("id", id.as_str())];
    let send = phone.post("/account/sessions/end").form(&form).with_csrf();
    let question = send.send().await.expect(401);
    says(&question, "Confirm that it is you");
    let carried = hidden(&question.body);
    assert_eq!(
        carried,
        [
            ("returnTo", ""),
            ("resendTo", "/account/sessions/end"),
            ("resend.id", id.as_str())
        ]
    );
    // A mistyped password loses nothing.
    let mut wrong = carried.clone();
    wrong.push(("password", "Wrong-Horse-7"));
    let again = phone.post("/auth/step-up").form(&wrong).with_csrf();
    let again = again.send().await.expect(401);
    assert_eq!(hidden(&again.body), carried);
    let mut right = carried.clone();
    right.push(("password", PASSWORD));
    let offer = phone.post("/auth/step-up").form(&right).with_csrf();
    let offer = offer.send().await.expect(200);
    says(&offer, "action=\"/account/sessions/end\"");
    says(&offer, "has not been done yet");
    // Nothing has ended before the person says so, with the token of the new session.
    laptop.get("/auth/sessions").send().await.expect(200);
    let (_, rest) = offer
        .body
        .split_once("name=\"csrf_token\" value=\"")
        .unwrap();
    let token = rest.split('"').next().unwrap();
    let mut last = hidden(&offer.body);
    assert_eq!(last, [("id", id.as_str())]);
    last.push(("csrf_token", token));
    let led = phone.post("/account/sessions/end").form(&last);
    let led = led.send().await.expect(303);
    assert_eq!(
        led.header("location"),
        "/account/sessions?done=session-ended"
    );
    laptop.refresh().await.expect(401);
}

#[tokio::test]
async fn a_form_with_passwords_is_begun_anew_behind_it() {
    let (_desk, _laptop, mut phone) = doubted().await;
    let form = [
        ("currentPassword", PASSWORD),
        ("newPassword", "Another-Mule-8"),
    ];
    let send = phone.post("/auth/password").form(&form).with_csrf();
    let question = send.send().await.expect(401);
    assert_eq!(hidden(&question.body), [("returnTo", "/account/password")]);
    assert!(
        !question.body.contains("Another-Mule-8"),
        "{}",
        question.body
    );
}

#[tokio::test]
async fn all_sessions_are_ended_behind_the_question_for_the_password() {
    let (_desk, mut laptop, mut phone) = doubted().await;
    let form = [("exceptCurrent", "true")];
    let send = phone.post("/auth/logout-all").form(&form).with_csrf();
    let question = send.send().await.expect(401);
    let mut carried = hidden(&question.body);
    carried.push(("password", PASSWORD));
    let offer = phone.post("/auth/step-up").form(&carried).with_csrf();
    let offer = offer.send().await.expect(200);
    says(&offer, "action=\"/auth/logout-all\"");
    let last = hidden(&offer.body);
    assert_eq!(last, [("exceptCurrent", "true")]);
    let done = phone.post("/auth/logout-all").form(&last).with_csrf();
    done.send().await.expect(303);
    laptop.refresh().await.expect(401);
}

#[tokio::test]
async fn a_form_that_carries_another_without_a_token_carries_it_no_further() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    let form = [
        ("password", PASSWORD),
        ("resendTo", "/auth/logout-all"),
        ("resend.exceptCurrent", "false"),
        ("csrf_token", "a-stranger's"),
    ];
    let again = ada.post("/auth/step-up").form(&form).send().await;
    let again = again.expect(403);
    says(&again, "Confirm that it is you");
    assert_eq!(hidden(&again.body), [("returnTo", "")]);
}

#[tokio::test]
async fn a_carried_form_goes_to_the_issuer_and_nowhere_else() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    let long = "x".repeat(20_000);
    for (to, value) in [
        ("https://evil.example/auth/x", "1"),
        ("//evil.example/auth/x", "1"),
        ("/app/transfer", "1"),
        ("/account/../app/transfer", "1"),
        ("/auth/console/users/somebody/roles", "1"),
        ("/account/password", "1"),
        ("/account/sessions/end", long.as_str()),
    ] {
        let form = [
            ("password", PASSWORD),
            ("resendTo", to),
            ("resend.id", value),
        ];
        let led = ada.post("/auth/step-up").form(&form).with_csrf();
        let led = led.send().await.expect(303);
        assert_eq!(led.header("location"), "/login", "{to}");
    }
}
