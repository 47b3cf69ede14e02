//! From core's decision to what a proxy understands: closed decision in, answer out. Nothing is decided here, but what a proxy
//! cannot carry out as it was decided becomes a refusal.

use std::{borrow::Cow, fmt::Write};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use edgeward_core::{
    gate::{
        Decision, Destination, Permit, Refusal, ResponsePolicy,
        cors::vary_with_origin,
        headers,
        identity::{self, Bound},
    },
    problem::{PROBLEM_CONTENT_TYPE, Problem, ProblemCode},
};

use super::{
    ForwardAuth, Judged,
    asked::Asked,
    dialect::{Form, Passing, STATED_BY_OTHERS, STATEMENTS},
};
use crate::{
    App,
    config::Dialect,
    http::{
        metrics::VerdictResult,
        pages::{self, Frame, MessagePage},
        request_id::RequestId,
    },
};

/// The path and the query to send on: what was judged.
const TARGET: HeaderName = HeaderName::from_static("edgeward-target");

/// What the app's answer is to say to caches: on a signed-in route unless it forbids storing itself, on another, where the caller is
/// known, if it says nothing.
const CACHE_CONTROL: HeaderName = HeaderName::from_static("edgeward-cache-control");

/// Says that the policy speaks about cross-origin reading, so that nothing that the app says about it counts.
const SPEAKS_OF_ORIGINS: HeaderName = HeaderName::from_static("edgeward-cors");

/// Envoy takes these away from the request after it has set the ones of the verdict.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// The answers of the gate depend on the credentials.
const VARY_ON_CREDENTIALS: &str = "Cookie, Authorization";

/// What a decision comes to. Refusals are logged on the way, with the reason that the client is not told.
pub(super) fn of(
    judged: Judged,
    asked: &Asked,
    form: Form,
    by: &ForwardAuth,
    id: &RequestId,
) -> Response {
    let refuse = |code: ProblemCode, reason: &str| {
        by.told(VerdictResult::refused_with(code), form);
        note(code, reason, asked, id);
        in_words(&Problem::new(code), asked, form, code.status(), &by.app)
    };
    let unless_unconfirmed = |result| match judged.is_unconfirmed {
        true => VerdictResult::Unconfirmed,
        false => result,
    };
    match judged.decision {
        Decision::Forward(permit) => match unfit(&permit, asked, form, by.dialect) {
            Some((code, reason)) => refuse(code, reason),
            None => match pass(&permit, asked, by) {
                Ok(response) => {
                    by.told(unless_unconfirmed(VerdictResult::Passed), form);
                    response
                }
                Err(reason) => refuse(ProblemCode::Internal, reason),
            },
        },
        Decision::Redirect(redirect) => {
            by.told(VerdictResult::Redirected, form);
            let status = match form {
                Form::Verdict => StatusCode::UNAUTHORIZED.as_u16(),
                Form::InPlace | Form::Whole(_) => redirect.status,
            };
            let mut response = empty(status);
            set(&mut response, header::LOCATION, &redirect.location);
            response
        }
        Decision::Answer(answer) if shows(form) => {
            by.told(unless_unconfirmed(VerdictResult::Answered), form);
            empty(answer.status)
        }
        Decision::AnswerPreflight(preflight) if shows(form) => {
            by.told(VerdictResult::Answered, form);
            let mut response = empty(StatusCode::NO_CONTENT.as_u16());
            for (name, value) in preflight.headers() {
                set(&mut response, HeaderName::from_static(name), &value);
            }
            vary_by_origin(&mut response);
            response
        }
        // The proxy would take a success for leave to pass.
        Decision::Answer(_) | Decision::AnswerPreflight(_) => {
            refuse(ProblemCode::RouteDenied, "success-would-pass")
        }
        Decision::Refuse(refusal) => {
            by.told(VerdictResult::refused_with(refusal.code), form);
            refused(&refusal, asked, form, by, id)
        }
        // `ForwardAuth::judge` has answered these, or said that there is no more.
        Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_) => refuse(ProblemCode::KeysUnavailable, "not-judged"),
    }
}

