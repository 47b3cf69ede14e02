//! `POST /auth/admin/users/{id}/unlock`, `DELETE /auth/admin/users/{id}/sessions` and `…/sessions/{sid}`

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{administrator, named};
use crate::{
    App, SharedApp,
    domain::{
        accounts::{Account, UserId},
        administration::{self, Mandate},
        audit::Action,
        session::Sid,
        storage::Storage,
    },
    http::{
        auth::{
            answer,
            submission::{NoFields, Submission},
            visitor::Visitor,
        },
        problem::ApiError,
    },
};

/// Forgets the failed sign-ins of a user, and so ends the lock.
#[utoipa::path(post, path = "/auth/admin/users/{id}/unlock", tag = "administration",
    params(("id" = String, Path, description = "As the list names it")),
    responses(
        (status = 204, description = "Unlocked, or there was no failure to forget"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`ADDRESS_NOT_ALLOWED`, `INSUFFICIENT_ROLE`, `CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: there is no such user"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
    ))]
pub async fn unlock(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    submission: Submission<NoFields>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let done = end_lock(&app, &submission.visitor, &id).await;
    submission
        .respond(&app, done.map(|()| StatusCode::NO_CONTENT.into_response()))
        .await
}

/// The same for whoever was asked.
///
/// # Errors
/// As [`administrator`], [`ApiError::RecentSignInRequired`], [`ApiError::NotFound`].
pub async fn end_lock(app: &App, visitor: &Visitor, id: &str) -> Result<(), ApiError> {
    let (_, mandate, account) = admit(app, visitor, Action::Unlock, id).await?;
    administration::unlock(&app.store, &app.lockout_key, &mandate, &account).await?;
    Ok(())
}

/// Ends all sessions of a user.
#[utoipa::path(delete, path = "/auth/admin/users/{id}/sessions", tag = "administration",
    params(("id" = String, Path, description = "As the list names it")),
    responses(
        (status = 204, description = "Ended, or there was none"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`ADDRESS_NOT_ALLOWED`, `INSUFFICIENT_ROLE`, `CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: there is no such user"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
    ))]
pub async fn revoke_sessions(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    submission: Submission<NoFields>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let ended = end_sessions(&app, &submission.visitor, &id, None).await;
    submission
        .respond(&app, ended.and_then(|own| answer::ended(own, &app)))
        .await
}

/// Ends one session of a user.
#[utoipa::path(delete, path = "/auth/admin/users/{id}/sessions/{sid}", tag = "administration",
    params(
        ("id" = String, Path, description = "As the list names the user"),
        ("sid" = String, Path, description = "As the user's page names the session"),
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`ADDRESS_NOT_ALLOWED`, `INSUFFICIENT_ROLE`, `CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: there is no such user, or the session is not the user's or has ended"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
    ))]
pub async fn revoke_session(
    State(app): State<SharedApp>,
    ids: Result<Path<(String, String)>, PathRejection>,
    submission: Submission<NoFields>,
) -> Response {
    let (id, sid) = ids.map(|Path(ids)| ids).unwrap_or_default();
    let ended = end_sessions(&app, &submission.visitor, &id, Some(&sid)).await;
    submission
        .respond(&app, ended.and_then(|own| answer::ended(own, &app)))
        .await
}

/// Ends one session of a user, or all, for whoever was asked; says whether the session that asks was among them.
///
/// # Errors
/// As [`end_lock`].
pub async fn end_sessions(
    app: &App,
    visitor: &Visitor,
    id: &str,
    sid: Option<&str>,
) -> Result<bool, ApiError> {
    let act = match sid {
        Some(_) => Action::RevokeSession,
        None => Action::RevokeAllSessions,
    };
    let (admin, mandate, account) = admit(app, visitor, act, id).await?;
    let Some(sid) = sid else {
        administration::end_all_sessions(&app.store, &mandate, account.id).await?;
        return Ok(admin.is_ended_with_all_of(account.id));
    };
    let sid = Sid::parse(sid).ok_or(ApiError::NotFound)?;
    // Somebody else's session is answered like none: the path names whose it is to be.
    let whose = Some(account.id);
    if !administration::end_session(&app.store, &mandate, whose, sid).await? {
        return Err(ApiError::NotFound);
    }
    Ok(sid == admin.sid)
}

async fn admit(
    app: &App,
    visitor: &Visitor,
    act: Action,
    id: &str,
) -> Result<(super::Administrator, Mandate, Account), ApiError> {
    let user = UserId::parse(id);
    let admin = administrator(app, visitor, act, user).await?;
    let mandate = admin.mandate(app, visitor)?;
    let account = app.store.account_by_id(named(user)?).await?;
    Ok((admin, mandate, account.ok_or(ApiError::NotFound)?))
}
