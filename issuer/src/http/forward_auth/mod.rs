//! Forward-auth: verdicts about requests that a proxy keeps in its hands (nginx, Traefik, Caddy, Envoy), for those who have
//! no edge Worker in front.
//!
//! The verdict is `core::gate::decide`'s, as at the edge. This listens on an address of its own, serves nothing of the issuer's there
//! and believes nobody but the configured proxies. [`dialect`] says which request is asked about, [`asked`] is what core may
//! look at of it, [`answer`] what the proxy is told. The keys and the ended sessions are those of this process, so a verdict is
//! no older than its question, as long as the database answers. Nothing is refreshed here: the answer of a proxy's question does not reach the browser.

mod answer;
mod asked;
mod dialect;
mod ended;

use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use edgeward_core::{
    cookie::CookieNames,
    csrf::CsrfKey,
    gate::{
        Counts, Decision, Gate, KeyDemand, Policy, PolicyState, Ruling, Turn, Turns, decide,
        identity::Introducer,
    },
    problem::ProblemCode,
    time::Moment,
    token::{Arrivals, Audiences, Expectations, SeenTokens, TokenType},
    trace::{TRACEPARENT, TRACESTATE, TraceParent},
};
use tower_http::timeout::TimeoutLayer;

use self::{
    asked::Asked,
    dialect::{Form, Question, Unclear},
    ended::Ended,
};
use super::{
    access_log, caller, forwarded, health, metrics::VerdictResult, problem::ApiError,
    request_id::RequestId, security_headers,
};
use crate::{
    App, SharedApp,
    config::{Dialect, PolicyFileError, read_policy},
    domain::edges::{self, OwnEdge, OwnEdgeError},
    signatures,
};

/// How long a verdict may take: it reads from the database once, and whoever asks keeps a person waiting meanwhile.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A token is judged under the keys of this process, so core asks about one signature, one CSRF token and two turns at most, and for
/// nothing else; and it is asked once more when a good token made it worth reading what ended.
const QUESTIONS_MAX: usize = 6;

/// What verdicts are given by.
#[derive(Debug)]
pub struct ForwardAuth {
    app: SharedApp,
    dialect: Dialect,
    policy: PolicyState,
    expect: Expectations,
    cookies: CookieNames,
    edge: OwnEdge,
    ended: Arc<Ended>,
    counts: Mutex<Counts>,
}

/// A decision, and what it was made with.
#[derive(Debug)]
struct Judged {
    decision: Decision,
    /// A token was judged although what is known of ended sessions is older than its route wants.
    is_unconfirmed: bool,
}

/// Why no verdicts can be given. All of these are for the operator to put right.
#[derive(Debug, thiserror::Error)]
pub enum ForwardAuthError {
    /// There is no policy to judge by.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// Callers cannot be introduced to the app.
    #[error(transparent)]
    Edge(#[from] OwnEdgeError),
}

impl ForwardAuth {
    /// Reads the policy and enrols the issuer as an edge of its own.
    ///
    /// # Errors
    /// [`ForwardAuthError`].
    pub async fn open(app: &SharedApp, dialect: Dialect) -> Result<Self, ForwardAuthError> {
        let App { config, store, .. } = &**app;
        let policy: Policy = read_policy(&config.forward_auth.policy)?;
        let name = &config.forward_auth.edge;
        let seed = app.secrets.own_edge_seed(name.as_str());
        let edge = edges::enroll_itself(store, name, &seed, app.clock.now()).await?;
        Ok(Self {
            app: Arc::clone(app),
            dialect,
            policy: PolicyState::Ready(policy),
            expect: Expectations::new(
                config.issuer.url.as_str(),
                Audiences::OneOf(vec![config.issuer.audience.clone()]),
                TokenType::Access,
            ),
            cookies: CookieNames::for_environment(
                config.environment,
                config.cookies.parent_domain.is_some(),
            ),
            edge,
            ended: Arc::default(),
            counts: Mutex::default(),
        })
    }

    /// Asks core, and answers what it asks back.
    async fn judge(&self, asked: &Asked, form: Form) -> Judged {
        let arrived = Instant::now();
        let moment = Moment::from_milliseconds(asked.moment.millis());
        let keys = self.app.keyring.public_keys();
        // For this question only, since the keys and sessions of its moment are what counts.
        let seen = RefCell::new(SeenTokens::new());
        let mut answer = None;
        let mut turns = Turns::new(self.app.config.limits.loopback);
        let mut csrf = None;
        let mut has_caught_up = false;
        for _ in 0..QUESTIONS_MAX {
            let (judged, consulted) = self.ended.with(moment, |revocations| {
                let gate = Gate {
                    policy: &self.policy,
                    site: &self.app.config.issuer.url,
                    keys: Some(&keys),
                    keys_are_final: true,
                    expect: &self.expect,
                    answer: answer.as_ref(),
                    seen: Some(&seen),
                    turns,
                    revocations: Some(revocations),
                };
                let mut view = asked.view(&self.cookies);
                view.source.csrf = csrf.as_ref();
                decide(&gate, &view, asked.now())
            });
            // Asked this late, so that whom a limit by address or the token itself refuses costs the database nothing.
            if consulted && !has_caught_up {
                self.ended.catch_up(&self.app, arrived).await;
                has_caught_up = true;
                continue;
            }
            match judged.decision {
                Decision::NeedsSignature(question) => answer = Some(signatures::answer(*question)),
                Decision::NeedsTurn(turn) => turns.took(&turn, self.count(&turn, form, moment)),
                Decision::NeedsCsrf(question) => {
                    let keys = self.app.csrf_keys(asked.now()).await.ok();
                    let keys: Option<Vec<_>> =
                        keys.map(|keys| keys.accepts().map(CsrfKey::for_apps).collect());
                    csrf = Some(asked.csrf_answer(*question, &self.cookies, keys.as_deref()));
                }
                settled @ (Decision::Forward(_)
                | Decision::Redirect(_)
                | Decision::Answer(_)
                | Decision::AnswerPreflight(_)
                | Decision::Refuse(_)
                | Decision::NeedsKeys(_)
                | Decision::NeedsRevocations(_)
                | Decision::NeedsRefresh(_)) => {
                    if let Some(arrived) = seen.borrow().arrivals().borrow().untold() {
                        self.app.arrivals.tell(Arrivals::read(&arrived));
                    }
                    return Judged {
                        decision: settled,
                        ..judged
                    };
                }
            }
        }
        // Asked again about what was answered: nothing can be judged. `answer` makes a refusal of it.
        Judged {
            decision: Decision::NeedsKeys(KeyDemand::NoKeySet),
            is_unconfirmed: false,
        }
    }

