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
pub struct Me {
    user: UserView,
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
    Ok(Json(Me {
        user: UserView::of(&account),
    }))
}