/// A refusal before there is anything to judge.
pub(super) fn refusal(code: ProblemCode, form: Form, detail: Option<String>) -> Response {
    let problem = match detail {
        Some(detail) => Problem::new(code).with_detail(detail),
        None => Problem::new(code),
    };
    as_problem(&problem, fitting(code.status(), form))
}

/// Whether a success that is not 200 reaches the client and lets nothing pass.
const fn shows(form: Form) -> bool {
    match form {
        Form::InPlace | Form::Whole(Passing::OkOnly) => true,
        Form::Verdict | Form::Whole(Passing::AnySuccess) => false,
    }
}

/// `auth_request` takes every status but these two for a failure of ours.
const fn fitting(status: u16, form: Form) -> u16 {
    match (form, status) {
        (Form::Verdict, 401) => 401,
        (Form::Verdict, _) => 403,
        (Form::InPlace | Form::Whole(_), status) => status,
    }
}

/// Why what was permitted cannot be done by this proxy.
fn unfit(
    permit: &Permit,
    asked: &Asked,
    form: Form,
    dialect: Dialect,
) -> Option<(ProblemCode, &'static str)> {
    match permit.destination() {
        // The proxy leads these to the issuer without asking. The app must not get them, as they bear cookies for the issuer.
        Destination::Issuer => return Some((ProblemCode::RouteDenied, "path-of-the-issuer")),
        Destination::App => {}
    }
    match (form, dialect) {
        (Form::InPlace, _) => Some((ProblemCode::RouteDenied, "refused-by-the-proxy")),
        (_, Dialect::Traefik | Dialect::Envoy) if asked.has_dot_segments() => {
            Some((ProblemCode::AmbiguousPath, "path-would-be-forwarded-raw"))
        }
        (Form::Verdict | Form::Whole(_), _) => None,
    }
}

/// 200, and the headers with which the request goes on.
fn pass(permit: &Permit, asked: &Asked, by: &ForwardAuth) -> Result<Response, &'static str> {
    let mut response = empty(StatusCode::OK.as_u16());
    let bound = permit.binds_request().then_some(Bound {
        method: asked.question.method.as_str(),
        path: permit.path().as_str(),
    });
    let introduction = match permit.identity() {
        Some(who) => {
            identity::headers(who, bound, by.introducer(), asked.now()).map_err(|_| "not-signed")?
        }
        None => Vec::new(),
    };
    for (name, value) in &introduction {
        set(&mut response, HeaderName::from_static(name), value);
    }
    let mut absent: Vec<&str> = identity::NAMES
        .into_iter()
        .filter(|name| introduction.iter().all(|(said, _)| said != name))
        .collect();
    match asked.cookies_of_the_app() {
        Some(cookies) => hand_on(&mut response, header::COOKIE, &cookies)?,
        None => absent.push("cookie"),
    }
    match asked.authorization_of_the_app(&by.cookies, permit.drops_credential()) {
        Some(said) => hand_on(&mut response, header::AUTHORIZATION, said)?,
        None => absent.push("authorization"),
    }
    if by.dialect == Dialect::Envoy {
        // It asks about no header that it was not told to, so these cannot be refused.
        absent.extend(headers::ROUTING);
        absent.extend(
            STATEMENTS
                .into_iter()
                .filter(|name| !STATED_BY_OTHERS.contains(name)),
        );
        absent.extend(["x-middleware-subrequest", "x-middleware-invoke"]);
        set(&mut response, TO_REMOVE, &absent.join(","));
    }
    let path = permit.path().as_str();
    let target = match &asked.question.query {
        Some(query) => format!("{path}?{}", in_ascii(query)),
        None => path.to_owned(),
    };
    // Without it nginx would send on what the client wrote instead of what was judged.
    hand_on(&mut response, TARGET, &target)?;
    match permit.response_policy() {
        ResponsePolicy::PrivateNoStore => set(&mut response, CACHE_CONTROL, "private, no-store"),
        // The app was told who asks, so its answer may be about them.
        ResponsePolicy::Untouched if permit.identity().is_some() => {
            set(&mut response, CACHE_CONTROL, "private");
        }
        ResponsePolicy::Untouched => {}
    }
    if let Some(grant) = permit.cors() {
        set(&mut response, SPEAKS_OF_ORIGINS, "policy");
        for (name, value) in grant.headers() {
            set(&mut response, HeaderName::from_static(name), &value);
        }
    }
    Ok(response)
}

