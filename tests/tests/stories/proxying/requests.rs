//! How a request arrives at the app.

use edgeward_tests::ByHand;

use super::{POLICY, head};

/// What is told, the first line, header lines and the body of the request, and how these headers and the body arrive.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
    &'static str,
);

const ROWS: &[Row] = &[
    (
        "a body of known length keeps its length",
        "POST /open/a",
        &["Content-Length: 3"],
        "abc",
        &[("content-length", &["3"]), ("transfer-encoding", &[])],
        "abc",
    ),
    (
        "a body in chunks goes on in chunks",
        "POST /open/a",
        &["Transfer-Encoding: chunked"],
        "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        &[("content-length", &[]), ("transfer-encoding", &["chunked"])],
        "abc",
    ),
    (
        "extensions of chunks and trailers end here",
        "POST /open/a",
        &["Transfer-Encoding: chunked", "Trailer: X-Sum"],
        "3;a=b\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
        &[("trailer", &[]), ("x-sum", &[])],
        "abc",
    ),
    (
        "no body is no body",
        "POST /open/a",
        &["Content-Length: 0"],
        "",
        &[("content-length", &["0"]), ("transfer-encoding", &[])],
        "",
    ),
    (
        "a body goes along with DELETE",
        "DELETE /open/a",
        &["Content-Length: 3"],
        "abc",
        &[("content-length", &["3"])],
        "abc",
    ),
    (
        "and with a method of WebDAV",
        "PROPFIND /open/a",
        &["Content-Length: 3"],
        "abc",
        &[("content-length", &["3"])],
        "abc",
    ),
    (
        "GET has no body, whatever the client sends",
        "GET /open/a",
        &["Content-Length: 3"],
        "abc",
        &[("content-length", &[]), ("transfer-encoding", &[])],
        "",
    ),
    (
        "what is asked of a cache and of a part of a file goes on",
        "GET /open/a",
        &[
            "Range: bytes=0-3",
            "If-Range: \"v1\"",
            "If-None-Match: \"v1\", \"v2\"",
            "If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT",
            "Accept-Encoding: br, zstd",
        ],
        "",
        &[
            ("range", &["bytes=0-3"]),
            ("if-range", &["\"v1\""]),
            ("if-none-match", &["\"v1\", \"v2\""]),
            ("if-modified-since", &["Sat, 21 Nov 2026 10:00:00 GMT"]),
            ("accept-encoding", &["br, zstd"]),
        ],
        "",
    ),
    (
        "what concerns the client's connection ends with it",
        "GET /open/a",
        &[
            "TE: trailers",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: close",
            "Connection: X-Hop",
            "X-Hop: 1",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ],
        "",
        &[
            ("te", &[]),
            ("keep-alive", &[]),
            ("proxy-connection", &[]),
            ("connection", &[]),
            ("x-hop", &[]),
            ("upgrade", &[]),
            ("http2-settings", &[]),
        ],
        "",
    ),
];

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let site = ByHand::start(POLICY).await;
    for (what, line, lines, body, arrives, body_arrives) in ROWS {
        let lines: Vec<_> = lines.iter().copied().chain(["Connection: close"]).collect();
        let mut client = site.asks(line, &lines);
        client.says(body);
        let (request, mut app) = site.takes();
        assert_eq!(request.first, format!("{line} HTTP/1.1"), "{what}");
        for (name, values) in *arrives {
            assert_eq!(request.each(name), *values, "{what}: {name}");
        }
        let body = if request.each("transfer-encoding").is_empty() {
            app.bytes(body_arrives.len())
        } else {
            app.chunks()
        };
        assert_eq!(String::from_utf8_lossy(&body), *body_arrives, "{what}");
        app.says(head(&["HTTP/1.1 204 No Content", "Connection: close"]));
        assert_eq!(client.head().status(), 204, "{what}");
        app.is_done();
        assert_eq!(app.rest(), "", "{what}: nothing comes behind");
    }
}

#[tokio::test]
async fn a_client_that_waits_for_a_hundred_is_told_to_go_on() {
    let site = ByHand::start(POLICY).await;
    let lines = [
        "Content-Length: 3",
        "Expect: 100-continue",
        "Connection: close",
    ];
    let mut client = site.asks("POST /open/a", &lines);
    // It comes from the runtime, which has read the head and not yet asked the app; the app never sees the question.
    assert_eq!(client.head().first, "HTTP/1.1 100 Continue");
    client.says("abc");
    let (request, mut app) = site.takes();
    assert_eq!(request.each("expect"), Vec::<&str>::new());
    assert_eq!(app.bytes(3), b"abc");
    app.says(head(&["HTTP/1.1 200 OK", "Content-Length: 2"]) + "ok");
    assert_eq!(client.head().status(), 200);
    assert_eq!(client.rest(), "ok");
}

#[tokio::test]
async fn a_client_that_is_refused_is_not_asked_for_its_body() {
    let site = ByHand::start(POLICY).await;
    let lines = [
        "Content-Length: 3",
        "Expect: 100-continue",
        "Connection: close",
    ];
    let mut client = site.asks("POST /mine/a", &lines);
    assert_eq!(client.head().status(), 401);
    let _ = client.rest();
    assert!(site.is_quiet());
}
