//! The forms of a person's page. Each leads back to it, or shows it again with why nothing was done.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    PEOPLE,
    person::{Outcome, Wished, page, path_of},
};
use crate::{
    App, SharedApp,
    http::{
        auth::{
            admin::{acts, roles},
            answer,
            submission::{Fields, FormFields, Format, Received, Submission},
        },
        pages::turn_away,
        problem::ApiError,
    },
};

/// The name of the box of a role begins so.
const BOX: &str = "role:";

/// The boxes that are ticked, and what was typed beside them.
#[derive(Debug, Deserialize)]
pub struct Ticked {
    roles: Vec<String>,
    version: String,
}

impl Fields for Ticked {
    fn from_form(form: &FormFields) -> Option<Self> {
        let typed = form.get("roles");
        let typed = typed
            .split([' ', ',', '\t'])
            .filter(|role| !role.is_empty());
        let ticked = form.all().filter_map(|(name, _)| name.strip_prefix(BOX));
        Some(Self {
            roles: ticked.chain(typed).map(str::to_owned).collect(),
            version: form.get("version"),
        })
    }
}

/// A form that is nothing but its button.
#[derive(Debug, Deserialize)]
pub struct Pressed {}

impl Fields for Pressed {
    fn from_form(_: &FormFields) -> Option<Self> {
        Some(Self {})
    }
}

/// `POST /auth/console/users/{id}/roles`
pub async fn set_roles(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    received: Received<Ticked>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let (submission, accepted) = match received {
        Received::Accepted(submission) => (submission, Ok(())),
        Received::Refused(submission, error) => (submission, Err(error)),
    };
    let Ticked { roles, version } = &submission.fields;
    let asked = roles::Asked {
        id: &id,
        roles,
        version: Some(version),
    };
    let changed = match accepted.and_then(|()| demand_form(&submission)) {
        Ok(()) => roles::change(&app, &submission.visitor, asked).await,
        Err(error) => Err(error),
    };
    let wished = Some(Wished { roles, version });
    let ends_own = changed.map(|(_, ends_own)| ends_own);
    lead_back(&app, &submission, &id, ("roles", ends_own), wished).await
}

/// `POST /auth/console/users/{id}/unlock`
pub async fn unlock(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    submission: Submission<Pressed>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let done = match demand_form(&submission) {
        Ok(()) => acts::end_lock(&app, &submission.visitor, &id).await,
        Err(error) => Err(error),
    };
    let done = done.map(|()| false);
    lead_back(&app, &submission, &id, ("unlock", done), None).await
}

/// `POST /auth/console/users/{id}/sessions`
pub async fn end_sessions(
    State(app): State<SharedApp>,
    id: Result<Path<String>, PathRejection>,
    submission: Submission<Pressed>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let done = match demand_form(&submission) {
        Ok(()) => acts::end_sessions(&app, &submission.visitor, &id, None).await,
        Err(error) => Err(error),
    };
    lead_back(&app, &submission, &id, ("sessions", done), None).await
}

/// `POST /auth/console/users/{id}/sessions/{sid}`
pub async fn end_session(
    State(app): State<SharedApp>,
    ids: Result<Path<(String, String)>, PathRejection>,
    submission: Submission<Pressed>,
) -> Response {
    let (id, sid) = ids.map(|Path(ids)| ids).unwrap_or_default();
    let done = match demand_form(&submission) {
        Ok(()) => acts::end_sessions(&app, &submission.visitor, &id, Some(&sid)).await,
        Err(error) => Err(error),
    };
    lead_back(&app, &submission, &id, ("session", done), None).await
}

/// Programs have resources of their own.
fn demand_form<T>(submission: &Submission<T>) -> Result<(), ApiError> {
    match submission.format {
        Format::Form => Ok(()),
        Format::Json => Err(ApiError::UnsupportedMediaType),
    }
}

/// The answer to a form: back to the person, or away if the session that asked has ended with it.
async fn lead_back<T: Fields>(
    app: &App,
    submission: &Submission<T>,
    id: &str,
    (act, done): (&str, Result<bool, ApiError>),
    wished: Option<Wished<'_>>,
) -> Response {
    let path = path_of(id);
    let error = match done {
        Ok(false) => return Redirect::to(&format!("{path}?done={act}")).into_response(),
        Ok(true) => {
            // The way in leads on to the list, for whoever still may see it.
            let sign_in = Redirect::to(&format!("/login?returnTo={PEOPLE}")).into_response();
            return answer::goodbye(app, sign_in).unwrap_or_else(IntoResponse::into_response);
        }
        Err(error) => error,
    };
    if submission.format == Format::Json {
        return error.into_response();
    }
    let mut frame = submission.frame.clone();
    // Whoever has to confirm their identity first comes back to the person, and not to a form that was sent.
    frame.here = Some(path);
    let can_be_mended = matches!(
        error,
        ApiError::Unfit(_)
            | ApiError::Invalid(_)
            | ApiError::StaleVersion
            | ApiError::LastAdmin
            | ApiError::VersionRequired
            | ApiError::CsrfInvalid
    );
    if !can_be_mended {
        return turn_away(app, &frame, &submission.visitor, error).await;
    }
    let outcome = Outcome::Refused(error, wished);
    match page(app, &submission.frame, &submission.visitor, id, outcome).await {
        Ok(page) => page,
        Err(error) => turn_away(app, &frame, &submission.visitor, error).await,
    }
}
