//! The Worker: takes a request, asks core what it deserves, and does exactly that.
//!
//! The way of a request is told by [`fetch`]. Kept for the life of the isolate are settings; the key set and the keys as the platform has
//! imported them; the feed of ended sessions; the bundle, which holds secrets; tokens that were verified, and assertions made of them; refreshes that
//! are under way, with their tokens; turns that were taken; counts; random numbers drawn ahead; an answer without a body. Nothing else is.
//! A panic ends the wasm instance with all its memory: requests that were under way in it get a bare 500 from the runtime
//! and go nowhere, and the next one starts an instance that reads settings and keys anew. Until they are there, everything
//! that needs them is refused.

mod request;
mod target;
mod config;
mod judge;
mod errand;
mod keys;
mod signatures;
mod revocations;
mod tally;
mod limits;
mod refresh;
mod bundle;
mod csrf;
mod flight;
mod document;
mod effect;
mod proxy;
mod exchange;
mod outbound;
mod upstream_answer;
mod body;
mod introduction;
mod identity;
mod proof;
mod reply;
mod response_headers;
mod health;
mod log;
mod clock;
mod unique;
mod runtime;
mod platform;

use std::cell::OnceCell;
use std::rc::Rc;

use edgeward_core::cookie::Environment;
use edgeward_core::gate::PolicyState;
use edgeward_core::problem::{Problem, ProblemCode};
use edgeward_core::tally::Counted;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Request, Response};
use worker::{Context, worker_sys};

use config::{BrokenSettings, Settings};
use effect::Effect;
use exchange::Forwarded;
use judge::Bench;
use reply::{Reader, Reply};
use request::{DECISIVE, Inbound};
use runtime::Names;

thread_local! {
    static SETTINGS: OnceCell<Result<Rc<Settings>, BrokenSettings>> = const { OnceCell::new() };
    static READ_FIRST: Names = Names::new(DECISIVE);
}

/// Reads the settings. Called while the isolate starts, which happens before a request is there to wait for it; what is broken
/// is told to the requests, and without this call the first of them reads.
#[wasm_bindgen]
#[expect(
    unreachable_pub,
    reason = "it is reached from JavaScript, and wasm-bindgen exports what is public"
)]
pub fn prepare(env: &JsValue) {
    let _ = settings(env);
}

/// Every request enters here. It answers with a `Response`, or with the promise of one if something has to be waited for:
/// keys, the platform's check of a signature, the feed of ended sessions, the CSRF token of a form, a limiter of the platform, a refresh, an upstream.
#[wasm_bindgen]
#[expect(
    unreachable_pub,
    reason = "it is reached from JavaScript, and wasm-bindgen exports what is public"
)]
pub fn fetch(
    request: Request,
    env: &JsValue,
    context: worker_sys::Context,
) -> Result<JsValue, JsValue> {
    let (mut inbound, settings) = match receive(&request, env) {
        Ok(received) => received,
        Err(reply) => return Ok(effect::send(&reply)?.into()),
    };
    if inbound.raw_path() == health::PATH {
        let reply = health::answer(&inbound, &settings);
        return own(reply, &inbound, &settings)
            .or_else(|_| not_answered(&inbound, &settings))
            .map(JsValue::from);
    }
    let context = Context::new(context);
    let mut bench = Bench::at_hand(&settings, &inbound, env, &context);
    let decision = bench.judge(&inbound);
    bench.follow_up(&decision, &inbound, &context);
    match effect::of(decision, &inbound) {
        Effect::Bring(wanted) => Ok(future_to_promise(async move {
            let (bench, decision) = bench.bring(wanted, &mut inbound, &request, &context).await;
            bench.follow_up(&decision, &inbound, &context);
            bench.count_keys(&inbound);
            finish(effect::of(decision, &inbound), &request, inbound, settings)
        })
        .into()),
        done @ (Effect::Reply(_) | Effect::Forward(_)) => {
            bench.count_keys(&inbound);
            finish(done, &request, inbound, settings)
        }
    }
}

