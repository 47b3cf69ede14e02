//! What was sent with an unsafe request, as JSON or as an HTML form, after the rules against forgery.
//!
//! `Submission` and `Received` are the only extractors here that give a body, so no handler can forget them. The order is: origin,
//! credentials, token, fields. Members of JSON that are not known, of another type or there twice are refused: a caller that
//! misspells one would otherwise get the default of what it asked to change. Fields of a form that are not known are ignored,
//! because browsers and their extensions add some; what occurs twice is refused there too.

use axum::{
    body::{Body, Bytes},
    extract::{Form, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use edgeward_core::csrf::CSRF_FIELD;
use serde::de::DeserializeOwned;

use super::{json_body::from_json, visitor::Visitor};
use crate::{
    App, SharedApp,
    http::{
        cookies,
        csrf::{self, Demand},
        pages::{
            self, Frame,
            resend::{Carried, Resend},
            sign_in::StepUpPage,
        },
        problem::ApiError,
    },
};

/// How a request was written, and so how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A program: JSON, or no body at all.
    Json,
    /// A person's form.
    Form,
}

/// The fields of a form as sent, each name at most once. No `Debug`: one of them is a password.
#[derive(Default)]
pub struct FormFields(Vec<(String, String)>);

impl FormFields {
    fn take(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let repeated = names.windows(2).any(|two| matches!(two, [a, b] if a == b));
        if repeated {
            return Err(ApiError::malformed("a form field occurs twice"));
        }
        Ok(Self(pairs))
    }

    /// The value of a field; an absent one is empty, as an empty one is.
    #[must_use]
    pub fn get(&self, name: &str) -> String {
        self.sent(name).unwrap_or_default().to_owned()
    }

    /// All of them, with their names.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn sent(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a resource takes.
pub trait Fields: DeserializeOwned + Send + Sync + 'static {
    /// The same from a form; `None` for resources that have no page.
    fn from_form(form: &FormFields) -> Option<Self> {
        let _ = form;
        None
    }

    /// The form with what was typed, shown again.
    ///
    /// # Errors
    /// When the page cannot be rendered.
    fn page_again(
        &self,
        app: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let _ = (app, frame, csrf_token, error);
        None
    }

    /// The page of the form: where somebody begins anew who had to sign in or to confirm their identity, if nothing of the form
    /// goes along. It ends up in an address, so nothing of it is secret.
    fn begins_anew_at(&self) -> Option<String> {
        None
    }

    /// The fields of a form that go along while somebody confirms their identity, so that they need not be typed again. The page
    /// that asks for the password carries them and nothing keeps them here, so a password is never among them.
    fn to_send_again(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// The fields of a resource that takes none.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

impl Fields for NoFields {}

/// A request that has passed the rules against forgery.
#[derive(Debug)]
pub struct Submission<T> {
    /// Who asks.
    pub visitor: Visitor,
    /// What a page has that answers it.
    pub frame: Frame,
    /// How it was written.
    pub format: Format,
    /// What was sent.
    pub fields: T,
}

impl<T: Fields> FromRequest<SharedApp> for Submission<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Response> {
        match Received::from_request(request, app).await? {
            Received::Accepted(submission) => Ok(submission),
            Received::Refused(submission, error) => Err(submission.refuse(app, error)),
        }
    }
}

/// A form for a handler that has to ask the database before it can show it again, also where its token was refused.
#[derive(Debug)]
pub enum Received<T> {
    /// It has passed the rules against forgery.
    Accepted(Submission<T>),
    /// It has not: nothing may be done of it. Anybody may have made it, so what it gives somebody is not shown again either.
    Refused(Submission<T>, ApiError),
}

impl<T: Fields> FromRequest<SharedApp> for Received<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Response> {
        let form = is_form(request.headers());
        let frame = Frame::of(app, request.method(), request.uri(), request.headers());
        match receive::<T>(request, app, frame.clone()).await {
            Ok(submission) => Ok(Self::Accepted(submission)),
            Err(Refused::Outright(error)) if form => Err(pages::message(&frame, error)),
            Err(Refused::Unjudged(error)) if form => Err(pages::unjudged(&frame, error)),
            Err(Refused::Outright(error) | Refused::Unjudged(error) | Refused::Program(error)) => {
                Err(error.into_response())
            }
            Err(Refused::Shown(submission, error)) => Ok(Self::Refused(*submission, error)),
        }
    }
}

/// A refusal before the handler.
enum Refused<T> {
    /// There is nothing to show again.
    Outright(ApiError),
    /// Whose form it is cannot be found out. What was sent may be a stranger's, so none of it is shown again.
    Unjudged(ApiError),
    /// A program says that it is a form, and is none.
    Program(ApiError),
    /// The form can be shown again.
    Shown(Box<Submission<T>>, ApiError),
}

impl<T> From<ApiError> for Refused<T> {
    fn from(error: ApiError) -> Self {
        Self::Outright(error)
    }
}

async fn receive<T: Fields>(
    request: Request,
    app: &SharedApp,
    frame: Frame,
) -> Result<Submission<T>, Refused<T>> {
    let demand = csrf::judge_origin(request.headers(), &app.config.issuer.url)?;
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, app).await;
    let visitor = visitor.map_err(|error| match error.will_pass() {
        true => Refused::Unjudged(error),
        false => Refused::Outright(error),
    })?;
    let request = Request::from_parts(parts, body);
    if is_form(request.headers()) {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let sent = Bytes::from_request(whole, app)
            .await
            .map_err(ApiError::from)?;
        // A browser's form has these letters escaped, so no person sent it. It is refused here and not read, whatever its
        // token: the program learns what is wrong with it, and nothing else is done.
        if begins_as_json(&sent) {
            return Err(Refused::Program(ApiError::UnsupportedMediaType));
        }
        let request = Request::from_parts(parts, Body::from(sent));
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, app)
            .await
            .map_err(ApiError::from)?;
        let form = FormFields::take(pairs)?;
        let submission = Submission {
            visitor,
            frame,
            format: Format::Form,
            fields: T::from_form(&form).ok_or(ApiError::UnsupportedMediaType)?,
        };
        return match csrf::check(app, &submission.visitor, form.sent(CSRF_FIELD)) {
            Ok(()) => Ok(submission),
            Err(error) => Err(Refused::Shown(Box::new(submission), error)),
        };
    }
    // The edge's own request is no page's, and says so in a proof that holds for nothing but a refresh.
    let comes_from_a_page = demand == Demand::Token || visitor.presented.has_credential_cookie();
    if comes_from_a_page && !visitor.caller.is_edge_refreshing {
        csrf::check(app, &visitor, csrf::header_token(request.headers()))?;
    }
    let is_json = is_json(request.headers());
    let body = Bytes::from_request(request, app)
        .await
        .map_err(ApiError::from)?;
    let fields = if body.is_empty() {
        from_json(b"{}")?
    } else if is_json {
        from_json(&body)?
    } else {
        return Err(ApiError::UnsupportedMediaType.into());
    };
    Ok(Submission {
        visitor,
        frame,
        format: Format::Json,
        fields,
    })
}

