//! What the client gets back: caching, cookies, other origins, WebSockets, headers of security.

use std::io::{Read, Write};
use std::net::TcpStream;

use edgeward_tests::nginx_site::FOR_SHARED_CACHES;
use edgeward_tests::{Answer, NginxSite};
use reqwest::Method;

use super::POLICY;

#[tokio::test]
async fn nobody_keeps_what_was_made_for_one_person() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let stranger = site.browser();
    // What `Cache-Control` says, and what the headers for shared caches do.
    for (caller, path, expected, shared) in [
        (&*ada, "/app", Some("private, no-store"), None),
        (&*ada, "/app?cached", Some("private, no-store"), None),
        (&*ada, "/app?kept", Some("no-store, private"), None),
        (&*ada, "/files/plan.txt", Some("private, no-store"), None),
        // A known caller of a public page: the app was told who it is.
        (&*ada, "/open", Some("private"), None),
        (
            &*ada,
            "/open?cached",
            Some("public, max-age=60"),
            Some("max-age=60"),
        ),
        (&*ada, "/open?kept", Some("no-store, private"), None),
        (&stranger, "/open", None, None),
        (
            &stranger,
            "/open?cached",
            Some("public, max-age=60"),
            Some("max-age=60"),
        ),
    ] {
        let answer = caller.get(path).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), expected, "{path}");
        for name in FOR_SHARED_CACHES {
            assert_eq!(answer.header(name), shared, "{path}: {name}");
        }
    }
    for path in ["/auth/csrf", "/auth/me", "/login"] {
        let answer = ada.get(path).send().await.expect(200);
        let said = answer.header("cache-control").unwrap_or_default();
        assert!(said.contains("no-store"), "{path}: {said}");
    }
    let keys = ada.get("/.well-known/jwks.json").send().await.expect(200);
    let said = keys.header("cache-control").unwrap_or_default();
    assert!(
        said.contains("max-age=300"),
        "the key set may be kept: {said}"
    );
}

#[tokio::test]
async fn app_and_client_are_told_the_same_names_of_a_request() {
    let site = NginxSite::start(POLICY).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (brought, state) in [(trace, &["vendor=1"][..]), ("00-no-trace-01", &[])] {
        let said = [("traceparent", brought), ("tracestate", "vendor=1")];
        let answer = site.gets("/open?named", &said).expect(200);
        let arrived = site.arrived();
        let [seen] = arrived.as_slice() else {
            panic!("{arrived:?}");
        };
        // Each once, and not as the app says it.
        for name in ["x-request-id", "traceparent"] {
            let told = answer.header(name).unwrap_or_default();
            assert_eq!(seen.header(name), [told], "{name}");
            assert!(told.len() > 30, "{name}: {told}");
        }
        assert_eq!(
            answer.header("traceparent") == Some(trace),
            brought == trace
        );
        assert_eq!(seen.header("tracestate"), state);
    }
    let refused = site.gets("/app", &[("traceparent", trace)]);
    let refused = refused.expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(refused.header("traceparent"), Some(trace));
    assert!(refused.header("x-request-id").is_some());
}

#[tokio::test]
async fn the_apps_answers_are_completed_and_not_contradicted() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let answer = ada.get("/app").send().await.expect(200);
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let host = site.address.ip().to_string();
    let cookie = format!("a=1; Domain={host}; Path=/");
    assert_eq!(answer.set_cookies(), [cookie.as_str()]);
    let answer = ada.get("/app?framed").send().await.expect(200);
    assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
    let answer = ada.get("/app?mirror").send().await.expect(200);
    assert_eq!(
        answer.header("edgeward-assertion"),
        None,
        "it is for the app"
    );
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("*"),
        "where the policy is silent"
    );
}

#[tokio::test]
async fn only_the_policys_origins_read_and_act() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let preflight = |origin: &str| {
        ada.ask(Method::OPTIONS, "/shared/x")
            .without_cookies()
            .header("origin", origin)
            .header("access-control-request-method", "POST")
    };
    let answer = preflight("https://partner.example")
        .send()
        .await
        .expect(204);
    let allowed = |answer: &Answer| {
        answer
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    assert_eq!(allowed(&answer).as_deref(), Some("https://partner.example"));
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        Some("true")
    );
    let answer = preflight("https://evil.example").send().await;
    assert_eq!((answer.status, allowed(&answer)), (403, None));
    assert_eq!(site.arrived(), [], "preflights end before the app");

    for (origin, path, status, readable) in [
        (
            "https://partner.example",
            "/shared/x?mirror",
            200,
            Some("https://partner.example"),
        ),
        ("https://evil.example", "/shared/x?mirror", 403, None),
        ("https://evil.example", "/app", 403, None),
        ("null", "/app", 403, None),
    ] {
        let ask = ada.ask(Method::POST, path).header("origin", origin);
        let answer = ask.header("sec-fetch-site", "cross-site").send().await;
        assert_eq!(
            (answer.status, allowed(&answer).as_deref()),
            (status, readable),
            "{origin} {path}"
        );
    }
    let _ = ada.post("/app").send().await.expect(200);
    let read = ada
        .get("/shared/x?mirror")
        .header("origin", "https://evil.example");
    let answer = read.send().await.expect(200);
    assert_eq!(
        allowed(&answer),
        None,
        "what the app says does not count here"
    );
}

#[tokio::test]
async fn a_websocket_opens_for_pages_of_the_site_only() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let own = format!("http://{}", site.address);
    let open = |origin: &str, cookie: &str| {
        let mut stream = TcpStream::connect(site.address).expect("nginx listens");
        let request = format!(
            "GET /live HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n{cookie}\r\n",
            site.address
        );
        stream.write_all(request.as_bytes()).expect("nginx reads");
        let mut line = [0; 12];
        stream.read_exact(&mut line).expect("nginx answers");
        String::from_utf8_lossy(&line).into_owned()
    };
    let cookie = format!("Cookie: edgeward-access={}\r\n", ada.access_token());
    assert_eq!(open(&own, &cookie), "HTTP/1.1 101");
    assert_eq!(open("https://evil.example", &cookie), "HTTP/1.1 403");
    assert_eq!(open(&own, ""), "HTTP/1.1 401");
    assert_eq!(site.arrived().len(), 1);
}
