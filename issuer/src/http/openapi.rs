//! The description of the HTTP interface, made from the handlers themselves. The pages for people and the forms on them
//! are not part of it.
//!
//! `docs/openapi.json` is this text; a test holds it to the handlers and the handlers to the routes.

use edgeward_core::problem::{PROBLEM_CONTENT_TYPE, ProblemCode};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Content, RefOr, Required, Response, Responses, Schema,
        path::Operation,
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
    modifiers(&AbsentBodies, &CommonAnswers)
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

/// What is answered in the place of a handler, by the layers around it (`routes`) or by what reads the request for it (`Visitor`,
/// `Submission`). Handlers describe what they answer themselves; this is said once, so that no operation can lack it.
///
/// 429 is not among it: handlers ask the limits, and not all of them do.
struct CommonAnswers;

/// A refusal, and what is said of it behind its code.
type Common = (ProblemCode, &'static str);

/// Of every operation. Before any handler somebody may have sent a proof, for which the database is asked; each may panic, or take too
/// long.
const OF_ALL: [Common; 3] = [
    (
        ProblemCode::EdgeProofInvalid,
        ": the proof of an edge came along and does not hold",
    ),
    (ProblemCode::Internal, ""),
    (ProblemCode::Busy, ", with `Retry-After`"),
];

/// What is below this reads the credentials of a request; nothing else that is described does.
const READS_CREDENTIALS: &str = "/auth/";

/// A cookie of ours that came twice, or two sign-ins in one request.
const OF_CREDENTIALS: [Common; 1] = [(ProblemCode::AmbiguousCredentials, "")];

/// Of those that change something. Each reads the body, if only to see that it has no members.
const OF_CHANGES: [Common; 5] = [
    (ProblemCode::MalformedBody, ""),
    (ProblemCode::CsrfInvalid, ""),
    (ProblemCode::OriginRefused, ""),
    (ProblemCode::BodyTooLarge, ""),
    (ProblemCode::UnsupportedMediaType, ""),
];

/// Of those that are for the signed-in: an access token opens them too, or is judged beside the session cookie.
const OF_ACCESS_TOKENS: [Common; 5] = [
    (ProblemCode::InvalidToken, ""),
    (ProblemCode::TokenExpired, ""),
    (ProblemCode::TokenNotYetValid, ""),
    (ProblemCode::UnknownKey, ""),
    (
        ProblemCode::KeysUnavailable,
        ": no key is left to verify an access token with",
    ),
];

impl Modify for CommonAnswers {
    fn modify(&self, description: &mut openapi::OpenApi) {
        for (path, item) in &mut description.paths.paths {
            let has_credentials = path.starts_with(READS_CREDENTIALS);
            if let Some(operation) = &mut item.get {
                complete(operation, has_credentials, false);
            }
            let changes = [
                &mut item.post,
                &mut item.put,
                &mut item.patch,
                &mut item.delete,
            ];
            for operation in changes.into_iter().flatten() {
                complete(operation, has_credentials, true);
            }
        }
    }
}

fn complete(operation: &mut Operation, has_credentials: bool, changes: bool) {
    let responses = &mut operation.responses;
    let mut common = OF_ALL.to_vec();
    if has_credentials {
        common.extend(OF_CREDENTIALS);
    }
    if has_credentials && changes {
        common.extend(OF_CHANGES);
    }
    if is_for_the_signed_in(responses) {
        common.extend(OF_ACCESS_TOKENS);
    }
    for (code, remark) in common {
        may_answer(responses, code, remark);
    }
}

fn is_for_the_signed_in(responses: &Responses) -> bool {
    let code = ProblemCode::NotSignedIn;
    let answer = responses.responses.get(&code.status().to_string());
    matches!(answer, Some(RefOr::T(answer)) if names(answer, code))
}

fn names(answer: &Response, code: ProblemCode) -> bool {
    answer.description.contains(&format!("`{code}`"))
}

/// Names the code under its status, behind what is said there already.
fn may_answer(responses: &mut Responses, code: ProblemCode, remark: &str) {
    let status = code.status().to_string();
    let answer = responses.responses.entry(status);
    let RefOr::T(answer) = answer.or_insert_with(|| RefOr::T(Response::default())) else {
        return;
    };
    if names(answer, code) {
        return;
    }
    if !answer.description.is_empty() {
        answer.description.push_str("; ");
    }
    answer.description.push_str(&format!("`{code}`{remark}"));
    // Where the status has a body of its own, it would look as if it had no other.
    if !answer.content.is_empty() {
        let problem = RefOr::T(Content::default());
        answer
            .content
            .insert(PROBLEM_CONTENT_TYPE.to_owned(), problem);
    }
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
