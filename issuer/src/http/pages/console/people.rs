//! `GET /auth/console/users`: looking for people.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};

use super::{PEOPLE, head};
use crate::{
    App, SharedApp,
    domain::{
        accounts::Role,
        administration::{Listed, ROLES_KNOWN_MAX},
        storage::Storage,
    },
    http::{
        auth::{
            admin::{
                Administrator,
                users::{Asked, admit_search, find},
            },
            visitor::Visitor,
        },
        pages::{
            Frame, Page, Wrong, account::name_of, escaped, for_visitor, in_place_of, moment::Shown,
            nav::Head, plain_pages, render,
        },
        problem::ApiError,
    },
};

/// The list of people.
#[derive(Template)]
#[template(path = "console_people.html")]
struct PeoplePage {
    frame: Frame,
    head: Head,
    asked: Asked,
    roles: Vec<String>,
    people: Vec<Row>,
    next: Option<String>,
    first: Option<String>,
    error: Option<Wrong>,
}

plain_pages!(PeoplePage);

/// A person on it.
struct Row {
    href: String,
    name: String,
    email: String,
    roles: Vec<String>,
    locked_until: Option<Shown>,
    since: Shown,
}

impl Row {
    fn of(frame: &Frame, listed: &Listed) -> Self {
        let account = &listed.person.account;
        let roles = account.roles.iter().map(|role| role.as_str().to_owned());
        Self {
            href: format!("{PEOPLE}/{}", account.id),
            name: name_of(account),
            email: account.email.as_str().to_owned(),
            roles: roles.collect(),
            locked_until: listed.locked_until.map(|until| frame.moment(until)),
            since: frame.moment(listed.person.created_at),
        }
    }
}

/// Shows who was found, or the search again that could not be made.
pub async fn list(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.ok().map(|Query(asked)| asked);
    for_visitor(&app, &frame, visitor, async |visitor| {
        page(&app, &frame, visitor, asked).await
    })
    .await
}

async fn page(
    app: &App,
    frame: &Frame,
    visitor: &Visitor,
    asked: Option<Asked>,
) -> Result<Response, ApiError> {
    let admin: Administrator = admit_search(app, visitor).await?;
    let search = match &asked {
        Some(asked) => asked.read(),
        None => Err(ApiError::malformed("the query cannot be read")),
    };
    let asked = asked.unwrap_or_default();
    let known = app.store.known_roles(ROLES_KNOWN_MAX).await?;
    let mut page = PeoplePage {
        head: head(&admin),
        roles: choices(&known, &asked.role),
        people: Vec::new(),
        next: None,
        first: first_of(&asked),
        error: None,
        frame: frame.clone(),
        asked,
    };
    let search = match search {
        Ok(search) => search,
        Err(error) => {
            let text = frame.text("people-wrong-query");
            page.error = Some(Wrong::about(&["query"], text));
            let page = render(StatusCode::OK, &page)?;
            return Ok(in_place_of(page, error));
        }
    };
    let found = find(app, visitor, &admin, &search).await?;
    page.people = found
        .people
        .iter()
        .map(|listed| Row::of(frame, listed))
        .collect();
    page.next = found
        .next
        .map(|after| page_of(&page.asked, Some(&after.to_string())));
    render(StatusCode::OK, &page)
}

/// The address of a page of the same search: the one that comes after somebody, or the first.
fn page_of(asked: &Asked, after: Option<&str>) -> String {
    let Asked {
        query,
        role,
        status,
        limit,
        ..
    } = asked;
    let limit = limit.map(|limit| limit.to_string());
    let asked = [
        ("query", Some(query.as_str())),
        ("role", Some(role)),
        ("status", Some(status)),
        ("limit", limit.as_deref()),
        ("cursor", after),
    ];
    let pairs: Vec<String> = asked
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))))
        .collect();
    format!("{PEOPLE}?{}", pairs.join("&"))
}

/// The beginning of a search, for whoever is past it; of all people where the search itself cannot be made.
fn first_of(asked: &Asked) -> Option<String> {
    if asked.cursor.is_empty() {
        return None;
    }
    let beginning = Asked {
        cursor: String::new(),
        ..asked.clone()
    };
    Some(match beginning.read() {
        Ok(_) => page_of(&beginning, None),
        Err(_) => PEOPLE.to_owned(),
    })
}

/// The roles to choose from: those that there are, and the one that was asked for.
fn choices(known: &[Role], asked: &str) -> Vec<String> {
    let mut choices: Vec<String> = known.iter().map(|role| role.as_str().to_owned()).collect();
    if !asked.is_empty() && !choices.iter().any(|choice| choice == asked) {
        choices.push(asked.to_owned());
    }
    choices
}
