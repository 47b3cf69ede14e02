//! An app that does badly. The client is told so with our code, and of the inside nothing.

use edgeward_tests::by_hand::{Head, Side};
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{ByHand, KeyServer, LoneEdge};
use xtask::stack::Environment;

use super::{POLICY, head};

/// A word of the app's own, which nobody outside should read.
const INSIDE: &str = "inner-host.internal:5432";

/// What the app does, and what the log says about it.
const ROWS: &[(&str, &str, &str)] = &[
    ("closes without a word", "", "app-unreachable"),
    (
        "says half a head",
        "HTTP/1.1 200 OK\r\nX-Backend: inner-",
        "app-unreachable",
    ),
    (
        "is no HTTP server",
        "SSH-2.0-inner-host.internal:5432\r\n\r\n",
        "app-unreachable",
    ),
    (
        "says a line that is no header",
        "HTTP/1.1 200 OK\r\ninner-host.internal\r\n\r\n",
        "app-unreachable",
    ),
    (
        "folds a header over two lines",
        "HTTP/1.1 200 OK\r\nX-A: b\r\n inner\r\n\r\n",
        "app-unreachable",
    ),
    (
        "names two lengths",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "app-unreachable",
    ),
    (
        "names a length that is none",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        "app-unreachable",
    ),
    (
        "says a status below all statuses",
        "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
        "app-unreachable",
    ),
    (
        "says a status above all statuses",
        "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
        "answer-not-handed-on",
    ),
    (
        "changes to a protocol that nobody asked for",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: inner\r\nConnection: Upgrade\r\n\r\n",
        "answer-not-handed-on",
    ),
    (
        "cannot be reached by the platform",
        "HTTP/1.1 522 Odd\r\nContent-Length: 24\r\n\r\ninner-host.internal:5432",
        "app-unreachable",
    ),
];

/// Reads what the client was told: nothing of the inside, and nothing behind it.
fn told(client: &mut Side, log: &str) -> (Head, String) {
    let answer = client.head();
    let body = client.rest();
    for inside in [
        "inner",
        "127.0.0.1",
        "workerd",
        "kj/",
        "TypeError",
        "Error:",
    ] {
        assert!(!body.contains(inside), "{inside}: {body}");
        assert_eq!(answer.each("x-backend"), Vec::<&str>::new());
    }
    assert!(!log.contains(INSIDE), "{log}");
    (answer, body)
}

#[tokio::test]
async fn an_app_that_answers_badly_is_a_502() {
    let site = ByHand::start(POLICY).await;
    for (what, said, reason) in ROWS {
        let mut client = site.asks("GET /open/a", &["Connection: close"]);
        let (_, mut app) = site.takes();
        app.says(said);
        drop(app);
        let (answer, body) = told(&mut client, &site.edge.log());
        assert_eq!(answer.status(), 502, "{what}");
        assert_eq!(
            answer.each("content-type"),
            ["application/problem+json"],
            "{what}"
        );
        assert_eq!(answer.each("cache-control"), ["no-store"], "{what}");
        assert!(body.contains("\"UPSTREAM_FAILED\""), "{what}: {body}");
        let log = site.edge.log();
        let last = log.lines().last().unwrap_or_default();
        assert!(
            last.contains(&format!("\"reason\":\"{reason}\"")),
            "{what}: {last}"
        );
        // The next request is none the worse for it.
        let mut client = site.asks("GET /open/a", &["Connection: close"]);
        let (_, mut app) = site.takes();
        app.says(head(&["HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close"]) + "ok");
        assert_eq!(client.head().status(), 200, "{what}");
    }
}

#[tokio::test]
async fn an_app_that_hangs_up_on_an_upload_is_a_502() {
    let site = ByHand::start(POLICY).await;
    let mut client = site.asks("POST /open/a", &["Content-Length: 10", "Connection: close"]);
    client.says("half ");
    let (_, app) = site.takes();
    drop(app);
    let (answer, body) = told(&mut client, &site.edge.log());
    assert_eq!(answer.status(), 502);
    assert!(body.contains("\"UPSTREAM_FAILED\""), "{body}");
}

#[tokio::test]
async fn an_app_that_is_not_there_is_a_502_in_the_form_that_was_asked_for() {
    let issuer = KeyServer::with(&[&signing_key(1)]);
    let edge = LoneEdge::start(&issuer, None).await;
    for (line, headers, form) in [
        ("GET /", &[][..], "application/problem+json"),
        (
            "POST /",
            &[("Content-Length", "0")],
            "application/problem+json",
        ),
        (
            "GET /",
            &[("Accept", "text/html")],
            "text/html; charset=utf-8",
        ),
    ] {
        let answer = edge.gets_by_hand(line, headers, "").unwrap().expect(502);
        assert_eq!(answer.header("content-type"), Some(form));
        assert!(!answer.body.contains("127.0.0.1"), "{}", answer.body);
    }
    let answer = edge.gets_by_hand("HEAD /", &[], "").unwrap().expect(502);
    assert_eq!(answer.body, "");
}

#[tokio::test]
async fn an_app_that_does_not_begin_to_answer_is_a_504() {
    let bindings = [("APP_TIMEOUT_SECONDS", "1")];
    let site = ByHand::with(Environment::Development, POLICY, &bindings).await;
    let mut client = site.asks("GET /open/a", &["Connection: close"]);
    let (_, mut app) = site.takes();
    let (answer, body) = told(&mut client, &site.edge.log());
    assert_eq!(answer.status(), 504);
    assert!(body.contains("\"UPSTREAM_TIMEOUT\""), "{body}");
    assert_eq!(app.rest(), "", "the app is not kept waiting either");
    assert!(site.edge.log().contains("\"reason\":\"app-too-late\""));
}

#[tokio::test]
async fn what_has_begun_may_take_as_long_as_it_likes() {
    // Time enough for the stream to begin on a busy machine.
    let bindings = [("APP_TIMEOUT_SECONDS", "4")];
    let site = ByHand::with(Environment::Development, POLICY, &bindings).await;
    // The upload is there first, and so is the stream; then another request has to outlast the limit.
    let mut upload = site.asks("POST /open/a", &["Content-Length: 4", "Connection: close"]);
    let (_, mut uploads) = site.takes();
    let mut stream = site.asks("GET /open/a", &["Connection: close"]);
    let (_, mut streams) = site.takes();
    streams.says(head(&["HTTP/1.1 200 OK", "Content-Length: 4"]));
    assert_eq!(stream.head().status(), 200);
    let mut waits = site.asks("GET /open/a", &["Connection: close"]);
    let (_, _app) = site.takes();
    assert_eq!(waits.head().status(), 504);

    upload.says("late");
    assert_eq!(uploads.bytes(4), b"late");
    uploads.says(head(&["HTTP/1.1 200 OK", "Content-Length: 0"]));
    assert_eq!(upload.head().status(), 200);
    streams.says("late");
    assert_eq!(stream.rest(), "late");
}
