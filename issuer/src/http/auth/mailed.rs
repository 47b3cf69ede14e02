//! What the resources of mailed links have in common: they are there where mail is configured, and a link can be guessed at.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    demand_mail,
    submission::{Format, Submission},
};
use crate::{
    App,
    domain::mail::LinkToken,
    http::{
        pages::{Frame, links},
        problem::ApiError,
    },
    mail::letters::LinkLife,
};

/// Lets somebody try.
pub(super) async fn admit<T>(app: &App, submission: &Submission<T>) -> Result<(), ApiError> {
    demand_mail(app)?;
    app.limits.guess(submission.visitor.caller.address).await?;
    Ok(())
}

/// The token of the link, as it was sent.
pub(super) fn token(sent: &SecretString) -> Result<LinkToken, ApiError> {
    LinkToken::parse(sent.expose_secret()).ok_or(ApiError::LinkInvalid)
}

/// A page that says of a mail on its way how long its link works, in the words of the mail.
pub(super) fn sent(frame: &Frame, message: &str, link_seconds: i64) -> Result<Response, ApiError> {
    let life = LinkLife::of(link_seconds).told(frame.language);
    links::told(
        frame,
        "mailed-title",
        frame.text_with(message, "life", life),
    )
}

/// The link was used: nothing more to tell a program, and for a person a page that leads to the sign-in.
pub(super) fn used<T>(
    submission: &Submission<T>,
    title: &str,
    message: &str,
) -> Result<Response, ApiError> {
    match submission.format {
        Format::Json => Ok(StatusCode::NO_CONTENT.into_response()),
        Format::Form => links::done(&submission.frame, title, message),
    }
}