fn begins_as_json(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

fn is_form(headers: &HeaderMap) -> bool {
    media_type(headers) == Some("application/x-www-form-urlencoded".to_owned())
}

/// `application/json` and nothing that merely resembles it: a page of another origin cannot send it without being
/// asked first (CORS).
fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers) == Some("application/json".to_owned())
}

/// The one media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next().map(HeaderValue::to_str)?.ok()?;
    if values.next().is_some() {
        return None;
    }
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

impl<T: Fields> Submission<T> {
    /// What goes back when the resource has been asked.
    pub async fn respond(&self, app: &App, outcome: Result<Response, ApiError>) -> Response {
        match outcome {
            Ok(response) => response,
            Err(error) if self.format == Format::Form && pages::is_signed_out(&error) => {
                // A form that was open for longer than the sign-in: its page is where they come back to, since what it sends
                // to cannot be opened.
                let mut frame = self.frame.clone();
                frame.here = self.fields.begins_anew_at();
                pages::turn_away(app, &frame, &self.visitor, error).await
            }
            Err(error) => self.refuse(app, error),
        }
    }

    /// The answer to a refusal: a problem for a program; for a person the form again, or a message.
    #[must_use]
    pub fn refuse(&self, app: &App, error: ApiError) -> Response {
        match self.format {
            Format::Json => error.into_response(),
            Format::Form => match self.form_again(app, &error) {
                Some(page) => pages::in_place_of(page, error),
                None => pages::message(&self.frame, error),
            },
        }
    }

    /// The question for the password in the place of the answer, with the form that waits for it. `None` where there is nothing to
    /// come back to.
    #[must_use]
    pub fn question(&self, app: &App) -> Option<Response> {
        self.with_token(app, |token| self.step_up_first(token))
    }

    /// `None` when the form cannot be shown.
    fn form_again(&self, app: &App, error: &ApiError) -> Option<Response> {
        if matches!(error, ApiError::StepUpRequired) {
            return self.question(app);
        }
        let again = |token| {
            let frame = self.frame.clone();
            self.fields.page_again(app, frame, token, error)
        };
        self.with_token(app, again)
    }

    fn with_token(
        &self,
        app: &App,
        page: impl FnOnce(String) -> Option<Result<Response, ApiError>>,
    ) -> Option<Response> {
        let (token, cookie) = csrf::hand_out(app, &self.visitor).ok()?;
        let mut page = page(token)?.ok()?;
        cookies::append(&mut page, [cookie]).ok()?;
        Some(page)
    }

    fn step_up_first(&self, csrf_token: String) -> Option<Result<Response, ApiError>> {
        let resend = Carried::to(&self.frame.path)
            .and_then(|form| Resend::of(form, self.fields.to_send_again()));
        let return_to = match &resend {
            Some(_) => String::new(),
            None => self.fields.begins_anew_at()?,
        };
        let page = StepUpPage {
            frame: self.frame.clone(),
            csrf_token,
            return_to,
            resend,
            error: None,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_media_type_counts() {
        for (values, json, form) in [
            (vec!["application/json"], true, false),
            (vec!["Application/JSON; charset=utf-8"], true, false),
            (vec!["application/x-www-form-urlencoded"], false, true),
            (vec!["application/problem+json"], false, false),
            (vec!["text/plain; application/json"], false, false),
            (vec!["application/json", "application/json"], false, false),
            (vec![""], false, false),
            (vec![], false, false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
            }
            assert_eq!(
                (is_json(&headers), is_form(&headers)),
                (json, form),
                "{values:?}"
            );
        }
    }
}
