//! Refusals that are in no audit entry, written down as security events.
//!
//! They are found on the answer, whoever made it, so no handler can forget them. A client waits for the row no longer than
//! a moment, and gets the same answer whether it was written or not.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request},
    http::header,
    response::Response,
};
use edgeward_core::problem::ProblemCode;

use super::{
    caller::Asked,
    metrics::{Fault, labels::Credential},
    problem::Refused,
    request_id::RequestId,
};
use crate::{
    App,
    domain::events::{Circumstances, EventType, Ruling, SecurityEvent},
};

/// How long a row may hold up an answer: it is one insert, and a database that needs longer has other work.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the request; a refusal that nothing else writes down is written.
pub async fn write_refusals<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let user_agent = request.headers().get(header::USER_AGENT).cloned();
    let response = next(request).await;
    let extensions = response.extensions();
    let found = (
        extensions.get::<Refused>(),
        extensions.get::<Asked>(),
        extensions.get::<RequestId>(),
    );
    if let (Some(refused), Some(asked), Some(request_id)) = found
        && let Some(kind) = event_of(*refused)
    {
        let user_agent = user_agent.as_ref().map(|value| value.as_bytes());
        let circumstances = Circumstances::new(
            asked.address,
            &String::from_utf8_lossy(user_agent.unwrap_or_default()),
            method.as_str(),
            route.as_ref().map_or("-", MatchedPath::as_str),
        );
        let id = request_id.as_str();
        let event = SecurityEvent::refusal(kind, asked.now, id, circumstances);
        write(app, event).await;
    }
    response
}

/// The event of a refusal. Those about passwords, and a spent refresh token, are acts with an audit entry, which makes
/// their event.
fn event_of(refused: Refused) -> Option<EventType> {
    let code = refused.code;
    match Credential::refused_by(code) {
        Some(Credential::CsrfToken) => Some(EventType::CsrfRefused),
        Some(Credential::Captcha) => Some(EventType::CaptchaRefused),
        Some(Credential::EdgeProof) if refused.misused => Some(EventType::EdgeProofMisused),
        Some(Credential::EdgeProof) => Some(EventType::EdgeProofRefused),
        Some(Credential::AccessToken) => Some(EventType::AccessTokenRefused),
        Some(Credential::RefreshToken) if code == ProblemCode::RefreshReused => None,
        Some(Credential::RefreshToken) => Some(EventType::RefreshTokenRefused),
        Some(Credential::MailLink) => Some(EventType::MailLinkRefused),
        Some(Credential::Password) => None,
        None if code == ProblemCode::OriginRefused => Some(EventType::OriginRefused),
        None if code == ProblemCode::AddressNotAllowed => Some(EventType::AddressRefused),
        None => None,
    }
}

async fn write(app: &App, mut event: SecurityEvent) {
    let ruling = app
        .refusals
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .judge(event.kind, event.at);
    match ruling {
        Ruling::LeaveOut => return,
        Ruling::Write { left_out: 0 } => {}
        Ruling::Write { left_out } => {
            event.metadata.insert("leftOut", left_out.to_string());
        }
    }
    match tokio::time::timeout(TIMEOUT, app.store.record_event(&event)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(detail = %error, "a security event could not be written");
            app.metrics.failure(Fault::of_storage(&error));
        }
        Err(_) => {
            tracing::warn!("a security event could not be written in time");
            app.metrics.failure(Fault::DatabaseBusy);
        }
    }
}