fn refused(
    refusal: &Refusal,
    asked: &Asked,
    form: Form,
    by: &ForwardAuth,
    id: &RequestId,
) -> Response {
    note(refusal.code, &refusal.log_reason, asked, id);
    let mut response = in_words(&refusal.problem(), asked, form, refusal.status, &by.app);
    // nginx would hand the challenge of its sub-request to the client beside that of the answer in its place.
    if let Some(challenge) = refusal
        .www_authenticate
        .as_deref()
        .filter(|_| form != Form::Verdict)
    {
        set(&mut response, header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(allow) = refusal.allow {
        set(&mut response, header::ALLOW, allow);
    }
    if let Some(grant) = &refusal.cors {
        for (name, value) in grant.headers() {
            set(&mut response, HeaderName::from_static(name), &value);
        }
        vary_by_origin(&mut response);
    }
    if let Some(seconds) = refusal.retry_after {
        set(&mut response, header::RETRY_AFTER, &seconds.to_string());
    }
    response
}

fn note(code: ProblemCode, reason: &str, asked: &Asked, id: &RequestId) {
    let (code, method) = (code.code(), asked.question.method.as_str());
    tracing::warn!(request_id = %id, method, code, reason, "refused");
}

/// A page for a person, problem JSON for a program.
fn in_words(problem: &Problem, asked: &Asked, form: Form, status: u16, app: &App) -> Response {
    let status = fitting(status, form);
    if form != Form::Verdict && asked.is_navigation() {
        let frame = Frame::alone(app, asked.language);
        let page = MessagePage {
            title: frame.code(problem.code),
            frame,
            message: problem.detail.clone().unwrap_or_default(),
        };
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        if let Ok(mut response) = pages::render(code, &page) {
            set(&mut response, header::VARY, VARY_ON_CREDENTIALS);
            return response;
        }
    }
    as_problem(problem, status)
}

fn as_problem(problem: &Problem, status: u16) -> Response {
    let mut response = empty(status);
    set(&mut response, header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE);
    *response.body_mut() = problem.to_json().into();
    response
}

fn empty(status: u16) -> Response {
    // Core's statuses are all statuses; what is none must not become a success.
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    ([(header::VARY, VARY_ON_CREDENTIALS)], status).into_response()
}

/// Sets a header with what a client said, or says that nothing may go on without it.
fn hand_on(response: &mut Response, name: HeaderName, value: &str) -> Result<(), &'static str> {
    // Octets beyond ASCII may stand in a header (RFC 9110, section 5.5), and came in one.
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| "not-to-be-handed-on")?;
    response.headers_mut().insert(name, value);
    Ok(())
}

/// A query with what is not ASCII in escapes (RFC 3986, section 2.1), as the edge hands it on.
fn in_ascii(query: &str) -> Cow<'_, str> {
    if query.is_ascii() {
        return Cow::Borrowed(query);
    }
    let mut escaped = String::with_capacity(query.len());
    for byte in query.bytes() {
        if byte.is_ascii() {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    Cow::Owned(escaped)
}

/// Sets a header of our own, which is ASCII. What could not stand in one is left out.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn vary_by_origin(response: &mut Response) {
    let vary = vary_with_origin(Some(VARY_ON_CREDENTIALS));
    set(response, header::VARY, &vary);
}
