//! What the issuer answered.

use axum::http::{HeaderMap, header};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{}",
            answer.body
        );
        assert_eq!(answer.json()["code"], code, "{}", answer.body);
        assert_eq!(answer.json()["status"], status);
        answer
    }

    /// The only value of a header, or nothing.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} occurs twice");
        first
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all(header::SET_COOKIE).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}
