//! `POST /auth/logout` and `POST /auth/logout-all`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use edgeward_core::return_to;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer,
    submission::{Fields, FormFields, Format, Submission},
    visitor::{Strength, Visitor},
};
use crate::{
    App, SharedApp,
    domain::{
        audit::{Action, Actor, AuditEntry},
        refresh,
        session::{RevocationReason, Sid},
        storage::Storage,
    },
    http::{
        pages::{
            self, Frame,
            account::{self, Done, END_ALL, EndAllPage},
            sign_in::SignOutPage,
        },
        problem::ApiError,
    },
};

/// Empty for browsers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logout {
    /// The token of a caller without cookies.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    refresh_token: Option<SecretString>,
    #[serde(skip)]
    return_to: String,
}

impl Fields for Logout {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            refresh_token: None,
            return_to: form.get(return_to::PARAMETER),
        })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let page = SignOutPage {
            error: Some(frame.wrong(error)),
            return_to: self.return_to.clone(),
            frame,
            csrf_token,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

/// Ends the session of whatever live credential was sent. Having none is no error: the caller is signed out then.
#[utoipa::path(post, path = "/auth/logout", tag = "session",
    request_body(content = Option<Logout>, content_type = "application/json"),
    responses(
        (status = 204, description = "Signed out"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 500, description = "`INTERNAL`"),
    ))]
pub async fn log_out(State(app): State<SharedApp>, submission: Submission<Logout>) -> Response {
    submission
        .respond(&app, answer_log_out(&app, &submission).await)
        .await
}

async fn answer_log_out(app: &App, submission: &Submission<Logout>) -> Result<Response, ApiError> {
    let Submission {
        visitor,
        format,
        fields,
        ..
    } = submission;
    // What was stolen is not to pass for signed out, whoever of the two asks for it.
    visitor.end_if_spent(app).await?;
    let mut families = visitor.brought();
    if let Some(token) = &fields.refresh_token {
        let token = token.expose_secret();
        visitor.end_if_spent_in_body(app, token).await?;
        let genuine = refresh::genuine(&visitor.refresh_keys, token);
        families.extend(genuine.map(|token| token.sid));
    }
    if let Some(family) = visitor.family_of_token(app).await? {
        families.push(family.sid);
    }
    families.sort_unstable();
    families.dedup();
    for sid in families {
        end(
            app,
            visitor,
            sid,
            Action::SignOut,
            RevocationReason::SignedOut,
        )
        .await?;
    }
    let response = match format {
        Format::Json => StatusCode::NO_CONTENT.into_response(),
        Format::Form => answer::led_out(&fields.return_to),
    };
    answer::goodbye(app, response)
}

/// Ends a family, whose user is the actor. One that has ended already stays as it is.
pub(super) async fn end(
    app: &App,
    visitor: &Visitor,
    sid: Sid,
    action: Action,
    reason: RevocationReason,
) -> Result<(), ApiError> {
    let Some(family) = app.store.family(sid).await? else {
        return Ok(());
    };
    let now = visitor.caller.now;
    let entry = AuditEntry::done(action, Actor::User(family.user), now, &visitor.origin())
        .about("user", family.user)
        .in_session(sid);
    app.store.revoke(sid, reason, now, &entry).await?;
    Ok(())
}

/// Which sessions end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogoutAll {
    /// Keep the session of the caller.
    #[serde(default)]
    except_current: bool,
}

impl Fields for LogoutAll {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            except_current: form.get(EXCEPT_CURRENT) == "true",
        })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let page = EndAllPage {
            error: Some(frame.wrong(error)),
            frame,
            csrf_token,
        };
        Some(pages::render(StatusCode::OK, &page))
    }

    fn begins_anew_at(&self) -> Option<String> {
        Some(END_ALL.to_owned())
    }

    fn to_send_again(&self) -> Vec<(String, String)> {
        vec![(EXCEPT_CURRENT.to_owned(), self.except_current.to_string())]
    }
}

/// The field of a form that keeps the session of the caller.
const EXCEPT_CURRENT: &str = "exceptCurrent";

/// Ends all sessions of the caller, or all others.
#[utoipa::path(post, path = "/auth/logout-all", tag = "session",
    request_body(content = Option<LogoutAll>, content_type = "application/json"),
    responses(
        (status = 204, description = "Ended"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
    ))]
pub async fn log_out_all(
    State(app): State<SharedApp>,
    submission: Submission<LogoutAll>,
) -> Response {
    submission
        .respond(&app, answer_log_out_all(&app, &submission).await)
        .await
}

async fn answer_log_out_all(
    app: &App,
    submission: &Submission<LogoutAll>,
) -> Result<Response, ApiError> {
    let visitor = &submission.visitor;
    let principal = visitor.principal(app, Strength::Undoubted).await?;
    // By place too, so that a copy of the token elsewhere does not keep its owner from this.
    let (address, sid) = (visitor.caller.address, principal.family.sid);
    app.limits.read_bringing(address, Some(sid)).await?;
    visitor.end_if_spent(app).await?;
    let now = visitor.caller.now;
    let keep = submission
        .fields
        .except_current
        .then_some(principal.family.sid);
    let entry = AuditEntry::done(
        Action::RevokeAllSessions,
        Actor::User(principal.user),
        now,
        &visitor.origin(),
    )
    .about("user", principal.user)
    .in_session(principal.family.sid)
    .with("exceptCurrent", submission.fields.except_current);
    app.store
        .revoke_all(principal.user, keep, now, &entry)
        .await?;
    let response = match (submission.format, keep) {
        (Format::Json, _) => StatusCode::NO_CONTENT.into_response(),
        (Format::Form, Some(_)) => account::led_to_sessions(Done::OthersEnded),
        (Format::Form, None) => answer::led_out(""),
    };
    answer::goodbye_if(keep.is_none(), app, response)
}
