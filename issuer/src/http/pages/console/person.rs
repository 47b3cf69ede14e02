//! `GET /auth/console/users/{id}`: one person, with the forms of what can be changed.
//!
//! The forms are there for whoever signed in lately. Whoever did not sees a way to the question for the password, from which
//! they come back here. What somebody ticked before is shown to them behind it, and saved by nothing but their pressing a button
//! under the new sign-in.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use edgeward_core::return_to;

use super::{PEOPLE, head};
use crate::{
    App, SharedApp,
    domain::{
        accounts::Role,
        administration::{Found, ROLES_KNOWN_MAX},
        roles::Version,
        storage::Storage,
    },
    http::{
        auth::{
            admin::{Administrator, users::look_at},
            visitor::Visitor,
        },
        cookies, csrf,
        pages::{
            Frame, Page, STEP_UP, Wrong,
            account::{Row, activity_hint, name_of, row},
            escaped, for_visitor, form_pages, in_place_of,
            moment::Shown,
            nav::Head,
            render,
        },
        problem::ApiError,
    },
};

/// What the query says of an act that is done.
const DONE: &str = "done=";

/// The page of a person.
#[derive(Template)]
#[template(path = "console_person.html")]
struct PersonPage {
    frame: Frame,
    head: Head,
    csrf_token: String,
    error: Option<Wrong>,
    done: String,
    path: String,
    confirm: String,
    may_change: bool,
    id: String,
    name: String,
    email: String,
    since: Shown,
    locked_until: Option<Shown>,
    roles: Vec<Choice>,
    other_roles: String,
    version: String,
    sessions: Vec<Row>,
    sessions_hint: String,
}

form_pages!(PersonPage);

/// A role, and whether it is ticked.
struct Choice {
    role: String,
    is_held: bool,
}

/// Where the page of a person is.
#[must_use]
pub fn path_of(id: &str) -> String {
    format!("{PEOPLE}/{}", escaped(id))
}

/// Shows a person.
pub async fn show(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let done = told(&frame, query.as_deref());
    for_visitor(&app, &frame, visitor, async |visitor| {
        page(&app, &frame, visitor, &id, Outcome::Done(done)).await
    })
    .await
}

/// The sentence of an act that is done, of a closed list.
fn told(frame: &Frame, query: Option<&str>) -> String {
    let mut pairs = query.unwrap_or_default().split('&');
    match pairs.find_map(|pair| pair.strip_prefix(DONE)) {
        Some("roles") => frame.text("person-done-roles"),
        Some("unlock") => frame.text("person-done-unlock"),
        Some("session") => frame.text("person-done-session"),
        Some("sessions") => frame.text("person-done-sessions"),
        Some(_) | None => String::new(),
    }
}

/// What the page says besides.
pub(super) enum Outcome<'a> {
    /// Of an act that is done; empty for none.
    Done(String),
    /// Why one was not done, and the roles that were wished for, if any were.
    Refused(ApiError, Option<Wished<'a>>),
}

/// The roles that a form was to give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wished<'a> {
    pub(super) roles: &'a [String],
    /// Of which roles it was decided.
    pub(super) version: &'a str,
}

pub(super) async fn page(
    app: &App,
    frame: &Frame,
    visitor: &Visitor,
    id: &str,
    outcome: Outcome<'_>,
) -> Result<Response, ApiError> {
    let (admin, found) = look_at(app, visitor, id).await?;
    let known = app.store.known_roles(ROLES_KNOWN_MAX).await?;
    let (csrf_token, cookie) = csrf::hand_out(app, visitor)?;
    let mut page = filled(app, frame, visitor, (&admin, &found));
    page.csrf_token = csrf_token;
    let wished = match &outcome {
        // Whoever met a change of somebody else's decides anew, upon what is there now.
        Outcome::Done(_) | Outcome::Refused(ApiError::StaleVersion, _) => None,
        Outcome::Refused(_, wished) => *wished,
    };
    // What was decided upon something else than is there now must not be saved as if it had been decided upon that.
    if let Some(wished) = wished {
        wished.version.clone_into(&mut page.version);
    }
    let wished = wished.map(|wished| wished.roles);
    let held = &found.listed.person.account.roles;
    (page.roles, page.other_roles) = choices(&known, held, wished, &app.config.admin.role);
    let mut response = match outcome {
        Outcome::Done(done) => {
            page.done = done;
            render(StatusCode::OK, &page)?
        }
        Outcome::Refused(error, _) => {
            page.error = Some(frame.wrong(&error));
            in_place_of(render(StatusCode::OK, &page)?, error)
        }
    };
    cookies::append(&mut response, [cookie])?;
    Ok(response)
}

