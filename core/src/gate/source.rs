//! Where a request comes from: which site's page sent it, and whether that matters; and the questions that browsers ask
//! before they send one at all.
//!
//! A foreign page can make a browser send our cookies with a form, a script or a WebSocket. So what changes something, and
//! what opens a WebSocket, is refused if a cookie of ours came along and the page was not ours, before anybody looks at the
//! token. Requests without our cookies act for nobody whom the gate knows by them.

use super::cors::{CorsGrant, Preflight};
use super::decision::{Decision, RequestView};
use super::path::CanonicalPath;
use super::policy::{Found, Policy, Rule};
use super::refusal::Refusal;
use crate::origin::{PageOf, Provenance, is_unsafe};
use crate::problem::ProblemCode;

/// What a request says about where it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestSource<'a> {
    /// Whose page sent it.
    pub provenance: Provenance<'a>,
    /// Whether a cookie of ours came along that lets somebody act: session, access or refresh.
    pub brings_cookies: bool,
    /// Whether it wants to speak WebSocket (RFC 6455). Browsers let every page open one to everywhere.
    pub opens_websocket: bool,
    /// `Access-Control-Request-Method`: the method that a script wants to use.
    pub asks_for_method: Option<&'a str>,
}

/// Why a request for the issuer is refused here already. The issuer asks more of it.
pub(super) fn refused_for_issuer(site: &str, request: &RequestView<'_>) -> Option<Refusal> {
    if !matters(request) {
        return None;
    }
    match request.source.provenance.judge(site, &[]) {
        // Whether a token came with it is seen by the issuer, which reads forms.
        PageOf::Ours | PageOf::OursUnnamed => None,
        PageOf::Others => Some(origin_refused("issuer")),
    }
}

/// Why a request for the app is refused before anybody asks who sends it.
pub(super) fn refused_for_app(
    site: &str,
    policy: &Policy,
    rule: &Rule,
    request: &RequestView<'_>,
) -> Option<Refusal> {
    let manner = rule.manner();
    if manner.takes_any_origin || !matters(request) {
        return None;
    }
    let trusted_by_rule = manner.cors.as_ref();
    let listed = [
        policy.settings().origins.as_slice(),
        trusted_by_rule.map_or(&[][..], |cors| cors.trusted_with_cookies()),
    ];
    match request.source.provenance.judge(site, &listed) {
        PageOf::Ours => None,
        PageOf::OursUnnamed if request.source.opens_websocket => Some(origin_refused(rule.path())),
        PageOf::OursUnnamed => Some(Refusal::new(
            ProblemCode::CsrfInvalid,
            alloc::format!("origin-null: {}", rule.path()),
        )),
        PageOf::Others => Some(origin_refused(rule.path())),
    }
}

/// The answer to a preflight about a route of which the policy says who may read it. A preflight bears no credentials, so
/// it is answered before anybody asks for them.
pub(super) fn answer_to_preflight(
    policy: &Policy,
    request: &RequestView<'_>,
    path: &CanonicalPath,
) -> Option<Decision> {
    let method = request.source.asks_for_method?;
    let origin = request.source.provenance.origin?;
    if !is_preflight(request) {
        return None;
    }
    let word_about = |method: &str| match policy.find(path, method, request.host) {
        Found::Rule(rule) => rule.manner().cors.as_ref(),
        Found::Lookalike { .. } | Found::Nothing => None,
    };
    let cors = word_about(method)?;
    let grant = CorsGrant::of(cors, Some(origin));
    if !grant.is_given() {
        let refusal = Refusal {
            cors: Some(grant),
            ..origin_refused("preflight")
        };
        return Some(Decision::Refuse(refusal));
    }
    let is_covered = |method: &str| word_about(method) == Some(cors);
    let preflight = Preflight::new(grant, is_covered);
    Some(Decision::AnswerPreflight(preflight))
}

/// Whether it is a browser's question about another request. Browsers send none of our cookies with it, so what looks like it and
/// has them is worth no refresh.
pub(super) fn is_preflight(request: &RequestView<'_>) -> bool {
    request.method == "OPTIONS" && request.source.asks_for_method.is_some()
}

fn matters(request: &RequestView<'_>) -> bool {
    request.source.brings_cookies && (is_unsafe(request.method) || request.source.opens_websocket)
}

fn origin_refused(rule: &str) -> Refusal {
    Refusal::new(
        ProblemCode::OriginRefused,
        alloc::format!("origin-refused: {rule}"),
    )
}
