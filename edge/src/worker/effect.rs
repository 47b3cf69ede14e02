//! From core's decision to what happens: a closed decision goes in, a response or a forward comes out.
//!
//! Nothing is decided here. The match is exhaustive, so a new decision cannot be forgotten.

use std::cell::RefCell;

use edgeward_core::gate::{Decision, Permit, Refusal};
use edgeward_core::trace::TRACEPARENT;
use wasm_bindgen::JsValue;
use web_sys::Response;

use super::log;
use super::reply::{OwnHeaders, Reply};
use super::request::Inbound;
use super::response_headers::REQUEST_ID;
use super::runtime;
use super::tally;

/// An answer without a body (RFC 9110, section 15.3.5).
const NO_CONTENT: u16 = 204;

thread_local! {
    /// The last answer without a body.
    static EARLIER: RefCell<Option<Earlier>> = const { RefCell::new(None) };
}

struct Earlier {
    /// Its headers, but for those that name the request.
    constant: OwnHeaders,
    /// The names of those: an answer that lacks one would go out with another request's.
    names: Vec<&'static str>,
    response: Response,
}

/// What is left to do.
pub(super) enum Effect {
    /// Send the request on, as the permit says.
    Forward(Permit),
    /// Answer it here.
    Reply(Reply),
    /// Bring what the decision asks for.
    Bring(Decision),
}

/// What a decision comes to. It is counted, and refusals are logged on the way, with the reason that the client is not told.
pub(super) fn of(decision: Decision, inbound: &Inbound) -> Effect {
    tally::decided(&decision);
    match decision {
        Decision::Forward(permit) => Effect::Forward(permit),
        Decision::Redirect(redirect) => {
            Effect::Reply(Reply::redirect(redirect.status, redirect.location))
        }
        Decision::Answer(answer) => Effect::Reply(Reply::empty(answer.status)),
        Decision::AnswerPreflight(preflight) => Effect::Reply(
            Reply::empty(NO_CONTENT)
                .with_each(preflight.headers())
                .varying_by_origin(),
        ),
        Decision::Refuse(refusal) => Effect::Reply(refuse(&refusal, inbound)),
        wanting @ (Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_)) => Effect::Bring(wanting),
    }
}

fn refuse(refusal: &Refusal, inbound: &Inbound) -> Reply {
    let [request_id, trace_id] = inbound.names_in_logs();
    log::line(
        if refusal.status >= 500 {
            "error"
        } else {
            "warn"
        },
        "refused",
        &[
            request_id,
            trace_id,
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
    if let Some(grant) = &refusal.cors {
        reply = reply.with_each(grant.headers()).varying_by_origin();
    }
    if let Some(seconds) = refusal.retry_after {
        reply = reply.with("retry-after", seconds.to_string());
    }
    reply
}

/// An own answer, as the runtime sends it.
pub(super) fn send(reply: &Reply) -> Result<Response, JsValue> {
    let make = || {
        let headers = reply.headers.iter().map(|(name, value)| (*name, &**value));
        runtime::reply(reply.status, headers, reply.body.as_deref())
    };
    // What verify-token says to everybody who is signed in differs in the request's names only. The runtime copies the headers
    // of an earlier answer in a fraction of the time that it takes to set the same headers one by one.
    let is_name = |(name, _): &(&str, String)| matches!(*name, REQUEST_ID | TRACEPARENT);
    let names_at = reply.headers.iter().position(is_name);
    let (constant, names) = reply
        .headers
        .split_at(names_at.unwrap_or(reply.headers.len()));
    // Answers to preflights are many, and would take the place of the one that comes all the time.
    if reply.status != NO_CONTENT || reply.is_for_one_origin() {
        return make();
    }
    EARLIER.with_borrow_mut(|earlier| {
        let named = || names.iter().map(|(name, _)| *name);
        let is_like =
            |one: &&Earlier| one.constant == constant && one.names.iter().copied().eq(named());
        if let Some(like) = earlier.as_ref().filter(is_like) {
            let names = names.iter().map(|(name, value)| (*name, &**value));
            return runtime::reply_once_more(&like.response, names);
        }
        *earlier = Some(Earlier {
            constant: constant.to_vec(),
            names: named().collect(),
            response: make()?,
        });
        make()
    })
}