fn filled(
    app: &App,
    frame: &Frame,
    visitor: &Visitor,
    (admin, found): (&Administrator, &Found),
) -> PersonPage {
    let account = &found.listed.person.account;
    let id = account.id.to_string();
    let path = path_of(&id);
    let (max_age, now) = (app.config.admin.max_age_seconds, visitor.caller.now);
    let sessions = found.sessions.iter();
    let sessions = sessions.map(|listed| row(frame, listed, admin.sid));
    PersonPage {
        frame: frame.clone(),
        head: head(admin),
        csrf_token: String::new(),
        error: None,
        done: String::new(),
        confirm: format!("{STEP_UP}?{}={}", return_to::PARAMETER, escaped(&path)),
        path,
        may_change: admin.authority.is_recent(max_age, now),
        id,
        name: name_of(account),
        email: account.email.as_str().to_owned(),
        since: frame.moment(found.listed.person.created_at),
        locked_until: found.listed.locked_until.map(|until| frame.moment(until)),
        roles: Vec::new(),
        other_roles: String::new(),
        version: Version::of(account).to_string(),
        sessions: sessions.collect(),
        sessions_hint: activity_hint(frame, &app.config.tokens),
    }
}

/// A box for every role that there is, ticked as they are or as was wished for; and what was typed beside the boxes.
fn choices(
    known: &[Role],
    held: &[Role],
    wished: Option<&[String]>,
    administrators: &Role,
) -> (Vec<Choice>, String) {
    let mut all: Vec<&Role> = known.iter().chain(held).chain([administrators]).collect();
    all.sort_unstable();
    all.dedup();
    let is_ticked = |role: &Role| match wished {
        Some(wished) => wished.iter().any(|wish| wish == role.as_str()),
        None => held.contains(role),
    };
    let is_offered = |wish: &&String| all.iter().any(|role| role.as_str() == wish.as_str());
    let typed: Vec<&str> = wished
        .unwrap_or_default()
        .iter()
        .filter(|wish| !is_offered(wish))
        .map(String::as_str)
        .collect();
    let boxes = all.iter().map(|role| Choice {
        role: role.as_str().to_owned(),
        is_held: is_ticked(role),
    });
    (boxes.collect(), typed.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_ticked_as_roles_are_held_or_wished_for() {
        let role = |name| Role::parse(name).unwrap();
        let known = ["editor", "owner"].map(role);
        let held = [role("editor")];
        let wished = ["owner", "a b", "new"].map(str::to_owned);
        for (wished, ticked, typed) in [
            (None, vec!["editor"], ""),
            (Some(&wished[..]), vec!["owner"], "a b new"),
            (Some(&[][..]), vec![], ""),
        ] {
            let (boxes, other) = choices(&known, &held, wished, &role("admin"));
            let all: Vec<&str> = boxes.iter().map(|choice| choice.role.as_str()).collect();
            assert_eq!(all, ["admin", "editor", "owner"]);
            let found = boxes.iter().filter(|choice| choice.is_held);
            let found: Vec<&str> = found.map(|choice| choice.role.as_str()).collect();
            assert_eq!((found, other.as_str()), (ticked, typed));
        }
    }
}
