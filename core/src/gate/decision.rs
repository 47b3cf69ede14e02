//! The decision about one request.
//!
//! In this order: a policy that cannot be read refuses everything; a path or a credential with two readings is
//! refused, wherever it leads; the issuer's paths go to the issuer, which judges for itself; for everything else the
//! policy's most specific rule decides, and without one the answer is no.
//!
//! The token is judged only where it matters, and before any of its claims is looked at. A gate without the key that
//! the token names asks for keys ([`Decision::NeedsKeys`]) unless it is told that the keys are final, so a request
//! causes one fetch at most. A signature that the platform must check is asked for in the same way ([`Decision::NeedsSignature`]),
//! of a token that verifies, the feed of ended sessions ([`Decision::NeedsRevocations`]), and last, of a request that would pass, its
//! CSRF token ([`Decision::NeedsCsrf`]). Where a route needs a sign-in and the access token is absent or has expired, a refresh is
//! asked for ([`Decision::NeedsRefresh`]), and what it brings is judged in the same way.
//!
//! What a route says of addresses is asked before anybody looks at the credential, so that a flood costs no signature check, no fetch
//! and no refresh; what it says of identities is asked of requests that pass but for that. On the issuer's paths a token that verifies
//! says whose turn a request takes, and nothing else. Both ask for the turn
//! ([`Decision::NeedsTurn`]), which a request takes once, refreshed or not. A refresh takes a turn of its own, which comes with the
//! demand for it, because many requests share one.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use super::caller::{self, Caller, Gate, KeyDemand};
use super::challenge;
use super::client::Client;
use super::cors::{CorsGrant, Preflight};
use super::credential::Credential;
use super::limit::Turn;
use super::path::{CanonicalPath, PathRefusal};
use super::permit::{Destination, Permit, ResponsePolicy};
use super::policy::{Asked, Found, Policy, PolicyState, Rule};
use super::refusal::{
    Refusal, keys_unavailable, path_refused, revocations_unavailable, token_refused, token_revoked,
};
use super::renewal::Renewal;
use super::source::{self, RequestSource};
use super::subject::{Standing, Subject};
use super::territory::{SIGN_IN_PAGE, Territory};
use crate::csrf::CsrfQuestion;
use crate::problem::ProblemCode;
use crate::reject::Reject;
use crate::return_to;
use crate::revocation::Mode;
use crate::signature::SignatureQuestion;
use crate::time::UnixTime;

/// What a decision may look at of a request.
pub struct RequestView<'a> {
    /// The method, in the case in which it came.
    pub method: &'a str,
    /// The host asked for, with or without a port.
    pub host: &'a str,
    /// The path, read once.
    pub path: Result<CanonicalPath, PathRefusal>,
    /// The query without `?`. It is never judged; it goes on, and it comes back in `returnTo`.
    pub query: Option<&'a str>,
    /// Who asks.
    pub credential: Credential<'a>,
    /// From which address, as the platform says.
    pub client: Client,
    /// From whose page.
    pub source: RequestSource<'a>,
    /// Whether a redirect to a page makes sense, see [`super::Navigation::detect`].
    pub navigation: bool,
    /// Whether refreshing may help where the credential is none or has expired.
    pub renewal: Renewal,
}

/// What is to be done. Closed: whoever acts on it names every case.
#[must_use = "a decision that nobody acts on lets nothing pass and refuses nothing"]
#[derive(Debug)]
pub enum Decision {
    /// Pass the request on; the permit says where to and as whom.
    Forward(Permit),
    /// Lead a person to another page.
    Redirect(Redirect),
    /// Answer without asking anybody.
    Answer(Answer),
    /// Answer a browser's question whether a script of another origin may send a request: 204, without a body.
    AnswerPreflight(Preflight),
    /// Refuse.
    Refuse(Refusal),
    /// Fetch the key set and decide again with `keys_are_final`.
    NeedsKeys(KeyDemand),
    /// Have the platform check this signature and decide again with its answer, and with the same keys.
    NeedsSignature(Box<SignatureQuestion>),
    /// Read the feed of ended sessions to its end, unless it is as current as this already, and decide again with what is known
    /// then as final.
    NeedsRevocations(Mode),
    /// Count this turn and decide again with the ruling.
    NeedsTurn(Turn),
    /// Exchange the refresh cookie and decide again about what it brought, with [`Renewal::Tried`] or [`Renewal::Unanswered`]. Who asks
    /// the issuer takes this turn before, and if it is refused, decides again with [`Renewal::OverLimit`]; who shares the outcome of
    /// another request takes none.
    NeedsRefresh(Option<Turn>),
    /// Look whether the request brought the CSRF token of its session, and decide again with what was found.
    NeedsCsrf(Box<CsrfQuestion>),
}

