//! A client without cookies, as an app is: it has one refresh token, and repeats it until it is answered.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    program::NEVER,
    site::{EMAIL, PASSWORD},
};

/// The device that signs in.
pub(crate) const OURS: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0";

/// Another one.
pub(crate) const THEIRS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status.as_u16(), &self.body["code"]),
            (status, &json!(code)),
            "{self:?}"
        );
        self
    }

    pub(crate) fn refresh_token(&self) -> String {
        self.body["refreshToken"].as_str().unwrap().to_owned()
    }

    pub(crate) fn access_token(&self) -> String {
        self.body["accessToken"].as_str().unwrap().to_owned()
    }
}

/// The number of a refresh token in its family.
pub(crate) fn seq(token: &str) -> i64 {
    token.split('.').nth(2).unwrap().parse().unwrap()
}

/// The family of a refresh token.
pub(crate) fn sid(token: &str) -> &str {
    token.split('.').nth(1).unwrap()
}

/// Sends what is asked; an error is a connection that broke.
async fn send(ask: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let answer = ask.send().await?;
    let status = answer.status();
    let retry_after = answer
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().parse().unwrap());
    let body = answer.json().await?;
    Ok(Answer {
        status,
        retry_after,
        body,
    })
}

pub(crate) async fn refresh_as(
    http: &Client,
    device: &str,
    origin: &str,
    token: &str,
) -> Result<Answer, reqwest::Error> {
    let ask = http
        .post(format!("{origin}/auth/refresh"))
        .header("user-agent", device);
    send(ask.json(&json!({ "refreshToken": token }))).await
}

pub(crate) async fn refresh(
    http: &Client,
    origin: &str,
    token: &str,
) -> Result<Answer, reqwest::Error> {
    refresh_as(http, OURS, origin, token).await
}

pub(crate) async fn get(
    http: &Client,
    origin: &str,
    path: &str,
    access_token: &str,
) -> Result<Answer, reqwest::Error> {
    let ask = http
        .get(format!("{origin}{path}"))
        .header("user-agent", OURS);
    send(ask.bearer_auth(access_token)).await
}

pub(crate) async fn sign_in(http: &Client, origin: &str) -> Result<Answer, reqwest::Error> {
    let credentials = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
    let ask = http
        .post(format!("{origin}/auth/login"))
        .header("user-agent", OURS);
    send(ask.json(&credentials)).await
}

/// Asks until the process and its database are ready: what it writes by itself may make a check late on a busy machine.
pub(crate) async fn until_ready(http: &Client, origin: &str) {
    until_readiness_is(StatusCode::OK, "ok", http, origin).await;
}

/// Whether the process is ready, and what its database is said to be.
pub(crate) async fn readiness(http: &Client, origin: &str) -> (StatusCode, String) {
    let answer = send(http.get(format!("{origin}/readyz"))).await.unwrap();
    (
        answer.status,
        answer.body["checks"]["database"]
            .as_str()
            .unwrap()
            .to_owned(),
    )
}

/// For a second a process answers by what its parts said before.
pub(crate) async fn until_readiness_is(
    status: StatusCode,
    database: &str,
    http: &Client,
    origin: &str,
) {
    let expected = (status, database.to_owned());
    let becomes = timeout(NEVER, async {
        while readiness(http, origin).await != expected {}
    });
    let becomes = becomes.await;
    assert!(becomes.is_ok(), "{origin} never becomes {expected:?}");
}
