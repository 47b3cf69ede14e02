//! Whom a caller asks an access token for.

use crate::{App, http::problem::ApiError};

/// The audience of the token: the one that was asked for, or the application. Cookies go to the application, so whoever keeps
/// tokens there can ask for no other.
pub(super) fn chosen<'a>(
    app: &'a App,
    asked: Option<&'a str>,
    in_body: bool,
) -> Result<&'a str, ApiError> {
    let application = app.config.issuer.audience.as_str();
    match asked {
        None => Ok(application),
        Some(_) if !in_body => Err(ApiError::malformed("audience is for tokens in the body")),
        Some(asked) if app.config.algorithm_for(asked).is_some() => Ok(asked),
        Some(_) => Err(ApiError::invalid(
            "audience is none that there are tokens for",
        )),
    }
}