/// A redirect to a page of this site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Always 303: the other page is fetched with GET.
    pub status: u16,
    /// A path with query; never another origin.
    pub location: String,
}

/// An answer without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 204.
    pub status: u16,
}

/// Decides about a request.
pub fn decide(gate: &Gate<'_>, request: &RequestView<'_>, now: UnixTime) -> Decision {
    settle(gate, request, now).unwrap_or_else(|early| *early)
}

impl RequestView<'_> {
    /// What a rule is chosen by, for this path.
    pub(super) const fn asked<'r>(&'r self, path: &'r CanonicalPath) -> Asked<'r> {
        Asked {
            path,
            method: self.method,
            host: self.host,
            opens_websocket: self.source.opens_websocket,
        }
    }
}

/// `Err` is a decision too, made before the usual end; it is boxed because it is large.
type Settled = Result<Decision, Box<Decision>>;

fn settle(gate: &Gate<'_>, request: &RequestView<'_>, now: UnixTime) -> Settled {
    let policy = match gate.policy {
        PolicyState::Ready(policy) => policy,
        PolicyState::Broken(error) => {
            return refuse(
                ProblemCode::PolicyInvalid,
                format!("policy-invalid: {error}"),
            );
        }
    };
    let path = match &request.path {
        Ok(path) => path,
        Err(refusal) => return Ok(Decision::Refuse(path_refused(*refusal))),
    };
    if request.credential == Credential::Ambiguous {
        return refuse(ProblemCode::AmbiguousCredentials, "ambiguous-credentials");
    }
    match Territory::of(path) {
        Territory::App => judge_app(gate, policy, request, path, now),
        Territory::Issuer => to_issuer(gate, policy, request, path, now),
        Territory::SignInPage => judge_sign_in_page(gate, policy, request, path, now),
        Territory::VerifyToken => answer_verify_token(gate, request, now),
    }
}

fn judge_app(
    gate: &Gate<'_>,
    policy: &Policy,
    request: &RequestView<'_>,
    path: &CanonicalPath,
    now: UnixTime,
) -> Settled {
    if let Some(answer) = source::answer_to_preflight(policy, request, path) {
        return Ok(answer);
    }
    let rule = match policy.find(&request.asked(path)) {
        Found::Rule(rule) => rule,
        Found::Nothing => return refuse(ProblemCode::RouteDenied, "no-rule"),
        Found::Lookalike { protected } => {
            return refuse(ProblemCode::RouteDenied, format!("looks-like: {protected}"));
        }
    };
    let origin = request.source.provenance.origin;
    let cors = rule.manner().cors.as_ref();
    let grant = cors.map(|cors| CorsGrant::of(cors, origin));
    let decision = judge_by_rule(gate, policy, rule, request, path, now);
    Ok(match decision.unwrap_or_else(|early| *early) {
        Decision::Forward(permit) => Decision::Forward(Permit {
            cors: grant,
            ..permit
        }),
        Decision::Refuse(refusal) => Decision::Refuse(Refusal {
            cors: grant,
            ..refusal
        }),
        other @ (Decision::Redirect(_)
        | Decision::Answer(_)
        | Decision::AnswerPreflight(_)
        | Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_)) => other,
    })
}

