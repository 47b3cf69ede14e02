//! From core's decision to what happens: a closed decision goes in, a response or a forward comes out.
//!
//! Nothing is decided here. The match is exhaustive, so a new decision cannot be forgotten.

use edgeward_core::gate::{Decision, Permit, Refusal, ResponsePolicy};
use edgeward_core::problem::ProblemCode;
use js_sys::{Array, JsString};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Headers, Request, Response, ResponseInit};

use super::config::Settings;
use super::log;
use super::reply::Reply;
use super::request::Inbound;
use super::response_headers::{self, FOR_SHARED_CACHES, REQUEST_ID};

/// What is left to do.
pub(super) enum Effect {
    /// Send the request on, as the permit says.
    Forward(Permit),
    /// Answer it here.
    Reply(Reply),
}

/// What a decision comes to. Refusals are logged on the way, with the reason that the client is not told.
pub(super) fn of(decision: Decision, inbound: &Inbound) -> Effect {
    match decision {
        Decision::Forward(permit) => Effect::Forward(permit),
        Decision::Redirect(redirect) => {
            Effect::Reply(Reply::redirect(redirect.status, redirect.location))
        }
        Decision::Answer(answer) => Effect::Reply(Reply::empty(answer.status)),
        Decision::Refuse(refusal) => Effect::Reply(refuse(&refusal, inbound)),
        // Asked for although the best set and an answer were given: nothing can be judged.
        Decision::NeedsKeys(_) | Decision::NeedsSignature(_) => Effect::Reply(Reply::refusal(
            ProblemCode::KeysUnavailable,
            inbound.reader(),
            &inbound.id,
        )),
    }
}

fn refuse(refusal: &Refusal, inbound: &Inbound) -> Reply {
    log::line(
        if refusal.status >= 500 {
            "error"
        } else {
            "warn"
        },
        "refused",
        &[
            ("requestId", &inbound.id),
            ("method", &inbound.method),
            ("code", refusal.code.code()),
            ("reason", &refusal.log_reason),
        ],
    );
    let mut reply = Reply::problem(&refusal.problem(), inbound.reader(), &inbound.id);
    if let Some(challenge) = &refusal.www_authenticate {
        reply = reply.with("www-authenticate", challenge.clone());
    }
    if let Some(allow) = refusal.allow {
        reply = reply.with("allow", allow.to_owned());
    }
    reply
}

/// An upstream's answer, completed: our headers where it has none, the request id, and how a signed-in route may be kept.
pub(super) fn complete(
    response: &Response,
    permit: &Permit,
    inbound: &Inbound,
    settings: &Settings,
) -> Result<(), JsValue> {
    let headers = response.headers();
    for (name, value) in response_headers::security(settings.environment) {
        if !headers.has(name)? {
            headers.set(name, value)?;
        }
    }
    let policy = permit.response_policy();
    let said = headers.get("cache-control")?;
    if let Some(instead) =
        response_headers::cache_control(policy, permit.identity().is_some(), said.as_deref())
    {
        headers.set("cache-control", instead)?;
    }
    if policy == ResponsePolicy::PrivateNoStore {
        for name in FOR_SHARED_CACHES {
            headers.delete(name)?;
        }
    }
    headers.set(REQUEST_ID, &inbound.id)
}

/// An own answer, as the runtime sends it.
pub(super) fn send(reply: Reply) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &reply.headers {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(reply.body.as_deref(), &init)
}

/// All headers of a request, read in one go.
pub(super) fn read_headers(request: &Request) -> Result<Vec<(String, String)>, JsValue> {
    let entries = Array::from(&request.headers());
    entries
        .iter()
        .map(|entry| {
            let entry: Array = entry.dyn_into()?;
            let text = |place| entry.get(place).dyn_into::<JsString>().map(String::from);
            Ok((text(0)?, text(1)?))
        })
        .collect()
}
