//! `GET /auth/me`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::UserView,
    visitor::{Strength, Visitor},
};
use crate::{
    App, SharedApp,
    domain::storage::Storage,
    http::{cookies, problem::ApiError},
};

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
pub async fn me(State(app): State<SharedApp>, visitor: Visitor) -> Result<Response, ApiError> {
    match who(&app, &visitor).await {
        Ok(me) => Ok(Json(me).into_response()),
        // A page that leads to the sign-in for this answer must not be led back to by an edge that does not know yet.
        Err(error @ ApiError::NotSignedIn) => {
            let mut refusal = error.into_response();
            cookies::forget_access(&app.config, &visitor.presented, &mut refusal)?;
            Ok(refusal)
        }
        Err(error) => Err(error),
    }
}

async fn who(app: &App, visitor: &Visitor) -> Result<Me, ApiError> {
    let principal = visitor.principal(app, Strength::Any).await?;
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
    Ok(Me {
        user: UserView::of(&account),
        expires_in: rest.clamp(0, life),
    })
}
