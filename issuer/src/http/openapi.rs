//! The description of the HTTP interface, made from the handlers themselves. The pages for people are not part of it.
//!
//! `docs/openapi.json` is this text; a test holds it to the handlers and the handlers to the routes.

use utoipa::OpenApi;

use super::{auth, health, wellknown};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Edgeward issuer",
        description = "Refusals are RFC 9457 problems, application/problem+json, with a stable member `code`."
    ),
    paths(
        wellknown::key_set,
        wellknown::metadata,
        auth::register::register,
        auth::login::log_in,
        auth::refresh::refresh,
        auth::logout::log_out,
        auth::logout::log_out_all,
        auth::me::me,
        auth::csrf::token,
        auth::sessions::list,
        auth::sessions::revoke,
        health::live,
        health::ready,
    )
)]
struct Description;

/// The description as JSON, ending in a line feed.
///
/// # Errors
/// Never for what is written here; the serialiser's signature allows it.
pub fn json() -> Result<String, serde_json::Error> {
    let mut text = Description::openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}
