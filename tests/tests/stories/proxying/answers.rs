//! How an answer of the app's arrives at the client.

use edgeward_tests::ByHand;

use super::{POLICY, head};

/// What is told, the first line of the request, the head and the body that the app says, and the status, these headers and the
/// body that the client gets.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    u16,
    &'static [(&'static str, &'static [&'static str])],
    &'static str,
);

const GET: &str = "GET /open/a";
const HEAD: &str = "HEAD /open/a";
const OK: &str = "HTTP/1.1 200 OK";
const CHUNKED: &str = "Transfer-Encoding: chunked";

const ROWS: &[Row] = &[
    (
        "HEAD has the length of what GET would bring, and no body",
        HEAD,
        &[OK, "Content-Length: 1234", "ETag: \"v1\""],
        "",
        200,
        &[("content-length", &["1234"]), ("etag", &["\"v1\""])],
        "",
    ),
    (
        "HEAD without a length has none",
        HEAD,
        &[OK, CHUNKED],
        "",
        200,
        &[("content-length", &[])],
        "",
    ),
    (
        "HEAD of what is not there",
        HEAD,
        &["HTTP/1.1 404 Not Found", "Content-Length: 9"],
        "",
        404,
        &[("content-length", &["9"])],
        "",
    ),
    (
        "a part of a file is that part",
        GET,
        &[
            "HTTP/1.1 206 Partial Content",
            "Content-Range: bytes 0-3/10",
            "Accept-Ranges: bytes",
            "Content-Length: 4",
        ],
        "abcd",
        206,
        &[
            ("content-range", &["bytes 0-3/10"]),
            ("accept-ranges", &["bytes"]),
            ("content-length", &["4"]),
        ],
        "abcd",
    ),
    (
        "a part that is not there",
        GET,
        &[
            "HTTP/1.1 416 Range Not Satisfiable",
            "Content-Range: bytes */10",
            "Content-Length: 0",
        ],
        "",
        416,
        &[("content-range", &["bytes */10"])],
        "",
    ),
    (
        "what the client has already is not sent",
        GET,
        &[
            "HTTP/1.1 304 Not Modified",
            "ETag: \"v1\"",
            "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT",
            "Cache-Control: max-age=60",
        ],
        "",
        304,
        &[
            ("etag", &["\"v1\""]),
            ("last-modified", &["Sat, 21 Nov 2026 10:00:00 GMT"]),
            ("cache-control", &["max-age=60"]),
            ("content-length", &[]),
            ("transfer-encoding", &[]),
        ],
        "",
    ),
    (
        "nothing is nothing",
        GET,
        &["HTTP/1.1 204 No Content"],
        "",
        204,
        &[("content-length", &[]), ("transfer-encoding", &[])],
        "",
    ),
    (
        "a body in chunks goes on in chunks",
        GET,
        &[OK, CHUNKED],
        "3\r\nabc\r\n0\r\n\r\n",
        200,
        &[("content-length", &[]), ("transfer-encoding", &["chunked"])],
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "extensions of chunks and trailers end here",
        GET,
        &[OK, CHUNKED, "Trailer: X-Sum"],
        "3;a=b\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
        200,
        &[("trailer", &[]), ("x-sum", &[])],
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "of two ends of one body the chunks count, and the length is not passed on",
        GET,
        &[OK, "Content-Length: 1", CHUNKED],
        "3\r\nabc\r\n0\r\n\r\n",
        200,
        &[("content-length", &[]), ("transfer-encoding", &["chunked"])],
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "a body that ends with its connection goes on in chunks",
        GET,
        &["HTTP/1.0 200 OK"],
        "abc",
        200,
        &[("transfer-encoding", &["chunked"])],
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "early hints end here",
        GET,
        &["HTTP/1.1 103 Early Hints", "Link: </a.css>; rel=preload"],
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        200,
        &[("link", &[])],
        "ok",
    ),
    (
        "what was compressed stays so",
        GET,
        &[OK, "Content-Encoding: gzip", "Content-Length: 3"],
        "\u{1f}8b",
        200,
        &[("content-encoding", &["gzip"]), ("content-length", &["3"])],
        "\u{1f}8b",
    ),
    (
        "cookies stay apart, with commas in their dates",
        GET,
        &[
            OK,
            "Set-Cookie: a=1; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
            "Set-Cookie: b=2, 3; HttpOnly",
            "Set-Cookie: a=4; Path=/x",
            "Content-Length: 0",
        ],
        "",
        200,
        &[(
            "set-cookie",
            &[
                "a=1; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
                "b=2, 3; HttpOnly",
                "a=4; Path=/x",
            ],
        )],
        "",
    ),
    (
        "what concerns the app's connection ends with it",
        GET,
        &[
            OK,
            "Connection: close, X-Hop",
            "X-Hop: 1",
            "Keep-Alive: timeout=5",
            "Proxy-Authenticate: Basic",
            "TE: trailers",
            "Upgrade: h2c",
            "Content-Length: 0",
        ],
        "",
        200,
        &[
            ("connection", &["close"]),
            ("x-hop", &[]),
            ("keep-alive", &[]),
            ("proxy-authenticate", &[]),
            ("te", &[]),
            ("upgrade", &[]),
        ],
        "",
    ),
    (
        "what the edge signs for an app does not come back, and its other words are the app's",
        GET,
        &[
            OK,
            "Edgeward-Assertion: a.b.c",
            "Edgeward-Proof: a.b.c",
            "X-Edgeward-User: ada",
            "Content-Length: 0",
        ],
        "",
        200,
        &[
            ("edgeward-assertion", &[]),
            ("edgeward-proof", &[]),
            ("x-edgeward-user", &["ada"]),
        ],
        "",
    ),
    (
        "what a browser shall forget and how far a worker of the app's may reach is the app's to say",
        GET,
        &[
            OK,
            "Clear-Site-Data: \"cache\", \"cookies\"",
            "Service-Worker-Allowed: /",
            "Content-Length: 0",
        ],
        "",
        200,
        &[
            ("clear-site-data", &["\"cache\", \"cookies\""]),
            ("service-worker-allowed", &["/"]),
        ],
        "",
    ),
    (
        "a redirect is the client's to follow",
        GET,
        &[
            "HTTP/1.1 307 Temporary Redirect",
            "Location: /open/b",
            "Content-Length: 0",
        ],
        "",
        307,
        &[("location", &["/open/b"])],
        "",
    ),
    (
        "an error of the app's is the app's to word",
        GET,
        &[
            "HTTP/1.1 503 Service Unavailable",
            "Retry-After: 7",
            "Content-Length: 7",
        ],
        "closed!",
        503,
        &[("retry-after", &["7"])],
        "closed!",
    ),
];

#[tokio::test]
async fn an_answer_arrives_as_it_was_meant() {
    let site = ByHand::start(POLICY).await;
    for (what, line, says, body_said, status, gets, body) in ROWS {
        let mut client = site.asks(line, &["Connection: close"]);
        let (_, mut app) = site.takes();
        app.says(head(says) + body_said);
        drop(app);
        let answer = client.head();
        assert_eq!(answer.status(), *status, "{what}");
        for (name, values) in *gets {
            assert_eq!(answer.each(name), *values, "{what}: {name}");
        }
        assert_eq!(client.rest(), *body, "{what}");
    }
}
