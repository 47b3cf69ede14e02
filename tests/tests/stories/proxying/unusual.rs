//! What no browser sends: methods, framings and heads with two readings. The runtime or the gate refuses it, or one reading goes on.

use edgeward_tests::tap::Seen;
use edgeward_tests::{GatedApp, raw};

use super::POLICY;

/// The host that a rule names.
const NAMED: &str = "app.example.com";

/// Before whatever a row adds.
const CLOSE: &str = "Host: {host}\r\nConnection: close\r\n";

/// What stands in the first line, the status, and whether it reaches the app, by a route that is for anyone.
const METHODS: &[(&str, u16, bool)] = &[
    ("GET", 200, true),
    ("HEAD", 200, true),
    ("OPTIONS", 200, true),
    ("POST", 200, true),
    ("PUT", 200, true),
    ("PATCH", 200, true),
    ("DELETE", 200, true),
    ("SEARCH", 200, true),
    ("QUERY", 200, true),
    ("PURGE", 200, true),
    ("LOCK", 200, true),
    // They tell what was sent, or want a tunnel: no rule can allow the first, and the runtime hands the Worker none of the others.
    ("TRACE", 403, false),
    ("CONNECT", 500, false),
    ("TRACK", 501, false),
    // What is no method of HTTP's is none in other letters either.
    ("get", 501, false),
    ("Post", 501, false),
    ("GETT", 501, false),
    ("DEBUG", 501, false),
];

