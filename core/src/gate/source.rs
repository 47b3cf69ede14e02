//! Where a request comes from: which site's page sent it, and whether that matters; and the questions that browsers ask
//! before they send one at all.
//!
//! A foreign page can make a browser send our cookies with a form, a script or a WebSocket. So what changes something, and
//! what opens a WebSocket, is refused if a cookie of ours came along and the page was not ours, before anybody looks at the
//! token. Requests without our cookies act for nobody whom the gate knows by them.

use alloc::boxed::Box;

use super::caller::Caller;
use super::cors::{CorsGrant, Preflight};
use super::decision::{Decision, RequestView};
use super::path::CanonicalPath;
use super::policy::{Asked, Found, Policy, Rule};
use super::refusal::{RETRY_AFTER_SECONDS, Refusal};
use crate::csrf::{CsrfAnswer, CsrfQuestion, Finding, UnreadForm};
use crate::origin::{PageOf, Provenance, is_unsafe};
use crate::problem::ProblemCode;

/// What a request says about where it comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestSource<'a> {
    /// Whose page sent it.
    pub provenance: Provenance<'a>,
    /// Whether a cookie of ours came along that lets somebody act: session, access or refresh.
    pub brings_cookies: bool,
    /// Whether it wants to speak WebSocket (RFC 6455). Browsers let every page open one to everywhere.
    pub opens_websocket: bool,
    /// `Access-Control-Request-Method`: the method that a script wants to use.
    pub asks_for_method: Option<&'a str>,
    /// Whether the token of `Authorization` says who asks. No page makes a browser send that without being allowed to.
    pub bears_token: bool,
    /// What was found about the CSRF token, if that was asked before.
    pub csrf: Option<&'a CsrfAnswer>,
}

/// Of whom the CSRF token is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenDemand {
    /// Of nobody.
    Nobody,
    /// Of who is known by a cookie; who is not acts for nobody.
    TheKnown,
    /// Of everybody, because nothing else tells whose page it was.
    Everybody,
}

/// Why a request for the issuer is refused here already. The issuer asks more of it.
pub(super) fn refused_for_issuer(site: &str, request: &RequestView<'_>) -> Option<Refusal> {
    // It answers no page of another origin, with cookies or without; such a page shall not use up its visitors' turns either.
    if !is_unsafe(request.method) && !matters(request) {
        return None;
    }
    match request.source.provenance.judge(site, &[]) {
        // Whether a token came with it is seen by the issuer, which reads forms.
        PageOf::Ours | PageOf::OursUnnamed => None,
        PageOf::Others => Some(origin_refused("issuer")),
    }
}

/// Why a request for the app is refused before anybody asks who sends it, or whether it must bring the CSRF token.
pub(super) fn judge_for_app(
    site: &str,
    policy: &Policy,
    rule: &Rule,
    request: &RequestView<'_>,
) -> Result<TokenDemand, Box<Refusal>> {
    let manner = rule.manner();
    let asks_for_token = manner.demands_csrf_token
        && is_unsafe(request.method)
        && request.source.brings_cookies
        && !request.source.bears_token;
    let by_rule = if asks_for_token {
        TokenDemand::TheKnown
    } else {
        TokenDemand::Nobody
    };
    if manner.takes_any_origin || !matters(request) {
        return Ok(by_rule);
    }
    let trusted_by_rule = manner.cors.as_ref();
    let listed = [
        policy.settings().origins.as_slice(),
        trusted_by_rule.map_or(&[][..], |cors| cors.trusted_with_cookies()),
    ];
    match request.source.provenance.judge(site, &listed) {
        PageOf::Ours => Ok(by_rule),
        PageOf::OursUnnamed if request.source.opens_websocket => {
            Err(Box::new(origin_refused(rule.path())))
        }
        PageOf::OursUnnamed => Ok(TokenDemand::Everybody),
        PageOf::Others => Err(Box::new(origin_refused(rule.path()))),
    }
}

/// Lets a request go on that its rule lets pass, or says what becomes of it for want of the CSRF token.
///
/// # Errors
/// The decision: a refusal, or who has to look for the token first.
pub(super) fn demand_token(
    demand: TokenDemand,
    rule: &Rule,
    caller: &Caller,
    request: &RequestView<'_>,
) -> Result<(), Box<Decision>> {
    let reason = match (demand, caller) {
        (TokenDemand::Nobody, _) => return Ok(()),
        (TokenDemand::TheKnown | TokenDemand::Everybody, Caller::Known(verified)) => {
            let Some(session) = verified.claims().session_id() else {
                return Err(csrf_refused("csrf-without-session", rule));
            };
            let answer = request.source.csrf.and_then(|answer| answer.about(session));
            match answer {
                None => {
                    let question = Box::new(CsrfQuestion::about(session));
                    return Err(Box::new(Decision::NeedsCsrf(question)));
                }
                Some(Finding::Genuine) => return Ok(()),
                Some(Finding::Refused(refusal)) => refusal.reason(),
                Some(Finding::NoKeys) => return Err(csrf_unavailable()),
                Some(Finding::Unread(form)) => return Err(form_unread(form, rule)),
            }
        }
        (
            TokenDemand::TheKnown | TokenDemand::Everybody,
            Caller::Anonymous
            | Caller::Refused(_)
            | Caller::Unjudged(_)
            | Caller::Revoked
            | Caller::Unconfirmed,
        ) => {
            if demand == TokenDemand::TheKnown {
                return Ok(());
            }
            "csrf-nobody-known"
        }
    };
    Err(csrf_refused(reason, rule))
}

#[cold]
fn csrf_refused(reason: &str, rule: &Rule) -> Box<Decision> {
    let reason = alloc::format!("{reason}: {}", rule.path());
    let refusal = Refusal::new(ProblemCode::CsrfInvalid, reason);
    Box::new(Decision::Refuse(refusal))
}

#[cold]
fn form_unread(form: UnreadForm, rule: &Rule) -> Box<Decision> {
    let (code, reason) = match form {
        UnreadForm::TooLarge => (ProblemCode::BodyTooLarge, "form-too-large"),
        UnreadForm::TooSlow => (ProblemCode::BodyTooSlow, "form-too-slow"),
    };
    let reason = alloc::format!("{reason}: {}", rule.path());
    Box::new(Decision::Refuse(Refusal::new(code, reason)))
}

#[cold]
fn csrf_unavailable() -> Box<Decision> {
    let refusal = Refusal::new(ProblemCode::CsrfUnavailable, "csrf-unavailable");
    Box::new(Decision::Refuse(Refusal {
        retry_after: Some(RETRY_AFTER_SECONDS),
        ..refusal
    }))
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
    let word_about = |method: &str| {
        let asked = Asked::page(path, method, request.host);
        match policy.find(&asked) {
            // Whoever may not ask at all is told nothing of who may read it.
            Found::Rule(rule) if rule.admits(request.client) => rule.manner().cors.as_ref(),
            Found::Rule(_) | Found::Lookalike { .. } | Found::Nothing => None,
        }
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
