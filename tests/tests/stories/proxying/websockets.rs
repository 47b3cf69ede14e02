//! WebSockets through the gate: who may open one, and that both sides hear each other until one ends it.

use edgeward_tests::ByHand;
use edgeward_tests::by_hand::Side;
use edgeward_tests::websocket::{Kind, accepts, closing, frame, read};

use super::{POLICY, head};

const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
/// What the key of RFC 6455, section 1.3 is accepted with.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A client asks to speak WebSocket.
fn knocks(site: &ByHand, path: &str, lines: &[&str]) -> Side {
    let lines = [&UPGRADE[..], lines].concat();
    site.asks(&format!("GET {path}"), &lines)
}

/// A client and an app that speak with each other through the gate.
fn connected(site: &ByHand) -> (Side, Side) {
    let (cookie, origin) = (site.cookie(), format!("Origin: {}", site.edge.origin()));
    let lines = [&*cookie, &origin, "Sec-WebSocket-Protocol: chat, other"];
    let mut client = knocks(site, "/mine/socket", &lines);
    let (request, mut app) = site.takes();
    assert_eq!(request.each("upgrade"), ["websocket"]);
    assert_eq!(request.each("sec-websocket-protocol"), ["chat, other"]);
    // Our cookie stays at the edge; the app knows all the same who knocks.
    assert_eq!(request.each("cookie"), Vec::<&str>::new());
    assert_eq!(request.each("edgeward-user"), ["u1"]);
    assert_eq!(request.each("edgeward-assertion").len(), 1);
    app.says(accepts(&request) + "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: room=7\r\n\r\n");
    let answer = client.head();
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.each("sec-websocket-accept"), [ACCEPT]);
    assert_eq!(answer.each("sec-websocket-protocol"), ["chat"]);
    assert_eq!(answer.each("set-cookie"), ["room=7"]);
    (client, app)
}

#[tokio::test]
async fn both_sides_hear_each_other() {
    let site = ByHand::start(POLICY).await;
    let (mut client, mut app) = connected(&site);
    for number in 0..3 {
        let (question, answer) = (format!("ping {number}"), [number; 7]);
        client.says(frame(Kind::Text, question.as_bytes(), true));
        assert_eq!(read(&mut app), (Kind::Text, question.into_bytes()));
        app.says(frame(Kind::Binary, &answer, false));
        assert_eq!(read(&mut client), (Kind::Binary, answer.to_vec()));
    }
    // The app speaks first, too.
    app.says(frame(Kind::Text, b"news", false));
    assert_eq!(read(&mut client), (Kind::Text, b"news".to_vec()));
}

#[tokio::test]
async fn the_end_and_its_reason_arrive_at_the_other_side() {
    let site = ByHand::start(POLICY).await;
    for (code, reason) in [(1000, "done"), (1001, ""), (4321, "the app's own")] {
        let ends = closing(code, reason);
        let (mut client, mut app) = connected(&site);
        client.says(frame(Kind::Close, &ends, true));
        assert_eq!(read(&mut app), (Kind::Close, ends.clone()), "to the app");
        app.says(frame(Kind::Close, &ends, false));
        assert_eq!(read(&mut client), (Kind::Close, ends.clone()), "back");

        let (mut client, mut app) = connected(&site);
        app.says(frame(Kind::Close, &ends, false));
        assert_eq!(
            read(&mut client),
            (Kind::Close, ends.clone()),
            "to the client"
        );
        client.says(frame(Kind::Close, &ends, true));
        assert_eq!(read(&mut app), (Kind::Close, ends.clone()), "back");
    }
}

#[tokio::test]
async fn who_vanishes_is_missed_at_the_other_side() {
    let site = ByHand::start(POLICY).await;
    let (client, mut app) = connected(&site);
    drop(client);
    let _ = app.rest();
    let (mut client, app) = connected(&site);
    drop(app);
    let _ = client.rest();
}

#[tokio::test]
async fn who_may_not_pass_opens_no_socket() {
    let site = ByHand::start(POLICY).await;
    let cookie = site.cookie();
    let bad = format!("{cookie}x");
    let evil = "Origin: https://evil.example";
    let (not_signed_in, refused) = ("NOT_SIGNED_IN", "ORIGIN_REFUSED");
    for (path, lines, status, code) in [
        ("/mine/socket", &[][..], 401, not_signed_in),
        ("/mine/socket", &[&*bad], 401, "INVALID_TOKEN"),
        ("/mine/socket", &[&*cookie, evil], 403, refused),
        ("/mine/socket", &[&*cookie, "Origin: null"], 403, refused),
        (
            "/mine/socket",
            &[&*cookie, "Sec-Fetch-Site: cross-site"],
            403,
            refused,
        ),
        // A public socket too, as soon as it would be somebody's.
        ("/open/socket", &[&*cookie, evil], 403, refused),
        ("/nowhere", &[&*cookie], 403, "ROUTE_DENIED"),
    ] {
        let mut client = knocks(&site, path, lines);
        let answer = client.head();
        assert_eq!(answer.status(), status, "{path} {lines:?}");
        let length = answer.each("content-length").concat().parse().unwrap();
        let body = String::from_utf8_lossy(&client.bytes(length)).into_owned();
        assert!(
            body.contains(&format!("\"{code}\"")),
            "{path} {lines:?}: {body}"
        );
        assert!(site.is_quiet(), "{path} {lines:?}");
    }
}

#[tokio::test]
async fn an_app_that_speaks_no_websocket_says_so_itself() {
    let site = ByHand::start(POLICY).await;
    let mut client = knocks(&site, "/open/socket", &[]);
    let (_, mut app) = site.takes();
    app.says(head(&["HTTP/1.1 426 Upgrade Required", "Content-Length: 4"]) + "what");
    assert_eq!(client.head().status(), 426);
    assert_eq!(client.bytes(4), b"what");
}