fn judge_by_rule(
    gate: &Gate<'_>,
    policy: &Policy,
    rule: &Rule,
    request: &RequestView<'_>,
    path: &CanonicalPath,
    now: UnixTime,
) -> Settled {
    // What costs least and tells least is asked first, before anybody looks at the credential. A page that sends a visitor's
    // requests shall not use up the visitor's turns.
    if !rule.admits(request.client) {
        return address_refused(rule.path());
    }
    let csrf = match source::judge_for_app(gate.site, policy, rule, request) {
        Ok(demand) => demand,
        Err(refusal) => return Ok(Decision::Refuse(*refusal)),
    };
    let (turns, bounds) = (&gate.turns, rule.bounds());
    let limit = bounds.and_then(|bounds| bounds.by_address.as_ref());
    turns.take(limit, request.client, None)?;
    let caller = Caller::of(gate, request, rule.revocation(), now)?;
    let subject = match &caller {
        Caller::Known(verified) => Subject::of_claims(verified.claims()),
        Caller::Anonymous
        | Caller::Refused(_)
        | Caller::Unjudged(_)
        | Caller::Revoked
        | Caller::Unconfirmed => Subject::Anonymous,
    };
    let problem = match subject.before(rule.demand(), now) {
        Standing::Passes => {
            // A page that has no token shall not use up the visitor's turns either.
            if let Err(instead) = source::demand_token(csrf, rule, &caller, request) {
                return Ok(*instead);
            }
            let limit = bounds.and_then(|bounds| bounds.by_identity.as_ref());
            turns.take(limit, request.client, caller.subject())?;
            return Ok(Decision::Forward(permit(rule, path, caller)));
        }
        Standing::NotSignedIn => {
            // The cookie may be invented, and costs the issuer a question.
            let turn = || turns.due(policy.limit_of_refresh(), request.client, None);
            return Ok(sign_in_first(&caller, rule, request, path, turn));
        }
        Standing::WrongKind | Standing::LacksRole => {
            let page = rule.manner().redirect.as_deref();
            let page = page.or(policy.settings().missing_role.as_deref());
            if let Some(page) = reachable_page(policy, page, request, path, &subject, now) {
                return Ok(see_other(page.to_string()));
            }
            Refusal::new(
                ProblemCode::InsufficientRole,
                format!("insufficient-role: {rule}"),
            )
        }
        Standing::LacksScope(scopes) => Refusal::new(
            ProblemCode::InsufficientScope,
            format!("insufficient-scope: {rule}"),
        )
        .challenging(challenge::insufficient_scope(scopes)),
        Standing::MustStepUp(step_up) => {
            let page = policy.settings().step_up_page.as_deref();
            // The issuer's own page asks for the password, and would send whoever needs more round in a circle.
            let own = step_up.is_met_by_password();
            let page = page.or(own.then_some(return_to::STEP_UP_PAGE));
            if let Some(page) = reachable_page(policy, page, request, path, &subject, now) {
                return Ok(see_other(return_to::with_way_back(
                    page,
                    path,
                    request.query,
                )));
            }
            Refusal::new(ProblemCode::StepUpRequired, format!("step-up: {rule}"))
                .challenging(challenge::insufficient_user_authentication(step_up))
        }
    };
    Ok(Decision::Refuse(problem))
}

/// A permit for a request that `rule` lets pass. Only a verified token becomes an identity; any other is dropped.
fn permit(rule: &Rule, path: &CanonicalPath, caller: Caller) -> Permit {
    let (identity, drops_credential) = match caller {
        Caller::Known(verified) => (Some(verified), false),
        Caller::Anonymous => (None, false),
        Caller::Refused(_) | Caller::Unjudged(_) | Caller::Revoked | Caller::Unconfirmed => {
            (None, true)
        }
    };
    Permit {
        destination: Destination::App,
        path: path.clone(),
        identity,
        drops_credential,
        rule: rule.path().to_string(),
        response_policy: if rule.is_public() || rule.manner().app_says_cache {
            ResponsePolicy::Untouched
        } else {
            ResponsePolicy::PrivateNoStore
        },
        cors: None,
        binds_request: rule.manner().binds_request,
    }
}

fn to_issuer(
    gate: &Gate<'_>,
    policy: &Policy,
    request: &RequestView<'_>,
    path: &CanonicalPath,
    now: UnixTime,
) -> Settled {
    if !request.client.is_among(policy.addresses_of_issuer(path)) {
        return address_refused("issuer");
    }
    if let Some(refusal) = source::refused_for_issuer(gate.site, request) {
        return Ok(Decision::Refuse(refusal));
    }
    let (turns, client) = (&gate.turns, request.client);
    let [by_address, by_identity] = policy.limits_of_issuer(path, request.method);
    turns.take(by_address, client, None)?;
    if by_identity.is_some() && turns.counts(client) {
        // Whose token it is matters for the count only: the issuer judges the request, whatever its token is worth here.
        let holder = caller::holder(gate, request, now)?;
        let subject = holder.as_ref().and_then(|known| known.claims().subject());
        if subject.is_some() {
            turns.take(by_identity, client, subject)?;
        }
    }
    Ok(Decision::Forward(Permit {
        destination: Destination::Issuer,
        path: path.clone(),
        identity: None,
        drops_credential: false,
        rule: "issuer".to_string(),
        response_policy: ResponsePolicy::Untouched,
        cors: None,
        binds_request: false,
    }))
}

