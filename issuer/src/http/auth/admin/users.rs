//! `GET /auth/admin/users` and `GET /auth/admin/users/{id}`

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Administrator, administrator, named};
use crate::{
    App, SharedApp,
    domain::{
        accounts::{Role, UserId},
        administration::{self, Found, LISTED_MAX, Listed, Page, Search, Status, Words},
        audit::Action,
        roles::Version,
    },
    http::{
        auth::{
            sessions::{SessionView, rfc3339},
            visitor::Visitor,
        },
        problem::ApiError,
    },
};

/// How many people a page has when nothing else is asked: what a screen or two show.
const LISTED: u32 = 50;

/// The query of a search. What is empty, as fields of a form are, is not asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The beginning of an address, a name or a last name.
    #[serde(default)]
    pub query: String,
    /// A role that they hold.
    #[serde(default)]
    pub role: String,
    /// `locked` or `signed-in`.
    #[serde(default)]
    pub status: String,
    /// Whom the page comes after.
    #[serde(default)]
    pub cursor: String,
    /// How many.
    #[serde(default)]
    pub limit: Option<u32>,
    /// The language of the page that asks, which says nothing about whom to find.
    #[serde(default)]
    pub ui_locales: String,
}

impl Asked {
    /// Takes what can be looked for.
    ///
    /// # Errors
    /// [`ApiError::Invalid`].
    pub fn read(&self) -> Result<Search, ApiError> {
        let limit = self.limit.unwrap_or(LISTED);
        if !(1..=LISTED_MAX).contains(&limit) {
            return Err(ApiError::invalid(format!("limit is 1 to {LISTED_MAX}")));
        }
        let role = Some(self.role.trim()).filter(|role| !role.is_empty());
        let after = match self.cursor.as_str() {
            "" => None,
            cursor => {
                let after = UserId::parse(cursor);
                Some(after.ok_or_else(|| ApiError::invalid("cursor is none that was given"))?)
            }
        };
        Ok(Search {
            words: Words::parse(&self.query)?,
            role: role.map(Role::parse).transpose()?,
            status: status(&self.status)?,
            after,
            limit,
        })
    }
}

fn status(text: &str) -> Result<Option<Status>, ApiError> {
    match text {
        "" => Ok(None),
        "locked" => Ok(Some(Status::Locked)),
        "signed-in" => Ok(Some(Status::SignedIn)),
        _ => Err(ApiError::invalid("status is locked or signed-in")),
    }
}

/// A person. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    roles: Vec<String>,
    created_at: String,
    /// The end of the last lock that holds; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_until: Option<String>,
}

impl PersonView {
    fn of(listed: &Listed) -> Result<Self, ApiError> {
        let account = &listed.person.account;
        let roles = account.roles.iter().map(|role| role.as_str().to_owned());
        Ok(Self {
            id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            first_name: account.first_name.as_str().to_owned(),
            last_name: account.last_name.as_str().to_owned(),
            roles: roles.collect(),
            created_at: rfc3339(listed.person.created_at)?,
            locked_until: listed.locked_until.map(rfc3339).transpose()?,
        })
    }
}

/// A page of people, in the order of their addresses.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct People {
    users: Vec<PersonView>,
    /// The `cursor` of the next page, which may turn out to be empty; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One person, with what a change needs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonDetails {
    user: PersonView,
    /// What `If-Match` says of a change of the roles, without its quotes.
    roles_version: String,
    /// The live ones, the newest first. `current` is that of the administrator.
    sessions: Vec<SessionView>,
}

/// Looks for people.
///
/// # Errors
/// As [`administrator`], and [`ApiError::Invalid`].
#[utoipa::path(get, path = "/auth/admin/users", tag = "administration",
    params(
        ("query" = Option<String>, Query, description = "The beginning of an address, of first and last name, or of a last name"),
        ("role" = Option<String>, Query, description = "Who holds this role"),
        ("status" = Option<String>, Query, description = "`locked` or `signed-in`"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 50 when it is left out"),
    ),
    responses(
        (status = 200, body = People),
        (status = 400, description = "`MALFORMED_BODY`: an unknown or repeated parameter"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`ADDRESS_NOT_ALLOWED`, `INSUFFICIENT_ROLE`"),
        (status = 422, description = "`VALIDATION_FAILED`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
    ))]
pub async fn list(
    State(app): State<SharedApp>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<People>, ApiError> {
    let admin = admit_search(&app, &visitor).await?;
    let Query(asked) = asked.map_err(|_| {
        ApiError::malformed("the query has a parameter that is not documented, or one twice")
    })?;
    let page = find(&app, &visitor, &admin, &asked.read()?).await?;
    let users = page.people.iter().map(PersonView::of);
    Ok(Json(People {
        users: users.collect::<Result<_, _>>()?,
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Demands that an administrator asks, before the question is read.
///
/// # Errors
/// As [`administrator`].
pub async fn admit_search(app: &App, visitor: &Visitor) -> Result<Administrator, ApiError> {
    administrator(app, visitor, Action::SearchAccounts, None).await
}

/// Finds people, for whoever shows them.
///
/// # Errors
/// When the database fails.
pub async fn find(
    app: &App,
    visitor: &Visitor,
    admin: &Administrator,
    search: &Search,
) -> Result<Page, ApiError> {
    let (storage, key) = (&app.store, &app.lockout_key);
    let when = (visitor.caller.now, &visitor.origin());
    Ok(administration::search(storage, key, &admin.authority, search, when).await?)
}

/// Shows one person.
///
/// # Errors
/// As [`administrator`], and [`ApiError::NotFound`].
#[utoipa::path(get, path = "/auth/admin/users/{id}", tag = "administration",
    params(("id" = String, Path, description = "As the list names it")),
    responses(
        (status = 200, body = PersonDetails),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`"),
        (status = 403, description = "`ADDRESS_NOT_ALLOWED`, `INSUFFICIENT_ROLE`"),
        (status = 404, description = "`NOT_FOUND`: there is no such user"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
    ))]
pub async fn details(
    State(app): State<SharedApp>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<PersonDetails>, ApiError> {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let (admin, found) = look_at(&app, &visitor, &id).await?;
    let sessions = found.sessions.iter();
    let sessions = sessions.map(|listed| SessionView::of(listed, admin.sid));
    Ok(Json(PersonDetails {
        user: PersonView::of(&found.listed)?,
        roles_version: Version::of(&found.listed.person.account).to_string(),
        sessions: sessions.collect::<Result<_, _>>()?,
    }))
}

/// The same for whoever shows it.
///
/// # Errors
/// As [`details`].
pub async fn look_at(
    app: &App,
    visitor: &Visitor,
    id: &str,
) -> Result<(Administrator, Found), ApiError> {
    let user = UserId::parse(id);
    let admin = administrator(app, visitor, Action::ViewAccount, user).await?;
    let (storage, key) = (&app.store, &app.lockout_key);
    let when = (visitor.caller.now, &visitor.origin());
    let found = administration::view(storage, key, &admin.authority, named(user)?, when).await?;
    Ok((admin, found.ok_or(ApiError::NotFound)?))
}
