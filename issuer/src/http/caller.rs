//! Who asks: the address, the edge in between, the id of the request, and the moment it came.
//!
//! The middleware [`identify`] finds it out once, before any handler; handlers take it as an extractor. The only sources
//! of an address beside the socket are the proof of an enrolled edge and a configured proxy, see [`super::forwarded`]:
//! `X-Forwarded-For` and its like are never read from anybody else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, OriginalUri, Request},
    http::{HeaderMap, HeaderName, Uri, request::Parts},
    response::{IntoResponse, Response},
};
use edgeward_core::{
    time::UnixTime,
    trace::{TRACEPARENT, TraceParent},
};
use tracing::Instrument;

use super::{
    forwarded,
    problem::{ApiError, Internal},
    request_id::{self, RequestId},
};
use crate::{
    App,
    domain::{
        edges::{self, EdgeName, ProofRefusal, ProvenRequest},
        moment::Moment,
    },
};

/// The header with the proof of an edge.
pub const PROOF_HEADER: HeaderName = HeaderName::from_static("edgeward-proof");

/// The header with which a test sets the clock of one request.
#[cfg(feature = "test-clock")]
pub const TEST_CLOCK_HEADER: HeaderName = HeaderName::from_static("edgeward-test-clock");

/// Beside it: what the issuer does by itself is to go by that time as well, from now on.
#[cfg(feature = "test-clock")]
pub const TEST_CLOCK_OF_PROCESS_HEADER: HeaderName =
    HeaderName::from_static("edgeward-test-clock-of-process");

/// Who asks, and when.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The client's address: the peer of the socket, or what a proven edge or a trusted proxy says.
    pub address: IpAddr,
    /// The edge in between, if one has proved itself.
    pub edge: Option<EdgeName>,
    /// Whether that edge asks for itself, and not for a client.
    pub is_edge_itself: bool,
    /// Whether that edge made the request, to refresh the session of its client.
    pub is_edge_refreshing: bool,
    /// The id of this request.
    pub request_id: RequestId,
    /// The moment for every decision about this request, to the second.
    pub now: UnixTime,
    /// The same moment to the millisecond.
    pub moment: Moment,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Internal::new("a handler runs outside the `identify` middleware").into())
    }
}

/// Finds out who asks, refuses a proof that does not hold, and gives every answer its request id.
pub async fn identify<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let own_id = RequestId::new();
    let trace = trace(&parts.headers);
    let span = tracing::info_span!("identifying", request_id = %own_id);
    let found = find(app, &parts, &own_id).instrument(span).await;
    let (request_id, edge, asked, mut response) = match found {
        Ok(caller) => {
            let (request_id, edge) = (caller.request_id.clone(), caller.edge.clone());
            let asked = Asked {
                address: caller.address,
                now: caller.now,
            };
            let span = tracing::info_span!(
                "handling",
                request_id = %request_id,
                trace_id = trace.as_ref().map(TraceParent::trace_id),
            );
            parts.extensions.insert(caller);
            let request = Request::from_parts(parts, body);
            let response = next(request).instrument(span).await;
            (request_id, edge, asked, response)
        }
        Err(error) => {
            let asked = Asked {
                address: address_without_proof(app, &parts),
                now: app.clock.now(),
            };
            (own_id, None, asked, error.into_response())
        }
    };
    if let Some(value) = request_id.header_value() {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    if let Some(edge) = edge {
        response.extensions_mut().insert(EdgeOfAnswer(edge));
    }
    if let Some(trace) = trace {
        response.extensions_mut().insert(trace);
    }
    response.extensions_mut().insert(asked);
    response.extensions_mut().insert(request_id);
    response
}