#[tokio::test]
async fn a_method_is_one_that_the_policy_can_speak_about_or_goes_nowhere() {
    let site = GatedApp::start(POLICY).await;
    let mut wrong = Vec::new();
    for (method, status, reaches) in METHODS {
        let first = format!("{method} /open/a");
        let answer = site
            .edge
            .gets_by_hand(&first, &[("Content-Length", "0")], "");
        let answered = answer.as_ref().map(|answer| answer.status);
        let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.method).collect();
        let expected = if *reaches {
            vec![(*method).to_owned()]
        } else {
            Vec::new()
        };
        if answered != Some(*status) || arrived != expected {
            wrong.push(format!("{method}: {answered:?} {arrived:?} {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Header lines and a body, the status, and how the request is framed that reaches the app, if one does.
type Framing = (&'static str, &'static str, u16, Option<&'static str>);

const CHUNKED: &str = "transfer-encoding: chunked";

const FRAMINGS: &[Framing] = &[
    ("Content-Length: 3", "abc", 200, Some("content-length: 3")),
    (
        "Content-Length: 3\r\nContent-Length: 3",
        "abc",
        200,
        Some("content-length: 3"),
    ),
    ("Content-Length: 3\r\nContent-Length: 4", "abcd", 400, None),
    ("Content-Length: 3, 3", "abc", 400, None),
    ("Content-Length: +3", "abc", 400, None),
    ("Content-Length: -3", "abc", 400, None),
    ("Content-Length: 0x3", "abc", 400, None),
    ("Content-Length: 3 3", "abc", 400, None),
    ("Content-Length: ", "abc", 400, None),
    ("Content-Length: 18446744073709551619", "abc", 400, None),
    ("Content-Length : 3", "abc", 400, None),
    (
        "Transfer-Encoding: chunked",
        "3\r\nabc\r\n0\r\n\r\n",
        200,
        Some(CHUNKED),
    ),
    (
        "Transfer-Encoding: Chunked",
        "3\r\nabc\r\n0\r\n\r\n",
        200,
        Some(CHUNKED),
    ),
    (
        "Content-Length: 100\r\nTransfer-Encoding: chunked",
        "3\r\nabc\r\n0\r\n\r\nGET /mine/a HTTP/1.1\r\n\r\n",
        200,
        Some(CHUNKED),
    ),
    // The last coding is the framing; of the others the runtime tells nobody.
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n",
        200,
        Some(CHUNKED),
    ),
    (
        "Transfer-Encoding: chunked, chunked",
        "0\r\n\r\n",
        200,
        Some(CHUNKED),
    ),
    (
        "Transfer-Encoding: gzip, chunked",
        "0\r\n\r\n",
        200,
        Some(CHUNKED),
    ),
    (
        "Transfer-Encoding: chunked, identity",
        "0\r\n\r\n",
        400,
        None,
    ),
    ("Transfer-Encoding: identity", "abc", 400, None),
    ("Transfer-Encoding: xchunked", "0\r\n\r\n", 400, None),
    ("Transfer-Encoding: \u{b}chunked", "0\r\n\r\n", 400, None),
    ("Transfer-Encoding:\r\n chunked", "0\r\n\r\n", 400, None),
    ("Transfer-Encoding : chunked", "0\r\n\r\n", 400, None),
    ("Transfer\u{0}-Encoding: chunked", "0\r\n\r\n", 400, None),
    ("X: y\rTransfer-Encoding: chunked", "0\r\n\r\n", 400, None),
];

/// How the app is told where the body ends.
fn framed(seen: &Seen) -> String {
    let framing = ["content-length", "transfer-encoding"].map(|name| {
        let values = seen.header(name);
        values
            .iter()
            .map(|value| format!("{name}: {value}"))
            .collect::<Vec<_>>()
    });
    framing.concat().join(", ")
}

#[tokio::test]
async fn a_body_has_one_end_or_is_none() {
    let site = GatedApp::start(POLICY).await;
    let host = site.edge.address().to_string();
    let mut wrong = Vec::new();
    for (lines, body, status, arrives) in FRAMINGS {
        let close = CLOSE.replace("{host}", &host);
        let request = format!("POST /open/a HTTP/1.1\r\n{close}{lines}\r\n\r\n{body}");
        let answer = raw::send(site.edge.address(), request.as_bytes());
        let answered = answer.map(|answer| answer.status);
        let arrived: Vec<_> = site.arrived().iter().map(framed).collect();
        if answered != Some(*status) || arrived != Vec::from_iter(*arrives) {
            wrong.push(format!("{lines:?}: {answered:?} {arrived:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A whole request behind its first line and `Host`, the status, and whether it reaches the app.
const HEADS: &[(&str, &str, Option<u16>, bool)] = &[
    ("GET /open/a HTTP/1.1", "", Some(200), true),
    ("GET /open/a HTTP/1.0", "", Some(200), true),
    ("GET /open/a HTTP/2.0", "", Some(400), false),
    ("GET /open/a", "", Some(400), false),
    ("PRI * HTTP/2.0", "", Some(400), false),
    ("GET  /open/a HTTP/1.1", "", Some(400), false),
    ("GET /open/a  HTTP/1.1", "", Some(400), false),
    (" GET /open/a HTTP/1.1", "", Some(400), false),
    (
        "GET /open/a HTTP/1.1",
        ":method: POST\r\n",
        Some(400),
        false,
    ),
    (
        "GET /open/a HTTP/1.1",
        ":path: /mine/a\r\n",
        Some(400),
        false,
    ),
    ("GET /open/a HTTP/1.1", "X-A : b\r\n", Some(400), false),
    ("GET /open/a HTTP/1.1", " X-A: b\r\n", Some(400), false),
    ("GET /open/a HTTP/1.1", "X-A: b\r\n c\r\n", Some(400), false),
    ("GET /open/a HTTP/1.1", "X-A: b\u{0}c\r\n", Some(400), false),
    ("GET /open/a HTTP/1.1", "X-A\r\n", Some(400), false),
    (
        "GET /open/a HTTP/1.1",
        "X-A: b\rEdgeward-User: x\r\n",
        Some(400),
        false,
    ),
    (
        "GET /open/a HTTP/1.1",
        "Expect: 100-continue\r\n",
        Some(200),
        true,
    ),
    (
        "GET /open/a HTTP/1.1",
        "Expect: 417-please\r\n",
        Some(200),
        true,
    ),
    (
        "GET /open/a HTTP/1.1",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\n",
        Some(200),
        true,
    ),
    (
        "GET /open/a HTTP/1.1",
        "Upgrade: TLS/1.0\r\n",
        Some(200),
        true,
    ),
    (
        "GET /open/a HTTP/1.1",
        "Upgrade: h2c, websocket\r\n",
        Some(200),
        true,
    ),
    (
        "GET /open/a HTTP/1.1",
        "Upgrade: websocket\r\n",
        Some(200),
        true,
    ),
];

#[tokio::test]
async fn a_head_has_one_reading_or_none() {
    let site = GatedApp::start(POLICY).await;
    let host = site.edge.address().to_string();
    let mut wrong = Vec::new();
    for (first, lines, status, reaches) in HEADS {
        let close = CLOSE.replace("{host}", &host);
        let request = format!("{first}\r\n{close}{lines}\r\n");
        let answer = raw::send(site.edge.address(), request.as_bytes());
        let answered = answer.map(|answer| answer.status);
        let arrived = site.arrived();
        // Nothing of the connection's own goes on, but for the one protocol that is spoken.
        let names = ["http2-settings", "expect", "edgeward-user"];
        let strange = arrived.iter().any(|seen| {
            names.iter().any(|name| !seen.header(name).is_empty())
                || seen.headers.iter().any(|(name, _)| name.starts_with(':'))
                || seen.header("upgrade").iter().any(|to| *to != "websocket")
        });
        if answered != *status || arrived.len() != usize::from(*reaches) || strange {
            wrong.push(format!("{first} {lines:?}: {answered:?} {arrived:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn many_headers_and_long_cookies_pass_and_the_gate_finds_its_own_among_them() {
    let site = GatedApp::start(POLICY).await;
    let cookie = site.cookie();
    let names: Vec<_> = (0..400).map(|number| format!("X-N{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let _ = site.ask("GET /open/a", &many).expect(200);
    let seen = site.arrived().pop().expect("it arrived");
    assert!(names.iter().all(|name| seen.header(name) == ["v"]));

    let others: Vec<_> = (0..100)
        .map(|number| format!("c{number}={}", "x".repeat(30)))
        .collect();
    let long = format!("long={}", "y".repeat(6_000));
    let among = [&others[..50], &[long.clone(), cookie], &others[50..]]
        .concat()
        .join("; ");
    let _ = site.ask("GET /mine/a", &[("Cookie", &among)]).expect(200);
    let seen = site.arrived().pop().expect("it arrived");
    let left = [&others[..50], &[long], &others[50..]].concat().join("; ");
    assert_eq!(seen.header("cookie"), [left]);
    assert_eq!(seen.header("edgeward-user"), ["u1"]);

    let too_long = format!("edgeward-access=a.{}.c", "x".repeat(9_000));
    let refused = site.ask("GET /mine/a", &[("Cookie", &too_long)]);
    let _ = refused.expect_problem(401, "INVALID_TOKEN");
}

/// What is asked without a sign-in where one is needed, and the status. None has a body where its method has none.
#[tokio::test]
async fn who_may_not_pass_is_told_so_whatever_the_method() {
    let site = GatedApp::start(POLICY).await;
    let page = [("Accept", "text/html")];
    for (line, headers, status) in [
        ("GET /mine/a", &page[..], 303),
        ("HEAD /mine/a", &page, 303),
        ("POST /mine/a", &page, 401),
        ("GET /mine/a", &[], 401),
        ("HEAD /mine/a", &[], 401),
        ("OPTIONS /mine/a", &[], 401),
        ("PROPFIND /mine/a", &[], 401),
        ("HEAD /nowhere", &[], 403),
        ("OPTIONS /nowhere", &[], 403),
        ("HEAD //open", &[], 400),
    ] {
        let answer = site.ask(line, headers);
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{line}");
        let has_body = !line.starts_with("HEAD") && status != 303;
        assert_eq!(!answer.body.is_empty(), has_body, "{line}: {}", answer.body);
    }
    assert_eq!(site.arrived(), []);
}

/// The runtime takes any name; on Cloudflare only those of the Worker's routes reach it.
#[tokio::test]
async fn the_host_that_was_asked_for_is_told_to_the_app_and_a_rule_may_name_it() {
    let policy = "version = 1\n\
        [[route]]\npath = \"/open/**\"\nallow = \"public\"\n\
        [[route]]\npath = \"/named\"\nhost = \"app.example.com\"\nallow = \"public\"\n";
    let site = GatedApp::start(policy).await;
    let mut wrong = Vec::new();
    // What stands in the first line, in `Host` and below it; the host that the app is told, and the status.
    for (target, host, forwarded, counts, status) in [
        ("/open/a", NAMED, "", NAMED, 200),
        (
            "/open/a",
            "evil.example",
            "X-Forwarded-Host: app.example.com\r\n",
            "evil.example",
            200,
        ),
        ("/named", NAMED, "", NAMED, 200),
        ("/named", "APP.example.com.", "", "app.example.com.", 200),
        ("/named", "evil.example", "", "", 403),
        (
            "/named",
            "evil.example",
            "X-Forwarded-Host: app.example.com\r\n",
            "",
            403,
        ),
        (
            "/named",
            "evil.example",
            "Forwarded: host=app.example.com\r\n",
            "",
            403,
        ),
        // A target with a host of its own beside another one in `Host`. The runtime goes by `Host`, which RFC 9112 (section 3.2.2) has it
        // ignore; what matters is that no rule is asked about one name and the app told another.
        (
            "http://app.example.com/open/a",
            "evil.example",
            "",
            "evil.example",
            200,
        ),
        ("http://evil.example/open/a", NAMED, "", NAMED, 200),
        ("http://app.example.com/named", "evil.example", "", "", 403),
        ("HTTP://APP.example.com./named", "evil.example", "", "", 403),
        ("https://app.example.com/named", "evil.example", "", "", 403),
        (
            "http://u:p@app.example.com/named",
            "evil.example",
            "",
            "",
            403,
        ),
        (
            "http://app.example.com:8443/named",
            "evil.example",
            "",
            "",
            403,
        ),
        ("http://evil.example/named", NAMED, "", NAMED, 200),
        (
            "http://app.example.com@evil.example/named",
            NAMED,
            "",
            NAMED,
            200,
        ),
    ] {
        let close = CLOSE.replace("{host}", host);
        let request = format!("GET {target} HTTP/1.1\r\n{close}{forwarded}\r\n");
        let answer = raw::send(site.edge.address(), request.as_bytes());
        let answered = answer.map(|answer| answer.status);
        let arrived = site.arrived();
        let told: String = arrived
            .iter()
            .flat_map(|seen| seen.header("x-forwarded-host"))
            .collect();
        let is_spoofed = arrived
            .iter()
            .any(|seen| !seen.header("forwarded").is_empty());
        if answered != Some(status) || told.to_lowercase() != counts || is_spoofed {
            wrong.push(format!("{target} {host}: {answered:?} {arrived:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
