//! The forms of a person's page. Each leads back to it, or shows it again with why nothing was done. Where that cannot be shown, or
//! the password is asked for first, the roles that were chosen are shown again by themselves.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    PEOPLE,
    again::RolesAgainPage,
    person::{Outcome, Wished, page, path_of},
};
use crate::{
    App, SharedApp,
    http::{
        auth::{
            admin::{acts, roles},
            answer,
            submission::{Fields, FormFields, Format, Received, Submission},
            visitor::Strength,
        },
        pages::{
            Frame, in_place_of, render,
            resend::{Carried, Resend},
            turn_away,
        },
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
    person: String,
}

impl Ticked {
    /// The form as it is shown again where nobody looks anything up.
    fn form(&self, frame: &Frame) -> Option<Resend> {
        Resend::of(Carried::to(&frame.path)?, self.to_send_again())
    }
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
            person: form.get("person"),
        })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let form = self.form(&frame)?;
        let Carried::Roles(user) = form.form else {
            return None;
        };
        let wrong = frame.wrong(error);
        let mut page = RolesAgainPage::of(frame, csrf_token, user, &form);
        page.error = Some(wrong);
        Some(render(StatusCode::OK, &page))
    }

    fn to_send_again(&self) -> Vec<(String, String)> {
        // Without the roles that it was decided upon it is no form of ours, and there is nothing to keep.
        if self.version.is_empty() {
            return Vec::new();
        }
        let fields = [
            ("roles", self.roles.join(" ")),
            ("version", self.version.clone()),
            ("person", self.person.clone()),
        ];
        fields.map(|(name, value)| (name.to_owned(), value)).into()
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
    let Ticked { roles, version, .. } = &submission.fields;
    let asked = roles::Asked {
        id: &id,
        roles,
        version: Some(version),
    };
    // A form without a good token may come from anywhere: what it wishes for stands in no form of an administrator, where it would
    // be one press away from being given.
    let wished = accepted.is_ok().then_some(Wished { roles, version });
    let changed = match accepted.and_then(|()| demand_form(&submission)) {
        Ok(()) => roles::change(&app, &submission.visitor, asked).await,
        Err(error) => Err(error),
    };
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
    // The person's page would be refused now as well.
    if error.will_pass() {
        return submission.refuse(app, error);
    }
    if asks_for_the_password(app, submission, &error).await
        && let Some(question) = submission.question(app)
    {
        return in_place_of(question, error);
    }
    let mut frame = submission.frame.clone();
    // Whoever has to sign in first comes back to the person, and not to a form that was sent.
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
        // Their token was good, so what they wish for is shown by itself.
        Err(error) if wished.is_some() && error.will_pass() => submission.refuse(app, error),
        Err(error) => turn_away(app, &frame, &submission.visitor, error).await,
    }
}

/// Whether the password is what is wanted. Whoever is known by the access cookie alone is asked for it too.
async fn asks_for_the_password<T>(app: &App, submission: &Submission<T>, error: &ApiError) -> bool {
    let asks = matches!(
        error,
        ApiError::StepUpRequired | ApiError::RecentSignInRequired { .. }
    );
    if asks || !matches!(error, ApiError::NotSignedIn) {
        return asks;
    }
    let known = submission.visitor.principal(app, Strength::Any).await;
    known.is_ok()
}
