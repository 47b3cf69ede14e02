//! Every URL of the issuer, on one page.
//!
//! The layers, from the outside: the counters, the log line, the headers of every answer, the note of a refusal, who asks, from where administration is asked for, then the limits. A request that
//! panics is answered like any other internal failure, and the process lives on.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    access_log, auth, caller, edge_bundle, events, health, metrics, pages,
    problem::ApiError,
    readiness::{self, Recent},
    revocations, security_headers, wellknown,
};
use crate::SharedApp;

/// The largest body that is read: the longest form here has six fields, a thousandth of this would do for it; sign-in by
/// SAML, which has the longest bodies, stays below it.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// How long an answer may take: the wait for a place to hash, one hash and one transaction are far shorter, and a proxy
/// in front gives up after 30 seconds.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// All resources, and what applies to all of them.
pub fn router(app: SharedApp) -> Router {
    let resources = Router::new()
        .merge(documents())
        .merge(sessions())
        .merge(administration())
        .merge(page_routes())
        .merge(operations());
    with_layers(resources, app)
}

fn with_layers(resources: Router<SharedApp>, app: SharedApp) -> Router {
    resources
        .fallback(pages::absent)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(app.clone(), surround))
                .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
                .layer(CatchPanicLayer::custom(answer_panic)),
        )
        .with_state(app)
}

/// What is done around every handler. One layer that calls six functions and not six layers: each layer of this kind copies
/// all that are inside of it for each request, which was a third of what a small answer cost.
async fn surround(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let app = &app;
    let limited = |request| limit_time(request, next);
    let admitted = |request| auth::admin::addresses::admit(app, request, limited);
    let identified = |request| caller::identify(app, request, admitted);
    let refusals = |request| events::write_refusals(app, request, identified);
    let headers = |request| security_headers::fill(request, refusals);
    let logged = |request| access_log::write(request, headers);
    metrics::endpoint::count(app, request, logged).await
}

/// What verifiers and clients read without a sign-in.
fn documents() -> Router<SharedApp> {
    Router::new()
        .route("/.well-known/jwks.json", get(wellknown::key_set))
        .route(
            "/.well-known/oauth-authorization-server",
            get(wellknown::metadata),
        )
        .route("/.well-known/edgeward-revocations", get(revocations::feed))
        .route("/.well-known/edgeward-edge", get(edge_bundle::bundle))
}

/// Signing in and out, for programs and for the forms of the pages.
fn sessions() -> Router<SharedApp> {
    Router::new()
        .route("/auth/register", post(auth::register::register))
        .route("/auth/register/confirm", post(auth::confirm::confirm))
        .route("/auth/login", post(auth::login::log_in))
        .route("/auth/refresh", post(auth::refresh::refresh))
        .route("/auth/logout", post(auth::logout::log_out))
        .route("/auth/logout-all", post(auth::logout::log_out_all))
        .route("/auth/password", post(auth::password::change))
        .route("/auth/password/forgot", post(auth::forgot::forgot))
        .route("/auth/password/reset", post(auth::reset::reset))
        .route("/auth/step-up", post(auth::step_up::step_up))
        .route("/auth/me", get(auth::me::me))
        .route("/auth/csrf", get(auth::csrf::token))
        .route("/auth/sessions", get(auth::sessions::list))
        .route("/auth/sessions/{id}", delete(auth::sessions::revoke))
}

/// What administrators do with the accounts of others.
fn administration() -> Router<SharedApp> {
    use auth::admin::{acts, roles, users};
    Router::new()
        .route("/auth/admin/users", get(users::list))
        .route("/auth/admin/users/{id}", get(users::details))
        .route("/auth/admin/users/{id}/roles", put(roles::set))
        .route("/auth/admin/users/{id}/unlock", post(acts::unlock))
        .route(
            "/auth/admin/users/{id}/sessions",
            delete(acts::revoke_sessions),
        )
        .route(
            "/auth/admin/users/{id}/sessions/{sid}",
            delete(acts::revoke_session),
        )
}

