//! One log line a request: which resource, how it ended, how long it took, the id that the answer carries, and the id of its trace.
//!
//! The path as sent, the query, headers, cookies and bodies are not logged: any of them may hold a token or a name. What
//! is logged is the pattern of the resource that matched.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};

use edgeward_core::trace::TraceParent;

use super::{caller::EdgeOfAnswer, request_id::RequestId};

/// Runs the request, then writes its line.
pub async fn write<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next(request).await;
    let extensions = response.extensions();
    tracing::info!(
        request_id = extensions.get::<RequestId>().map(RequestId::as_str),
        trace_id = extensions.get::<TraceParent>().map(TraceParent::trace_id),
        edge = extensions.get::<EdgeOfAnswer>().map(EdgeOfAnswer::as_str),
        method = %method,
        route = route.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
