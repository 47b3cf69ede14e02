//! What people do around mailed links, as requests.

use axum::http::HeaderMap;
use edgeward_issuer::config::{Config, Mail};
use serde_json::{Value, json};

use crate::{
    desk::{Answer, Browser, Desk, PASSWORD},
    mailbox::{Mailbox, Taken},
};

pub(crate) const GRACE: &str = "grace@example.test";
pub(crate) const NEW_PASSWORD: &str = "Another-Mule-8";

pub(crate) fn registration(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "firstName": "Grace", "lastName": "Hopper" })
}

pub(crate) async fn register(browser: &mut Browser, email: &str) -> Answer {
    browser
        .post("/auth/register")
        .json(&registration(email))
        .send()
        .await
}

pub(crate) async fn confirm(browser: &mut Browser, token: &str, password: Option<&str>) -> Answer {
    let mut body = json!({ "token": token });
    if let Some(password) = password {
        body["password"] = json!(password);
    }
    browser
        .post("/auth/register/confirm")
        .json(&body)
        .send()
        .await
}

pub(crate) async fn log_in(browser: &mut Browser, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    let with_csrf = !browser.jar.is_empty();
    let ask = browser.post("/auth/login").json(&body);
    let ask = if with_csrf { ask.with_csrf() } else { ask };
    ask.send().await
}

pub(crate) async fn forget(browser: &mut Browser, email: &str) -> Answer {
    let body = json!({ "email": email });
    browser
        .post("/auth/password/forgot")
        .json(&body)
        .send()
        .await
}

pub(crate) async fn reset(browser: &mut Browser, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "newPassword": password });
    browser
        .post("/auth/password/reset")
        .json(&body)
        .send()
        .await
}

/// What a stranger can tell answers apart by: everything but what is random in each.
pub(crate) fn seen(answer: &Answer) -> (u16, String, HeaderMap, Vec<String>) {
    let mut headers = answer.headers.clone();
    for random in ["x-request-id", "set-cookie"] {
        headers.remove(random);
    }
    let names = |cookie: &&str| cookie.split('=').next().unwrap().to_owned();
    let cookies = answer.set_cookies().iter().map(names).collect();
    (answer.status, answer.body.clone(), headers, cookies)
}

pub(crate) async fn open() -> (Mailbox, Desk) {
    open_with(|_| {}).await
}

pub(crate) async fn open_with(change: impl FnOnce(&mut Mail)) -> (Mailbox, Desk) {
    open_and(change, |_| {}).await
}

pub(crate) async fn open_and(
    change: impl FnOnce(&mut Mail),
    others: impl FnOnce(&mut Config),
) -> (Mailbox, Desk) {
    let mailbox = Mailbox::open();
    let configure = |config: &mut Config| {
        let mut mail = mailbox.settings();
        change(&mut mail);
        config.mail = Some(mail);
        others(config);
    };
    let (desk, _) = Desk::with_ada_and(configure).await;
    (mailbox, desk)
}

pub(crate) fn subjects(mails: &[Taken]) -> Vec<&str> {
    mails.iter().map(Taken::subject).collect()
}