/// The answer when everything that can be had was brought.
fn finish(
    effect: Effect,
    request: &Request,
    inbound: Inbound,
    settings: Rc<Settings>,
) -> Result<JsValue, JsValue> {
    let answered = match effect {
        Effect::Forward(permit) => {
            return exchange::begin(
                request,
                Forwarded {
                    inbound,
                    permit,
                    settings,
                },
            );
        }
        Effect::Reply(reply) => own(reply, &inbound, &settings),
        // Asked for although the best that can be had was brought: nothing can be judged.
        Effect::Bring(_) => refuse(ProblemCode::KeysUnavailable, &inbound, &settings),
    };
    answered
        .or_else(|_| not_answered(&inbound, &settings))
        .map(JsValue::from)
}

/// What the edge goes by: the settings, and the request as far as it has to be known before it is judged.
fn receive(request: &Request, env: &JsValue) -> Result<(Inbound, Rc<Settings>), Reply> {
    let id = unique::name();
    let settings = settings(env);
    let head = READ_FIRST.with(|names| runtime::head(request, names));
    let moment = clock::moment(&head.headers);
    let Some(inbound) = Inbound::new(id.clone(), moment, head.method, &head.url, head.headers)
    else {
        log::line(
            "warn",
            "refused",
            &[("requestId", &id), ("reason", "host-not-plain")],
        );
        let problem = Problem::new(ProblemCode::AmbiguousPath)
            .with_detail("The address names no plain host.");
        let reply = Reply::problem(&problem, Reader::Program, &id);
        return Err(reply.finish(Environment::Production, "GET", &id, None));
    };
    match settings {
        Ok(settings) if inbound.has_too_large_headers() => {
            tally::add(Counted::Refused, 1);
            let [request_id, trace_id] = inbound.names_in_logs();
            let reason = ("reason", "headers-too-large");
            log::line("warn", "refused", &[request_id, trace_id, reason]);
            let (code, trace) = (ProblemCode::HeadersTooLarge, inbound.traceparent());
            let reply = Reply::refusal(code, inbound.reader(), &inbound.id);
            Err(reply.finish(settings.environment, &inbound.method, &inbound.id, trace))
        }
        Ok(settings) => Ok((inbound, settings)),
        Err(broken) => {
            log::line(
                "error",
                "edge-misconfigured",
                &[
                    ("requestId", &inbound.id),
                    ("binding", broken.binding),
                    ("reason", broken.problem),
                ],
            );
            let reply = Reply::refusal(
                ProblemCode::EdgeMisconfigured,
                inbound.reader(),
                &inbound.id,
            );
            let trace = inbound.traceparent();
            Err(reply.finish(Environment::Production, &inbound.method, &inbound.id, trace))
        }
    }
}

fn refuse(code: ProblemCode, inbound: &Inbound, settings: &Settings) -> Result<Response, JsValue> {
    tally::add(Counted::Failed, 1);
    let reply = Reply::refusal(code, inbound.reader(), &inbound.id);
    own(reply, inbound, settings)
}

fn not_answered(inbound: &Inbound, settings: &Settings) -> Result<Response, JsValue> {
    // What the runtime threw may quote the request, so it is not logged.
    log::line("error", "not-answered", &inbound.names_in_logs());
    let reply = Reply::refusal(ProblemCode::Internal, inbound.reader(), &inbound.id);
    own(reply, inbound, settings)
}

fn own(reply: Reply, inbound: &Inbound, settings: &Settings) -> Result<Response, JsValue> {
    let reply = reply.finish(
        settings.environment,
        &inbound.method,
        &inbound.id,
        inbound.traceparent(),
    );
    refresh::hand_cookies(inbound, effect::send(&reply)?)
}

fn settings(env: &JsValue) -> Result<Rc<Settings>, BrokenSettings> {
    SETTINGS.with(|cell| {
        let read = || {
            let settings = Settings::read(|binding| text_binding(env, binding))?;
            // A monitor that polls the health would otherwise be all that ever hears of it.
            if let PolicyState::Broken(error) = &settings.policy {
                log::line("error", "policy-invalid", &[("reason", &error.to_string())]);
            }
            if let Some(name) = &settings.client_address_header {
                READ_FIRST.with(|names| names.add(name));
            }
            Ok(Rc::new(settings))
        };
        cell.get_or_init(read).clone()
    })
}

fn text_binding(env: &JsValue, name: &str) -> Option<String> {
    js_sys::Reflect::get(env, &JsValue::from_str(name))
        .ok()?
        .as_string()
}
