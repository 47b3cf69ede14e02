//! One id for each request, in the answer, in every log line and in the audit entry.
//!
//! A proven edge brings the id it gave to the browser's request; for anybody else the issuer makes one. An id sent by a
//! stranger is not taken over: it could forge the trail of another request.

use std::{fmt, sync::Arc};

use axum::http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header of the answer.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new id: a UUIDv7, so that ids sort by time. It reads the machine's clock by itself; nothing is decided by it.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7().hyphenated().to_string().into())
    }

    /// The id that a proven edge brought.
    #[must_use]
    pub(super) fn from_edge(id: &str) -> Self {
        Self(id.into())
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header value; `None` cannot happen for ids that were checked, and then no header is sent.
    #[must_use]
    pub fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
