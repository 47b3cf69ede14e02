//! The Worker: takes a request, asks core what it deserves, and does exactly that.
//!
//! The way of a request is told by [`answer`]. Settings, keys and the tokens that were verified are kept for the life of the
//! isolate and nothing else is.
//! A panic ends the wasm instance with all its memory: requests that were under way in it get a bare 500 from the runtime
//! and go nowhere, and the next one starts an instance that reads settings and keys anew. Until they are there, everything
//! that needs them is refused.

mod request;
mod target;
mod config;
mod judge;
mod keys;
mod signatures;
mod effect;
mod proxy;
mod outbound;
mod introduction;
mod identity;
mod proof;
mod reply;
mod response_headers;
mod health;
mod log;
mod clock;
mod platform;

use std::cell::OnceCell;
use std::rc::Rc;

use edgeward_core::cookie::Environment;
use edgeward_core::gate::{Destination, Permit};
use edgeward_core::problem::{Problem, ProblemCode};
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker::{Context, Env, event};

use config::{BrokenSettings, Settings};
use effect::Effect;
use judge::Bench;
use reply::{Reader, Reply};
use request::Inbound;

thread_local! {
    static SETTINGS: OnceCell<Result<Rc<Settings>, BrokenSettings>> = const { OnceCell::new() };
}

/// Every request enters here.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let id = platform::unique_id();
    let headers = effect::read_headers(&request)?;
    let now = clock::now(&headers);
    let Some(mut inbound) =
        Inbound::new(id.clone(), now, request.method(), &request.url(), headers)
    else {
        log::line(
            "warn",
            "refused",
            &[("requestId", &id), ("reason", "host-not-plain")],
        );
        let problem = Problem::new(ProblemCode::AmbiguousPath)
            .with_detail("The address names no plain host.");
        let reply = Reply::problem(&problem, Reader::Program, &id);
        return Ok(effect::send(reply.finish(
            Environment::Production,
            "GET",
            &id,
        ))?);
    };
    let settings = match settings(&env) {
        Ok(settings) => settings,
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
            return Ok(effect::send(reply.finish(
                Environment::Production,
                &inbound.method,
                &inbound.id,
            ))?);
        }
    };
    inbound.client = settings.client_address(|name| inbound.header(name).map(str::to_owned));
    let answered = answer(&request, &inbound, &settings, &context).await;
    Ok(answered.or_else(|_| {
        // What the runtime threw may quote the request, so it is not logged.
        log::line("error", "not-answered", &[("requestId", &inbound.id)]);
        own(
            Reply::refusal(ProblemCode::Internal, inbound.reader(), &inbound.id),
            &inbound,
            &settings,
        )
    })?)
}

/// The way of a request: own paths, judgement, effect.
async fn answer(
    request: &Request,
    inbound: &Inbound,
    settings: &Rc<Settings>,
    context: &Context,
) -> Result<Response, JsValue> {
    if inbound.raw_path() == health::PATH {
        return own(health::answer(inbound, settings), inbound, settings);
    }
    match effect::of(
        Bench::at_hand(settings, inbound.now)
            .judge_finally(inbound, context)
            .await,
        inbound,
    ) {
        Effect::Forward(permit) => forward(request, inbound, &permit, settings).await,
        Effect::Reply(reply) => own(reply, inbound, settings),
    }
}

async fn forward(
    request: &Request,
    inbound: &Inbound,
    permit: &Permit,
    settings: &Settings,
) -> Result<Response, JsValue> {
    let sent = match permit.destination() {
        Destination::App => proxy::to_app(request, inbound, permit, settings).await,
        Destination::Issuer => proxy::to_issuer(request, inbound, permit, settings).await,
    };
    match sent {
        Ok(response) => {
            effect::complete(&response, permit, inbound, settings)?;
            Ok(response)
        }
        Err(failure) => {
            log::line(
                "error",
                "not-forwarded",
                &[
                    ("requestId", &inbound.id),
                    ("rule", permit.rule()),
                    ("code", failure.code.code()),
                    ("reason", failure.reason),
                ],
            );
            own(
                Reply::refusal(failure.code, inbound.reader(), &inbound.id),
                inbound,
                settings,
            )
        }
    }
}

fn own(reply: Reply, inbound: &Inbound, settings: &Settings) -> Result<Response, JsValue> {
    effect::send(reply.finish(settings.environment, &inbound.method, &inbound.id))
}

fn settings(env: &Env) -> Result<Rc<Settings>, BrokenSettings> {
    SETTINGS.with(|cell| {
        cell.get_or_init(|| Settings::read(|binding| text_binding(env, binding)).map(Rc::new))
            .clone()
    })
}

fn text_binding(env: &Env, name: &str) -> Option<String> {
    js_sys::Reflect::get(env, &JsValue::from_str(name))
        .ok()?
        .as_string()
}
