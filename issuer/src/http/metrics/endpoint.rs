//! `GET /metrics`, on a socket of its own, and the layer that counts requests.
//!
//! The numbers tell an attacker how well an attack goes, and how many people use the site; so they are not for
//! everybody. They are served on an address of their own and on no other: what may read them is then a question of which
//! network that address is in, which a firewall answers and no header can change. Without `metrics.listen` they are not
//! served at all. The edge forwards nothing there.

use std::time::{Duration, Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::timeout::TimeoutLayer;

use super::labels::{RequestLabels, Route, StatusClass, Verb};
use crate::{
    App, SharedApp,
    http::{
        problem::{ApiError, Refused},
        security_headers,
    },
    store::stopwatch,
};

/// The media type of the format and its version; scrapers choose their parser by it.
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Longer than the count of sessions may take, shorter than Prometheus waits by default.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The whole of what the second socket serves.
pub fn router(app: SharedApp) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
        .layer(middleware::from_fn(|request, next: Next| {
            security_headers::fill(request, |request| next.run(request))
        }))
        .with_state(app)
}

async fn show(State(app): State<SharedApp>) -> Result<Response, ApiError> {
    app.metrics.sessions().count(&app).await;
    app.metrics.redis().read(app.redis.as_ref());
    app.metrics.hashing().take(app.hasher.counts());
    let (uses, left_out) = (app.keyring.uses(), app.keyring.left_out().len());
    app.metrics.keys().take(uses, left_out, app.clock.now());
    app.metrics
        .secrets()
        .take(&app.generations.lives(), app.clock.now());
    let text = app.metrics.text().map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response())
}

/// Counts what was asked, how it ended, how long it took and how much of that it waited for the database.
pub async fn count<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let started = Instant::now();
    let method = Verb::from(request.method());
    let route = Route::matched(request.extensions().get::<MatchedPath>().cloned());
    let (response, waited) = stopwatch::around(next(request)).await;
    if let Some(refused) = response.extensions().get::<Refused>() {
        app.metrics.refusal(refused.code);
        if let Some(fault) = refused.fault {
            app.metrics.failure(fault);
        }
    }
    let status = StatusClass::from(response.status());
    let labels = RequestLabels {
        route,
        method,
        status,
    };
    app.metrics.request(labels, started.elapsed(), waited);
    response
}
