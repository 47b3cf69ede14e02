//! `PUT /auth/admin/users/{id}/roles`

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{administrator, named};
use crate::{
    App, SharedApp,
    domain::{
        accounts::{Role, UserId},
        audit::Action,
        roles::{self, RolesSet, Version},
    },
    http::{
        auth::{
            answer,
            submission::{Fields, Submission},
            visitor::Visitor,
        },
        problem::ApiError,
    },
};

/// The whole set of a user's roles.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoles {
    #[schema(example = json!(["editor"]))]
    roles: Vec<String>,
}

impl Fields for SetRoles {}

/// The roles as they are now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolesView {
    roles: Vec<String>,
    /// As the header `ETag`, without its quotes.
    roles_version: String,
    /// How many sessions ended; none where nothing was changed.
    sessions_ended: u64,
}

/// Puts a set of roles in the place of the one that `If-Match` names, and ends the user's sessions if it is another.
#[utoipa::path(put, path = "/auth/admin/users/{id}/roles", tag = "administration",
    params(
        ("id" = String, Path, description = "As the list names it"),
        ("If-Match" = String, Header, description = "`rolesVersion` in quotes: the roles that the change was decided upon"),
    ),
    request_body(content = SetRoles, content_type = "application/json"),
    responses(
        (status = 200, body = RolesView, description = "Set, with `ETag`"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`ADDRESS_NOT_ALLOWED`, `INSUFFICIENT_ROLE`, `CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: there is no such user"),
        (status = 409, description = "`LAST_ADMIN`: nobody else holds the role of administrators"),
        (status = 412, description = "`STALE_VERSION`: the roles were changed meanwhile"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`VALIDATION_FAILED`"),
        (status = 428, description = "`VERSION_REQUIRED`: `If-Match` names no version"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
    ))]
pub async fn set(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    submission: Submission<SetRoles>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let outcome = answer(&app, &id, &headers, &submission).await;
    submission.respond(&app, outcome).await
}

async fn answer(
    app: &App,
    id: &str,
    headers: &HeaderMap,
    submission: &Submission<SetRoles>,
) -> Result<Response, ApiError> {
    let asked = Asked {
        id,
        roles: &submission.fields.roles,
        version: version(headers),
    };
    let (set, ends_own) = change(app, &submission.visitor, asked).await?;
    let version = Version::of(&set.account).to_string();
    let tag = HeaderValue::try_from(format!("\"{version}\"")).map_err(ApiError::internal)?;
    let roles = set.account.roles.iter();
    let view = RolesView {
        roles: roles.map(|role| role.as_str().to_owned()).collect(),
        roles_version: version,
        sessions_ended: set.sessions_ended,
    };
    let mut response = Json(view).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    answer::goodbye_if(ends_own, app, response)
}

/// The one strong tag of `If-Match` (RFC 9110, section 13.1.1). A list, `*` or a weak tag names no version that somebody
/// decided upon.
fn version(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else {
        return None;
    };
    let tag = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    Some(tag).filter(|tag| !tag.contains('"'))
}

/// Which roles somebody is to have.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who.
    pub id: &'a str,
    /// All of them.
    pub roles: &'a [String],
    /// Of which roles it was decided.
    pub version: Option<&'a str>,
}

/// Changes roles for whoever was asked, and says whether the session that asks ended with it.
///
/// # Errors
/// As [`administrator`] and [`roles::set_roles`].
pub async fn change(
    app: &App,
    visitor: &Visitor,
    asked: Asked<'_>,
) -> Result<(RolesSet, bool), ApiError> {
    let user = UserId::parse(asked.id);
    let admin = administrator(app, visitor, Action::GiveRole, user).await?;
    let mandate = admin.mandate(app, visitor)?;
    let user = named(user)?;
    let version = asked.version.ok_or(ApiError::VersionRequired)?;
    let wanted = Role::parse_all(asked.roles)?;
    let set = roles::set_roles(&app.store, &mandate, user, wanted, version).await?;
    let ends_own = admin.is_ended_with_all_of(user) && set.sessions_ended > 0;
    Ok((set, ends_own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_tag_names_a_version() {
        for (sent, expected) in [
            (vec!["\"abc\""], Some("abc")),
            (vec![" \"abc\" "], Some("abc")),
            (vec!["\"\""], Some("")),
            (vec![], None),
            (vec!["*"], None),
            (vec!["abc"], None),
            (vec!["W/\"abc\""], None),
            (vec!["\"abc\", \"def\""], None),
            (vec!["\"abc\"", "\"abc\""], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in &sent {
                headers.append(header::IF_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(version(&headers), expected, "{sent:?}");
        }
    }
}
