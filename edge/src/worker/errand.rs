//! What a question to the issuer is asked for, and with: keys, the feed, the bundle.

use std::rc::Rc;

use edgeward_core::time::UnixTime;

use super::config::Settings;

/// One question's, or that of several that one request causes.
#[derive(Clone)]
pub(super) struct Errand {
    /// Where the issuer is.
    pub(super) settings: Rc<Settings>,
    /// The request that caused it, for both logs.
    pub(super) request_id: String,
    /// The time of that request.
    pub(super) now: UnixTime,
}