    /// Takes a turn. A request that was refused is asked about once more for its answer, and took its turns the first time.
    fn count(&self, turn: &Turn, form: Form, now: Moment) -> Ruling {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match form {
            Form::Verdict | Form::Whole(_) => counts.take(turn, now),
            Form::InPlace => counts.look(turn, now),
        }
    }

    fn introducer(&self) -> Introducer<'_> {
        Introducer {
            issuer: &self.app.config.issuer.url,
            audience: &self.app.config.issuer.audience,
            edge: self.edge.name.as_str(),
            key: &self.edge.key,
        }
    }

    /// Counts a verdict, unless it is the one of a moment ago once more, which nginx asks for to have its answer.
    fn told(&self, result: VerdictResult, form: Form) {
        match form {
            Form::Verdict | Form::Whole(_) => self.app.metrics.verdict(result),
            Form::InPlace => {}
        }
    }

    /// Counts and makes a refusal before there is anything to judge.
    fn refuse(&self, code: ProblemCode, form: Form, detail: Option<String>) -> Response {
        self.told(VerdictResult::refused_with(code), form);
        answer::refusal(code, form, detail)
    }

    /// Whether this peer may ask.
    fn trusts(&self, peer: Option<&ConnectInfo<SocketAddr>>) -> bool {
        let proxies = &self.app.config.server.proxies.networks;
        peer.is_some_and(|peer| proxies.contain(peer.0.ip()))
    }
}

/// The whole of what the socket serves.
pub fn router(forward_auth: ForwardAuth) -> Router {
    Router::new()
        .route("/healthz", get(health::live))
        // Envoy appends the path that it asks about, so whatever it is must come here as it stands.
        .fallback(answer_question)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
        .layer(middleware::from_fn(|request, next: Next| {
            let filled = |request| security_headers::fill(request, |request| next.run(request));
            access_log::write(request, filled)
        }))
        .with_state(Arc::new(forward_auth))
}

async fn answer_question(State(this): State<Arc<ForwardAuth>>, request: Request<Body>) -> Response {
    let id = RequestId::new();
    let (asked, _) = request.into_parts();
    let mut response = give_verdict(&this, &asked, &id).await;
    let passes = response.status() == StatusCode::OK;
    let headers = response.headers_mut();
    if let Some(value) = id.header_value() {
        headers.insert(super::request_id::HEADER, value);
    }
    let brought = caller::trace(&asked.headers);
    // What is said about a trace that was not understood ends here (Trace Context, section 4.3).
    if passes
        && brought.is_some()
        && let Some(said) = asked.headers.get(TRACESTATE)
    {
        headers.insert(TRACESTATE, said.clone());
    }
    let trace = brought.or_else(|| TraceParent::beginning_with(id.as_str()));
    if let Some(trace) = trace {
        if let Ok(value) = HeaderValue::from_str(trace.as_str()) {
            headers.insert(TRACEPARENT, value);
        }
        response.extensions_mut().insert(trace);
    }
    response.extensions_mut().insert(id);
    response
}

async fn give_verdict(this: &ForwardAuth, request: &Parts, id: &RequestId) -> Response {
    let Some(form) = Form::of(this.dialect, request.uri.path()) else {
        return ApiError::NotFound.into_response();
    };
    if !this.trusts(request.extensions.get()) {
        tracing::warn!(request_id = %id, reason = "proxy-not-trusted", "refused");
        return this.refuse(ProblemCode::ProxyNotTrusted, form, None);
    }
    let unclear = |what: Unclear| {
        tracing::warn!(request_id = %id, reason = %what, "refused");
        this.refuse(ProblemCode::UnclearRequest, form, Some(what.to_string()))
    };
    let question = match Question::read(this.dialect, request) {
        Ok(question) => question,
        Err(what) => return unclear(what),
    };
    let moment = this.app.clock.moment();
    let client = forwarded::named_client(&request.headers, &this.app.config.server.proxies);
    let asked = Asked::new(question, &request.headers, client, moment);
    if this.dialect == Dialect::Envoy && asked.lacks_its_origin(&this.cookies) {
        return unclear(Unclear::Missing("origin"));
    }
    let judged = this.judge(&asked, form).await;
    answer::of(judged, &asked, form, this, id)
}
