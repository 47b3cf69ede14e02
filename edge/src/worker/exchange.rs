//! A request that goes on, until its answer is there.
//!
//! JavaScript waits for the upstream, because a future of ours would take three of the runtime's microtasks for it; so what
//! belongs to the request is given away and comes back with the outcome. Of a panic in between nothing comes back: then the
//! runtime answers with a bare 500.

use std::rc::Rc;

use edgeward_core::gate::{Destination, Permit};
use edgeward_core::problem::ProblemCode;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use super::config::{Origin, Settings};
use super::proxy::{self, Failure};
use super::reply::Reply;
use super::request::Inbound;
use super::upstream_answer::Said;
use super::{log, not_answered, own, refresh};

/// What has to be known of a request that goes on.
pub(super) struct Forwarded {
    /// The request.
    pub(super) inbound: Inbound,
    /// Why it may go on.
    pub(super) permit: Permit,
    /// What the edge goes by.
    pub(super) settings: Rc<Settings>,
}

/// The right to make the answer of a request that went on. It is told one outcome, once.
#[wasm_bindgen]
pub struct Exchange(Rc<Forwarded>);

/// Sends a request on: its answer, or the promise of one.
///
/// # Errors
/// Not even a refusal can be made.
pub(super) fn begin(request: &Request, forwarded: Forwarded) -> Result<JsValue, JsValue> {
    let forwarded = Rc::new(forwarded);
    let exchange = Exchange(Rc::clone(&forwarded));
    let sent = match forwarded.permit.destination() {
        Destination::App => proxy::to_app(request, &forwarded, exchange),
        Destination::Issuer => proxy::to_issuer(request, &forwarded, exchange),
    };
    sent.or_else(|failure| Ok(forwarded.failed(&failure)?.into()))
}

#[wasm_bindgen]
impl Exchange {
    /// This is what came back.
    pub fn answered(self, upstream: &Response) -> Result<Response, JsValue> {
        let Self(forwarded) = self;
        let said = Said::by(upstream);
        if proxy::is_platform_timeout(said.status) {
            return forwarded.failed(&proxy::late(&forwarded.permit));
        }
        if proxy::is_platform_failure(said.status) {
            return forwarded.failed(&proxy::unreachable(&forwarded.permit));
        }
        let Forwarded {
            inbound,
            permit,
            settings,
        } = &*forwarded;
        if said.names_cookies_otherwise(permit, settings) {
            return forwarded.failed(&Failure {
                code: ProblemCode::EdgeMisconfigured,
                reason: "cookies-named-otherwise",
            });
        }
        let origin = forwarded.origin();
        let answer = said
            .changes(origin, permit, inbound, settings)
            .apply(upstream, settings)
            .and_then(|answer| refresh::hand_cookies(inbound, answer));
        answer.or_else(|_| {
            forwarded.failed(&Failure {
                code: proxy::code(permit),
                reason: "answer-not-handed-on",
            })
        })
    }

    /// Nothing came back: the host is unreachable, the connection broke or the time was over.
    pub fn unanswered(self) -> Result<Response, JsValue> {
        self.0.failed(&proxy::unreachable(&self.0.permit))
    }

    /// Nothing came back in time.
    pub fn late(self) -> Result<Response, JsValue> {
        self.0.failed(&proxy::late(&self.0.permit))
    }

    /// The runtime took a header for none, or the address.
    #[wasm_bindgen(js_name = notSent)]
    pub fn not_sent(self) -> Result<Response, JsValue> {
        self.0.failed(&Failure {
            code: proxy::code(&self.0.permit),
            reason: "request-not-made",
        })
    }
}

impl Forwarded {
    fn origin(&self) -> &Origin {
        match self.permit.destination() {
            Destination::App => &self.settings.app_upstream,
            Destination::Issuer => &self.settings.issuer_upstream,
        }
    }

    fn failed(&self, failure: &Failure) -> Result<Response, JsValue> {
        let [request_id, trace_id] = self.inbound.names_in_logs();
        log::line(
            "error",
            "not-forwarded",
            &[
                request_id,
                trace_id,
                ("rule", self.permit.rule()),
                ("code", failure.code.code()),
                ("reason", failure.reason),
            ],
        );
        let mut reply = Reply::refusal(failure.code, self.inbound.reader(), &self.inbound.id);
        // A script that may read the app's answers may read as well that there is none.
        if let Some(grant) = self.permit.cors() {
            reply = reply.with_each(grant.headers()).varying_by_origin();
        }
        own(reply, &self.inbound, &self.settings)
            .or_else(|_| not_answered(&self.inbound, &self.settings))
    }
}