/// What people see.
fn page_routes() -> Router<SharedApp> {
    Router::new()
        .route("/login", get(pages::sign_in::login))
        .route("/register", get(pages::sign_in::register))
        .route("/auth/confirm", get(pages::links::confirm))
        .route("/auth/console/users", get(pages::console::people::list))
        .route(
            "/auth/console/users/{id}",
            get(pages::console::person::show),
        )
        .route(
            "/auth/console/users/{id}/roles",
            post(pages::console::acts::set_roles),
        )
        .route(
            "/auth/console/users/{id}/unlock",
            post(pages::console::acts::unlock),
        )
        .route(
            "/auth/console/users/{id}/sessions",
            post(pages::console::acts::end_sessions),
        )
        .route(
            "/auth/console/users/{id}/sessions/{sid}",
            post(pages::console::acts::end_session),
        )
        .route("/auth/forgot", get(pages::links::forgot))
        .route("/auth/reset", get(pages::links::reset))
        .route("/account", get(pages::account::profile))
        .route("/account/password", get(pages::account::password))
        .route("/account/sessions", get(pages::account::sessions))
        .route(
            "/account/sessions/end",
            get(pages::account::end_session).post(auth::sessions::end),
        )
        .route("/account/sessions/end-all", get(pages::account::end_all))
        .route("/account/step-up", get(pages::sign_in::step_up))
        .route("/account/sign-out", get(pages::sign_in::sign_out))
        .route("/auth/assets/{name}", get(pages::brand::serve))
}

/// What the operator's machinery asks. The edge does not pass these on.
fn operations() -> Router<SharedApp> {
    Router::new().route("/healthz", get(health::live)).route(
        "/readyz",
        get(readiness::ready).layer(Extension(Arc::<Recent>::default())),
    )
}

async fn limit_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(REQUEST_TIMEOUT, next.run(request))
        .await
        .unwrap_or_else(|_| ApiError::TooSlow.into_response())
}

fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("nothing");
    ApiError::internal(format!("a handler panicked and said: {said}")).into_response()
}

#[cfg(test)]
mod tests {
    use std::future;

    use axum::{body::Body, http::StatusCode};
    use tower::ServiceExt;

    use super::*;
    use crate::{App, config::Config, custody::tests::Folder};

    async fn ask(app: &SharedApp, path: &str) -> Response {
        let resources = Router::new()
            .route(
                "/panics",
                get(async || -> StatusCode { panic!("the secret is 4711") }),
            )
            .route(
                "/hangs",
                get(async || future::pending::<StatusCode>().await),
            );
        let request = Request::get(path).body(Body::empty()).unwrap();
        with_layers(resources, Arc::clone(app))
            .oneshot(request)
            .await
            .unwrap()
    }

    async fn check(response: Response, status: StatusCode, code: &str) {
        assert_eq!(response.status(), status);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(response.headers().contains_key("x-request-id"));
        let body = axum::body::to_bytes(response.into_body(), 4096)
            .await
            .unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(code), "{text}");
        assert!(!text.contains("4711"), "{text}");
    }

    #[tokio::test]
    async fn a_handler_that_panics_or_hangs_is_answered_and_the_next_request_too() {
        let folder = Folder::new();
        let mut config = Config::defaults(folder.path());
        config.passwords.argon2.memory_kib = 64;
        let app = Arc::new(App::open(config).await.unwrap());
        let failed = ask(&app, "/panics").await;
        check(failed, StatusCode::INTERNAL_SERVER_ERROR, "\"INTERNAL\"").await;
        // With the clock stopped, time goes on only when nothing else can: straight to the limit.
        tokio::time::pause();
        let slow = ask(&app, "/hangs").await;
        assert_eq!(slow.headers()["retry-after"], "5");
        check(slow, StatusCode::SERVICE_UNAVAILABLE, "\"BUSY\"").await;
        tokio::time::resume();
        let absent = ask(&app, "/absent").await;
        check(absent, StatusCode::NOT_FOUND, "\"NOT_FOUND\"").await;
    }
}
