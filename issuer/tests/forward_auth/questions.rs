//! What a verdict asks the database: whether a session ended is worth a query for good tokens only.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    task::Poll,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use edgeward_issuer::{
    config::Dialect,
    http::forward_auth::{self, ForwardAuth},
    store::stopwatch,
};
use tower::ServiceExt;

use crate::Verdicts;

/// As Traefik asks about `GET target` of the site.
fn about(target: &str, cookie: &str) -> Request {
    let mut request = Request::builder()
        .uri("/forward-auth")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "app.example")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-uri", target)
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    let proxy = SocketAddr::from(([127, 0, 0, 1], 4711));
    request.extensions_mut().insert(ConnectInfo(proxy));
    request
}

/// What that is answered, and whether the database was asked for it.
async fn ask(router: &Router, target: &str, cookie: &str) -> (u16, bool) {
    let answer = router.clone().oneshot(about(target, cookie));
    let (response, waited) = stopwatch::around(answer).await;
    (response.unwrap().status().as_u16(), waited.is_some())
}

async fn given() -> (Verdicts, Router) {
    let verdicts = Verdicts::given_in(Dialect::Traefik).await;
    let by = ForwardAuth::open(&verdicts.desk.app, Dialect::Traefik).await;
    (verdicts, forward_auth::router(by.unwrap()))
}

#[tokio::test]
async fn the_database_is_asked_about_good_tokens_that_their_limits_let_through() {
    let (verdicts, router) = given().await;
    let cookie = verdicts.cookie();
    let good = cookie.strip_prefix("Cookie: ").unwrap();
    let broken = format!("{good}x");
    for (target, cookie, expected) in [
        ("/open", "theme=dark", (200, false)),
        // The app is told who it is there, too.
        ("/open", good, (200, true)),
        ("/app", "theme=dark", (401, false)),
        ("/app", &broken, (401, false)),
        ("/%2e%2e/app", good, (400, false)),
        ("/app", good, (200, true)),
        ("/admin", good, (403, true)),
        // The one turn of this identity, its end, and then that of the address.
        ("/reports", good, (200, true)),
        ("/reports", good, (429, true)),
        ("/reports", good, (429, false)),
        ("/search", good, (429, false)),
    ] {
        assert_eq!(ask(&router, target, cookie).await, expected, "{target}");
    }
}

#[tokio::test]
async fn a_question_that_is_hung_up_hides_no_end_of_a_session() {
    let (mut verdicts, router) = given().await;
    let cookie = verdicts.cookie();
    let good = cookie.strip_prefix("Cookie: ").unwrap();
    let mut question = Box::pin(router.clone().oneshot(about("/app", good)));
    // It waits for nobody but the database.
    let waits = poll_fn(|context| Poll::Ready(question.as_mut().poll(context).is_pending()));
    assert!(waits.await, "its answer was there at once");
    drop(question);
    verdicts.ada.log_out().await;
    assert_eq!(ask(&router, "/app", good).await, (401, true));
}
