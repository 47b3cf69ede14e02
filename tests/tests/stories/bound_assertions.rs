//! Assertions that speak for one request, judged by a verifier that is not ours and by the package that apps use.

use std::io::Write;
use std::process::{Command, Stdio};

use edgeward_core::token::SigningKey;
use edgeward_tests::GatedApp;
use edgeward_tests::lone_edge::EDGE_SEED;
use serde_json::{Value, json};

const POLICY: &str = r#"
version = 1
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/transfer/**"
allow = "signed-in"
bind = "request"
"#;

/// What jose and the package find in the assertion of the one request that arrived.
fn judged_in_javascript(site: &GatedApp) -> Value {
    let arrived = site.arrived();
    let [seen] = arrived.as_slice() else {
        panic!("one request: {arrived:?}")
    };
    let question = json!({
        "token": seen.header("edgeward-assertion").join(" "),
        "key": SigningKey::from_seed(&EDGE_SEED)
            .expect("a seed that is not all zeros")
            .public_jwk(),
        "issuer": site.edge.origin(),
        "audience": site.edge.origin(),
        "now": site.edge.now(),
    });
    let question = question.to_string();
    let mut node = Command::new(std::env::var_os("NODE").expect("NODE names Node"))
        .arg(xtask::workspace::root().join("tests/js/assertion/verify.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    let mut input = node.stdin.take().expect("a pipe");
    input.write_all(question.as_bytes()).expect("Node reads");
    drop(input);
    let output = node.wait_with_output().expect("Node ends");
    assert!(output.status.success(), "it was refused: {question}");
    serde_json::from_slice(&output.stdout).expect("claims")
}

#[tokio::test]
async fn an_assertion_names_the_request_where_the_policy_asks_for_it() {
    let site = GatedApp::start(POLICY).await;
    let cookie = site.cookie();
    for (line, method, path) in [
        ("GET /app/x", None, None),
        ("GET /transfer/1", Some("GET"), Some("/transfer/1")),
        ("POST /transfer/1", Some("POST"), Some("/transfer/1")),
        (
            "DELETE /transfer/./%61/../2?x=%27",
            Some("DELETE"),
            Some("/transfer/2"),
        ),
        (
            "GET /transfer/%c3%a9/",
            Some("GET"),
            Some("/transfer/%C3%A9/"),
        ),
        // One that speaks for another request is not kept for this one.
        ("GET /app/x", None, None),
        ("GET /transfer/1", Some("GET"), Some("/transfer/1")),
    ] {
        let _ = site
            .ask(
                line,
                &[("Cookie", cookie.as_str()), ("Content-Length", "0")],
            )
            .expect(200);
        let claims = judged_in_javascript(&site);
        let said = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(said("sub").as_deref(), Some("u1"), "{line}");
        assert_eq!(
            (said("method").as_deref(), said("path").as_deref()),
            (method, path),
            "{line}"
        );
    }
}
