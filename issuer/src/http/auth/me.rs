//! `GET /auth/me`

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::UserView,
    visitor::{Strength, Visitor},
};
use crate::{SharedApp, domain::storage::Storage, http::problem::ApiError};

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    user: UserView,
    /// The rest of the life of the access token that the last sign-in or refresh made, in seconds; 0 when it is over. A page
    /// cannot read it from the cookie, and must know it to refresh in time.
    expires_in: i64,
}

/// Says who is signed in, from the database and not from the token: roles and names are the present ones.
///
/// # Errors
/// [`ApiError::NotSignedIn`], [`ApiError::InvalidToken`].
#[utoipa::path(get, path = "/auth/me", tag = "session", responses(
    (status = 200, body = Me),
    (status = 401, description = "`NOT_SIGNED_IN`, `INVALID_TOKEN`, `TOKEN_EXPIRED`"),
    (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
))]
pub async fn me(State(app): State<SharedApp>, visitor: Visitor) -> Result<Json<Me>, ApiError> {
    let principal = visitor.principal(&app, Strength::Any).await?;
    app.limits
        .read(visitor.caller.address, Some(principal.family.sid))
        .await?;
    let account = app
        .store
        .account_by_id(principal.user)
        .await?
        .ok_or(ApiError::NotSignedIn)?;
    let life = app.config.tokens.access_seconds;
    let made_at = principal.family.handed_out_at.time();
    let rest = life.saturating_sub(visitor.caller.now.seconds_since(made_at));
    Ok(Json(Me {
        user: UserView::of(&account),
        expires_in: rest.clamp(0, life),
    }))
}
