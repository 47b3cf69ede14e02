//! What came back, with the questions that stories ask.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A whole response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status code.
    pub status: u16,
    /// The header fields, repeated ones apart.
    pub headers: HeaderMap,
    /// The body as text; what is no UTF-8 is replaced.
    pub body: String,
}

impl Answer {
    /// Goes on only if the status is this one.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status, status,
            "{}: {:?}\n{}",
            self.asked, self.headers, self.body
        );
        self
    }

    /// Goes on only if this is a problem document (RFC 9457) with this status and code, and nothing of the inside in it.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{}: {}",
            answer.asked,
            answer.body
        );
        let problem = answer.json();
        assert_eq!(
            problem.get("code").and_then(Value::as_str),
            Some(code),
            "{}: {problem}",
            answer.asked
        );
        assert_eq!(
            problem.get("status").and_then(Value::as_u64),
            Some(u64::from(status)),
            "{}: {problem}",
            answer.asked
        );
        for inside in ["127.0.0.1", "panicked", ".rs:", "sqlx", "SQLITE", "workerd"] {
            assert!(
                !answer.body.contains(inside),
                "{} tells of the inside: {}",
                answer.asked,
                answer.body
            );
        }
        answer
    }

    /// Goes on only if this redirects there.
    #[track_caller]
    pub fn expect_redirect(self, location: &str) -> Self {
        let answer = self.expect(303);
        assert_eq!(
            answer.header("location"),
            Some(location),
            "{}",
            answer.asked
        );
        answer
    }

    /// A header field that must not occur twice.
    #[track_caller]
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values
            .next()
            .map(|value| value.to_str().expect("a header of ours is ASCII"));
        assert!(
            values.next().is_none(),
            "{}: {name} occurs twice",
            self.asked
        );
        first
    }

    /// Every `Set-Cookie` field.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect()
    }

    /// The body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.body))
    }

    /// A text in the JSON body by its pointer (RFC 6901).
    #[track_caller]
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        let json = self.json();
        let found = json.pointer(pointer).and_then(Value::as_str);
        found
            .unwrap_or_else(|| panic!("{}: no text at {pointer} in {json}", self.asked))
            .to_owned()
    }
}