/// The trace that a request belongs to. The edge always says one; a stranger may as well, because nothing is decided by it.
pub(super) fn trace(headers: &HeaderMap) -> Option<TraceParent> {
    let mut said = headers.get_all(TRACEPARENT).iter();
    match (said.next(), said.next()) {
        (Some(one), None) => TraceParent::read(one.to_str().ok()?),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

/// From where and when was asked, left on the answer for the layers around.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) address: IpAddr,
    pub(super) now: UnixTime,
}

/// Which edge a request came through, left on its answer for the log line.
#[derive(Debug, Clone)]
pub(super) struct EdgeOfAnswer(EdgeName);

impl EdgeOfAnswer {
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn uri(asked: &Parts) -> &Uri {
    asked
        .extensions
        .get::<OriginalUri>()
        .map_or(&asked.uri, |original| &original.0)
}

/// The peer of the socket; the unspecified address when a router is called without a socket, as tests do.
fn peer_address(asked: &Parts) -> IpAddr {
    asked
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}

/// The peer, or whom a trusted proxy names.
fn address_without_proof(app: &App, asked: &Parts) -> IpAddr {
    let peer = peer_address(asked);
    forwarded::client_address(peer, &asked.headers, &app.config.server.proxies)
}

async fn find(app: &App, asked: &Parts, own_id: &RequestId) -> Result<Caller, ApiError> {
    let moment = moment(app, &asked.headers)?;
    let now = moment.time();
    let address = address_without_proof(app, asked);
    let mut proofs = asked.headers.get_all(PROOF_HEADER).iter();
    let Some(first) = proofs.next() else {
        return Ok(Caller {
            address,
            edge: None,
            is_edge_itself: false,
            is_edge_refreshing: false,
            request_id: own_id.clone(),
            now,
            moment,
        });
    };
    let proof = match (first.to_str(), proofs.next()) {
        (Ok(proof), None) => proof,
        (Err(_), _) | (_, Some(_)) => return Err(ApiError::EdgeProofInvalid),
    };
    let request = ProvenRequest {
        method: asked.method.as_str(),
        path_and_query: uri(asked)
            .path_and_query()
            .map_or("/", |both| both.as_str()),
    };
    let span = tracing::info_span!("identifying", request_id = %own_id);
    let verified = edges::verify_proof(&app.store, proof, &app.config.issuer.url, request, now);
    match verified.instrument(span.clone()).await {
        Ok(proof) => Ok(Caller {
            address: proof.client.unwrap_or(address),
            is_edge_itself: proof.client.is_none(),
            is_edge_refreshing: proof.refreshes,
            edge: Some(proof.edge),
            request_id: RequestId::from_edge(&proof.request_id),
            now,
            moment,
        }),
        Err(ProofRefusal::Store(failure)) => Err(failure.into()),
        Err(refusal) => {
            tracing::warn!(parent: &span, peer = %peer_address(asked), reason = %refusal, "edge proof refused");
            Err(if refusal.is_of_an_enrolled_edge() {
                ApiError::EdgeProofMisused
            } else {
                ApiError::EdgeProofInvalid
            })
        }
    }
}

#[cfg(not(feature = "test-clock"))]
#[expect(clippy::unnecessary_wraps, reason = "the test clock can be malformed")]
fn moment(app: &App, _: &HeaderMap) -> Result<Moment, ApiError> {
    Ok(app.clock.moment())
}

#[cfg(feature = "test-clock")]
fn moment(app: &App, headers: &HeaderMap) -> Result<Moment, ApiError> {
    let Some(value) = headers.get(TEST_CLOCK_HEADER) else {
        return Ok(app.clock.moment());
    };
    let told = told_by(value)?;
    if headers.contains_key(TEST_CLOCK_OF_PROCESS_HEADER) {
        app.clock.step_to(told);
    }
    Ok(told)
}

#[cfg(feature = "test-clock")]
fn told_by(value: &axum::http::HeaderValue) -> Result<Moment, ApiError> {
    value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .map(|seconds| Moment::from_time(UnixTime::from_seconds(seconds)))
        .ok_or_else(|| ApiError::malformed("edgeward-test-clock is not a number of seconds"))
}
