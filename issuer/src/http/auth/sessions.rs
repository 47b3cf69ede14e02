//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use edgeward_core::time::UnixTime;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use super::{
    answer, logout,
    submission::{Fields, FormFields, NoFields, Submission},
    visitor::{Strength, Visitor},
};
use crate::{
    App, SharedApp,
    domain::{
        audit::Action,
        device::browser_and_system,
        session::{AddressRange, ListedFamily, RevocationReason, Sid},
        storage::Storage,
    },
    http::{
        pages::{
            self, Frame,
            account::{self, Done, EndSessionPage},
        },
        problem::ApiError,
    },
};

/// The live sessions of the caller, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    sessions: Vec<SessionView>,
}

/// One sign-in. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// As a person would name it.
    device: String,
    /// The browser, or the program, by its user agent.
    browser: Option<String>,
    /// The system that it runs on.
    system: Option<String>,
    /// The range of the address it was used from last.
    address: Option<String>,
    created_at: String,
    /// The sign-in, the last refresh, or the last request to the issuer with the session cookie of this sign-in, as its pages make
    /// them (noted once a minute at most): the latest of these. The use of an access token, at the edge or with the
    /// issuer, is not noted: the session may have been in use after this for the life of one (`tokens.access_seconds`).
    last_seen_at: String,
    /// When it ends if it is not used until then.
    expires_at: String,
}

impl SessionView {
    pub(super) fn of(listed: &ListedFamily, current: Sid) -> Result<Self, ApiError> {
        let family = &listed.family;
        let address = family.address.as_ref().map(AddressRange::as_str);
        let (browser, system) = browser_and_system(&family.device_name);
        Ok(Self {
            browser: browser.map(str::to_owned),
            system: system.map(str::to_owned),
            id: family.sid.to_string(),
            current: family.sid == current,
            device: family.device_name.clone(),
            address: address.map(str::to_owned),
            created_at: rfc3339(family.created_at)?,
            last_seen_at: rfc3339(listed.last_activity_at())?,
            expires_at: rfc3339(family.idle_expires_at)?,
        })
    }
}

pub(super) fn rfc3339(moment: UnixTime) -> Result<String, ApiError> {
    OffsetDateTime::from_unix_timestamp(moment.seconds())
        .map_err(ApiError::internal)?
        .format(&Rfc3339)
        .map_err(ApiError::internal)
}

/// Lists the caller's sessions.
///
/// # Errors
/// [`ApiError::NotSignedIn`]; the access cookie alone is not enough.
#[utoipa::path(get, path = "/auth/sessions", tag = "session", responses(
    (status = 200, body = Sessions),
    (status = 401, description = "`NOT_SIGNED_IN`"),
    (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
))]
pub async fn list(
    State(app): State<SharedApp>,
    visitor: Visitor,
) -> Result<Json<Sessions>, ApiError> {
    let principal = visitor.principal(&app, Strength::Present).await?;
    app.limits
        .read(visitor.caller.address, Some(principal.family.sid))
        .await?;
    let families = app
        .store
        .live_families(principal.user, visitor.caller.now)
        .await?;
    let sessions = families
        .iter()
        .map(|listed| SessionView::of(listed, principal.family.sid))
        .collect::<Result<_, _>>()?;
    Ok(Json(Sessions { sessions }))
}

/// Ends one session of the caller.
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "session",
    params(("id" = String, Path, description = "As the list names it")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 404, description = "`NOT_FOUND`: the caller has no such live session"),
    ))]
pub async fn revoke(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    submission: Submission<NoFields>,
) -> Response {
    // What cannot even be read names no session.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let ended = end_one(&app, &id, &submission.visitor).await;
    submission
        .respond(&app, ended.and_then(|own| answer::ended(own, &app)))
        .await
}

/// The session that a form ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    id: String,
}

impl Fields for EndSession {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self { id: form.get("id") })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let page = EndSessionPage {
            error: Some(frame.wrong(error)),
            frame,
            csrf_token,
            id: self.id.clone(),
            device: String::new(),
        };
        Some(pages::render(StatusCode::OK, &page))
    }

    fn begins_anew_at(&self) -> Option<String> {
        Some(account::end_page(&self.id))
    }

    fn to_send_again(&self) -> Vec<(String, String)> {
        vec![("id".to_owned(), self.id.clone())]
    }
}

/// `POST /account/sessions/end`: the same for a form.
pub async fn end(State(app): State<SharedApp>, submission: Submission<EndSession>) -> Response {
    let led_on = match end_one(&app, &submission.fields.id, &submission.visitor).await {
        // It was the one in use.
        Ok(true) => answer::goodbye(&app, answer::led_out("")),
        Ok(false) => Ok(account::led_to_sessions(Done::SessionEnded)),
        // What somebody wanted to have ended has ended.
        Err(ApiError::NotFound) => Ok(account::led_to_sessions(Done::AlreadyEnded)),
        Err(error) => Err(error),
    };
    submission.respond(&app, led_on).await
}

/// Ends a session of whoever asks; says whether it is the one in use.
async fn end_one(app: &App, id: &str, visitor: &Visitor) -> Result<bool, ApiError> {
    let principal = visitor.principal(app, Strength::Undoubted).await?;
    app.limits
        .read(visitor.caller.address, Some(principal.family.sid))
        .await?;
    let sid = Sid::parse(id).ok_or(ApiError::NotFound)?;
    let family = app.store.family(sid).await?;
    // Somebody else's session is answered like none: its existence is not the caller's business.
    family
        .filter(|family| family.user == principal.user && family.is_live(visitor.caller.now))
        .ok_or(ApiError::NotFound)?;
    let reason = RevocationReason::of_list(&principal.family, visitor.caller.now);
    logout::end(app, visitor, sid, Action::RevokeSession, reason).await?;
    Ok(sid == principal.family.sid)
}