fn sign_in_first(
    caller: &Caller,
    rule: &Rule,
    request: &RequestView<'_>,
    path: &CanonicalPath,
    turn_of_refresh: impl FnOnce() -> Option<Turn>,
) -> Decision {
    let refusal = match caller {
        // Signing in again would not help: that token could not be judged either.
        Caller::Unjudged(reject) => return Decision::Refuse(keys_unavailable(*reject)),
        Caller::Unconfirmed => return Decision::Refuse(revocations_unavailable()),
        Caller::Refused(reject) => token_refused(reject),
        Caller::Revoked => token_revoked(),
        Caller::Anonymous | Caller::Known(_) => {
            Refusal::new(ProblemCode::NotSignedIn, format!("not-signed-in: {rule}"))
                .challenging(challenge::none_sent())
        }
    };
    // Any other token that is refused stays refused: a new one for the same session would hide what is wrong with it.
    if matches!(caller, Caller::Anonymous | Caller::Refused(Reject::Expired))
        && !source::is_preflight(request)
        && let Some(instead) = request.renewal.before_sign_in(&refusal, turn_of_refresh)
    {
        return instead;
    }
    if is_navigation(request) {
        return see_other(return_to::with_way_back(SIGN_IN_PAGE, path, request.query));
    }
    Decision::Refuse(refusal)
}

/// A signed-in person who opens `/login` or `/register` is led to where they were going, or home; everybody else gets
/// the page.
fn judge_sign_in_page(
    gate: &Gate<'_>,
    policy: &Policy,
    request: &RequestView<'_>,
    path: &CanonicalPath,
    now: UnixTime,
) -> Settled {
    if !is_navigation(request) {
        return to_issuer(gate, policy, request, path, now);
    }
    // Before anybody looks at the credential. On the way to the issuer it is not taken once more.
    let [by_address, _] = policy.limits_of_issuer(path, request.method);
    gate.turns.take(by_address, request.client, None)?;
    match Caller::of(gate, request, Mode::Bounded, now)? {
        Caller::Known(_) => {
            let way_back = request.query.and_then(return_to::from_query);
            let home = || policy.settings().signed_in_home.clone();
            Ok(see_other(way_back.unwrap_or_else(home)))
        }
        Caller::Anonymous
        | Caller::Refused(_)
        | Caller::Unjudged(_)
        | Caller::Revoked
        | Caller::Unconfirmed => to_issuer(gate, policy, request, path, now),
    }
}

fn answer_verify_token(gate: &Gate<'_>, request: &RequestView<'_>, now: UnixTime) -> Settled {
    if !matches!(request.method, "GET" | "HEAD") {
        let refusal = Refusal::new(ProblemCode::MethodNotAllowed, "method-not-allowed");
        return Ok(Decision::Refuse(Refusal {
            allow: Some("GET, HEAD"),
            ..refusal
        }));
    }
    Ok(match Caller::of(gate, request, Mode::Bounded, now)? {
        Caller::Known(_) => Decision::Answer(Answer { status: 204 }),
        Caller::Refused(reject) => Decision::Refuse(token_refused(&reject)),
        Caller::Unjudged(reject) => Decision::Refuse(keys_unavailable(reject)),
        Caller::Revoked => Decision::Refuse(token_revoked()),
        Caller::Unconfirmed => Decision::Refuse(revocations_unavailable()),
        Caller::Anonymous => Decision::Refuse(
            Refusal::new(ProblemCode::NotSignedIn, "not-signed-in")
                .challenging(challenge::none_sent()),
        ),
    })
}

/// The page that a person is led to instead of a refusal, if this caller may see it; otherwise two pages could send
/// them to and fro for ever.
fn reachable_page<'p>(
    policy: &Policy,
    page: Option<&'p str>,
    request: &RequestView<'_>,
    path: &CanonicalPath,
    subject: &Subject<'_>,
    now: UnixTime,
) -> Option<&'p str> {
    let page = page.filter(|_| is_navigation(request))?;
    let target = CanonicalPath::parse(page)
        .ok()
        .filter(|target| target != path)?;
    let is_reachable = match Territory::of(&target) {
        Territory::Issuer | Territory::SignInPage => {
            request.client.is_among(policy.addresses_of_issuer(&target))
        }
        Territory::VerifyToken => false,
        Territory::App => match policy.find(&Asked::page(&target, "GET", request.host)) {
            Found::Rule(rule) => {
                rule.admits(request.client)
                    && matches!(subject.before(rule.demand(), now), Standing::Passes)
            }
            Found::Lookalike { .. } | Found::Nothing => false,
        },
    };
    is_reachable.then_some(page)
}

/// The method is looked at again, so that a careless caller cannot turn a POST into a redirect.
fn is_navigation(request: &RequestView<'_>) -> bool {
    request.navigation && matches!(request.method, "GET" | "HEAD")
}

const fn see_other(location: String) -> Decision {
    Decision::Redirect(Redirect {
        status: 303,
        location,
    })
}

fn address_refused(rule: &str) -> Settled {
    refuse(
        ProblemCode::AddressNotAllowed,
        format!("address-not-allowed: {rule}"),
    )
}

fn refuse(code: ProblemCode, log_reason: impl Into<String>) -> Settled {
    Ok(Decision::Refuse(Refusal::new(code, log_reason)))
}
