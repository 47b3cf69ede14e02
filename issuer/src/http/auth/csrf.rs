//! `GET /auth/csrf`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::visitor::Visitor;
use crate::{
    SharedApp,
    http::{cookies, csrf, problem::ApiError},
};

/// One half of the double submit; the other is in the cookie of the same answer.
// No `Debug`: it is a secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CsrfBody {
    csrf_token: String,
}

/// Hands out the token that unsafe requests send back as `X-CSRF-Token`. It is good for the present session until the
/// end of the next day; signing in and refreshing set a new cookie, so it is fetched again after those.
///
/// # Errors
/// Credentials that contradict each other, or a failure inside.
#[utoipa::path(get, path = "/auth/csrf", tag = "session", responses(
    (status = 200, body = CsrfBody),
    (status = 400, description = "`AMBIGUOUS_CREDENTIALS`"),
    (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
))]
pub async fn token(State(app): State<SharedApp>, visitor: Visitor) -> Result<Response, ApiError> {
    let (address, token) = (visitor.caller.address, visitor.refresh);
    match &visitor.session {
        // Whoever refreshes by a script needs the token first, and a copied access token brings nobody here.
        Some(session) => app.limits.csrf(address, session.family.sid).await?,
        None => {
            let token_of = token.map(|token| token.sid);
            app.limits.read_bringing(address, token_of).await?;
        }
    }
    let (csrf_token, cookie) = csrf::hand_out(&app, &visitor)?;
    let mut response = Json(CsrfBody { csrf_token }).into_response();
    cookies::append(&mut response, [cookie])?;
    Ok(response)
}
