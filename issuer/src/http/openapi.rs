//! The description of the HTTP interface, made from the handlers themselves. The pages for people and the forms on them
//! are not part of it.
//!
//! `docs/openapi.json` is this text; a test holds it to the handlers and the handlers to the routes.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, RefOr, Required, Schema,
        request_body::RequestBody,
        schema::{Object, SchemaType, Type},
    },
};

use super::{auth, edge_bundle, health, readiness, revocations, wellknown};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Edgeward issuer",
        description = "Refusals are RFC 9457 problems, application/problem+json, with a stable member `code`."
    ),
    paths(
        wellknown::key_set,
        wellknown::metadata,
        revocations::feed,
        edge_bundle::bundle,
        auth::register::register,
        auth::confirm::confirm,
        auth::login::log_in,
        auth::refresh::refresh,
        auth::logout::log_out,
        auth::logout::log_out_all,
        auth::password::change,
        auth::forgot::forgot,
        auth::reset::reset,
        auth::step_up::step_up,
        auth::me::me,
        auth::csrf::token,
        auth::sessions::list,
        auth::sessions::revoke,
        auth::admin::users::list,
        auth::admin::users::details,
        auth::admin::roles::set,
        auth::admin::acts::unlock,
        auth::admin::acts::revoke_sessions,
        auth::admin::acts::revoke_session,
        health::live,
        readiness::ready,
    ),
    modifiers(&AbsentBodies)
)]
struct Description;

/// A handler's `Option` body may be left out; the generator says instead that it may be the word `null`, which it may not.
struct AbsentBodies;

impl Modify for AbsentBodies {
    fn modify(&self, description: &mut openapi::OpenApi) {
        for item in description.paths.paths.values_mut() {
            for operation in [&mut item.post, &mut item.put, &mut item.patch] {
                let body = operation.as_mut().and_then(|it| it.request_body.as_mut());
                if let Some(RefOr::T(body)) = body {
                    may_be_absent(body);
                }
            }
        }
    }
}

fn may_be_absent(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(choice))) = &mut content.schema else {
            continue;
        };
        let before = choice.items.len();
        choice.items.retain(|item| !is_null(item));
        if choice.items.len() < before {
            body.required = Some(Required::False);
            if let [only] = choice.items.as_slice() {
                content.schema = Some(only.clone());
            }
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(
        schema,
        RefOr::T(Schema::Object(Object {
            schema_type: SchemaType::Type(Type::Null),
            ..
        }))
    )
}

/// The description as JSON, ending in a line feed.
///
/// # Errors
/// Never for what is written here; the serialiser's signature allows it.
pub fn json() -> Result<String, serde_json::Error> {
    let mut text = Description::openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}
