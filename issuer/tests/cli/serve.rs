//! `edgeward serve` as a process: what it answers, what it logs, and how it ends.

use std::{fs, os::unix::fs::PermissionsExt};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{
    folder::Folder,
    program::{
        edgeward, run,
        served::{SERVE, Served},
    },
};

fn serve(folder: &Folder, options: &[&str]) -> Served {
    let mut command = edgeward(folder.path());
    command.args(SERVE).args(options);
    Served::start(command)
}

/// Where the numbers are, if anywhere.
fn numbers(served: &Served) -> Option<String> {
    let log = served.log();
    let line = log.iter().find(|line| line["message"] == "metrics")?;
    Some(format!("http://{}", line["address"].as_str().unwrap()))
}

#[tokio::test]
async fn health_and_readiness_tell_each_part() {
    let folder = Folder::new();
    let served = serve(&folder, &[]);
    let live: Value = reqwest::get(served.url("/healthz"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(live, json!({"status": "ok"}));
    let answer = served.ready().await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let ready: Value = answer.json().await.unwrap();
    let checks = json!({"database": "ok", "signingKey": "ok", "csrfSecret": "ok", "origins": "ok"});
    assert_eq!(ready, json!({"status": "ok", "checks": checks}));
    assert_eq!(served.stop("-INT").0, Some(0));
}

#[tokio::test]
async fn the_numbers_are_served_on_their_own_address_when_there_is_one() {
    let folder = Folder::new();
    fs::write(
        folder.path().join("e.toml"),
        "metrics.listen = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    let served = serve(&folder, &["--config", "e.toml"]);
    let second = numbers(&served).unwrap();
    let answer = reqwest::get(format!("{second}/metrics")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("edgeward_active_sessions 0.0\n") && text.ends_with("# EOF\n"),
        "{text}"
    );
    let beside = reqwest::get(served.url("/metrics")).await.unwrap();
    assert_eq!(beside.status(), StatusCode::NOT_FOUND);
    assert_eq!(served.stop("-TERM").0, Some(0), "both sockets end");

    let folder = Folder::new();
    let served = serve(&folder, &[]);
    assert_eq!(numbers(&served), None, "without a setting there is none");
    served.stop("-TERM");
}

#[tokio::test]
async fn the_key_set_is_cacheable_and_shows_an_edge_that_another_process_enrolled() {
    let folder = Folder::new();
    let served = serve(&folder, &[]);
    let client = Client::new();
    let url = served.url("/.well-known/jwks.json");
    let first = client.get(&url).send().await.unwrap();
    assert_eq!(first.headers()["content-type"], "application/jwk-set+json");
    let cache = first.headers()["cache-control"]
        .to_str()
        .unwrap()
        .to_owned();
    for directive in [
        "public",
        "max-age=300",
        "stale-while-revalidate=",
        "stale-if-error=",
    ] {
        assert!(cache.contains(directive), "{cache}");
    }
    let tag = first.headers()["etag"].clone();
    assert!(tag.to_str().unwrap().starts_with('"'), "the tag is strong");
    let keys: Value = first.json().await.unwrap();
    // The key that signs, and the next one.
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    for own in 0..2 {
        assert_eq!(keys["keys"][own].get("edgeward_typ"), None);
    }

    let known = client
        .get(&url)
        .header("if-none-match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.headers()["etag"], tag);
    assert_eq!(known.bytes().await.unwrap().len(), 0);

    run(
        edgeward(folder.path()).args(["edge", "enroll", "edge-1"]),
        b"",
    );
    let changed = client
        .get(&url)
        .header("if-none-match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], tag);
    let keys: Value = changed.json().await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3);
    assert_eq!(keys["keys"][2]["edgeward_typ"], "edge+jwt");

    run(
        edgeward(folder.path()).args(["edge", "revoke", "edge-1"]),
        b"",
    );
    let back = client
        .get(&url)
        .header("if-none-match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(
        back.status(),
        StatusCode::NOT_MODIFIED,
        "the set is what it was, octet by octet"
    );
}

#[tokio::test]
async fn the_signing_key_outlives_the_process() {
    let folder = Folder::new();
    let served = serve(&folder, &[]);
    let before = reqwest::get(served.url("/.well-known/jwks.json"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(served.stop("-TERM").0, Some(0));
    let data = folder.path().join("data");
    for path in ["", "secrets", "secrets/kek", "edgeward.db"] {
        let mode = fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{path} is open to others");
    }
    let served = serve(&folder, &[]);
    let after = reqwest::get(served.url("/.well-known/jwks.json"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(before, after);
    served.stop("-TERM");
    fs::write(folder.path().join("data/secrets/kek"), [9; 32]).unwrap();
    let ran = run(edgeward(folder.path()).args(SERVE), b"");
    assert_eq!(
        ran.code,
        Some(2),
        "with another key-encryption key it does not start"
    );
    assert!(
        ran.out.is_empty() && ran.err.contains("does not open"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn the_metadata_names_the_issuer() {
    let folder = Folder::new();
    let served = serve(&folder, &[]);
    let answer = reqwest::get(served.url("/.well-known/oauth-authorization-server"))
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let metadata: Value = answer.json().await.unwrap();
    assert_eq!(metadata["issuer"], "http://127.0.0.1:8787");
    assert_eq!(
        metadata["jwks_uri"],
        "http://127.0.0.1:8787/.well-known/jwks.json"
    );
}

#[tokio::test]
async fn refusals_are_problems_with_an_id_and_the_headers_of_every_answer() {
    let folder = Folder::new();
    let served = serve(&folder, &[]);
    let client = Client::new();
    for (request, status, code) in [
        (client.get(served.url("/nowhere")), 404, "NOT_FOUND"),
        (
            client.delete(served.url("/healthz")),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            client
                .get(served.url("/healthz"))
                .header("edgeward-proof", "x"),
            401,
            "EDGE_PROOF_INVALID",
        ),
        (
            client
                .get(served.url("/nowhere"))
                .header("x-request-id", "forged"),
            404,
            "NOT_FOUND",
        ),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_ne!(headers["x-request-id"], "forged");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "permissions-policy",
                "geolocation=(), microphone=(), camera=()",
            ),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["status"], status);
    }
}

#[tokio::test]
async fn a_log_line_has_the_id_of_the_answer_and_nothing_that_was_sent() {
    let folder = Folder::new();
    let served = serve(&folder, &[]);
    let answer = Client::new()
        .get(served.url("/healthz?token=SECRET-1"))
        .header("cookie", "edgeward-session=SECRET-2")
        .header("authorization", "Bearer SECRET-3")
        .header("user-agent", "SECRET-4")
        .body("SECRET-5")
        .send()
        .await
        .unwrap();
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    reqwest::get(served.url("/SECRET-6")).await.unwrap();
    let (_, lines) = served.stop("-TERM");
    let line = lines
        .iter()
        .find(|line| line["request_id"] == id.as_str())
        .unwrap();
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/healthz");
    assert_eq!(line["status"], 200);
    assert!(line["duration_ms"].is_u64());
    for line in &lines {
        assert!(!line.to_string().contains("SECRET"), "{line}");
    }
}
