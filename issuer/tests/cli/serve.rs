//! `edgeward serve` as a process: what it answers, what it logs, and how it ends.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{
    folder::Folder,
    program::{edgeward, run},
};

struct Served {
    process: Child,
    log: BufReader<ChildStderr>,
    origin: String,
    /// Where the numbers are, if anywhere.
    numbers: Option<String>,
    folder: Option<Folder>,
}

impl Served {
    /// Starts on a free port and waits for the line that names it.
    fn start(folder: Folder) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: Folder, options: &[&str]) -> Self {
        let mut process = edgeward(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut numbers = None;
        let origin = loop {
            let line = next_line(&mut log).expect("the issuer ended before it listened");
            if line["message"] == "metrics" {
                numbers = Some(format!("http://{}", line["address"].as_str().unwrap()));
            }
            if line["message"] == "listening" {
                break format!("http://{}", line["address"].as_str().unwrap());
            }
        };
        Self {
            process,
            log,
            origin,
            numbers,
            folder: Some(folder),
        }
    }

    fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Ends it in order, and answers the exit code and the rest of the log.
    fn stop(mut self, signal: &str) -> (Option<i32>, Vec<Value>, Folder) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut self.log) {
            lines.push(line);
        }
        let folder = self.folder.take().unwrap();
        (self.process.wait().unwrap().code(), lines, folder)
    }
}

impl Drop for Served {
    /// A test that ends early leaves no process behind.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn next_line(log: &mut BufReader<ChildStderr>) -> Option<Value> {
    let mut line = String::new();
    if log.read_line(&mut line).unwrap() == 0 {
        return None;
    }
    Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("a log line is no JSON: {line}")))
}

#[tokio::test]
async fn health_and_readiness_tell_each_part() {
    let served = Served::start(Folder::new());
    let live: Value = reqwest::get(served.url("/healthz"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(live, json!({"status": "ok"}));
    let answer = reqwest::get(served.url("/readyz")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
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
    let mut served = Served::start_with(folder, &["--config", "e.toml"]);
    let numbers = served.numbers.take().unwrap();
    let answer = reqwest::get(format!("{numbers}/metrics")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("edgeward_active_sessions 0.0\n") && text.ends_with("# EOF\n"),
        "{text}"
    );
    let beside = reqwest::get(served.url("/metrics")).await.unwrap();
    assert_eq!(beside.status(), StatusCode::NOT_FOUND);
    assert_eq!(served.stop("-TERM").0, Some(0), "both sockets end");

    let served = Served::start(Folder::new());
    assert!(served.numbers.is_none(), "without a setting there is none");
    served.stop("-TERM");
}

#[tokio::test]
async fn the_key_set_is_cacheable_and_shows_an_edge_that_another_process_enrolled() {
    let served = Served::start(Folder::new());
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
        edgeward(served.path()).args(["edge", "enroll", "edge-1"]),
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
        edgeward(served.path()).args(["edge", "revoke", "edge-1"]),
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
    let served = Served::start(Folder::new());
    let before = reqwest::get(served.url("/.well-known/jwks.json"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let (code, _, folder) = served.stop("-TERM");
    assert_eq!(code, Some(0));
    let data = folder.path().join("data");
    for path in ["", "secrets", "secrets/kek", "edgeward.db"] {
        let mode = fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{path} is open to others");
    }
    let served = Served::start(folder);
    let after = reqwest::get(served.url("/.well-known/jwks.json"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(before, after);
    let (_, _, folder) = served.stop("-TERM");
    fs::write(folder.path().join("data/secrets/kek"), [9; 32]).unwrap();
    let ran = run(
        edgeward(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]),
        b"",
    );
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
    let served = Served::start(Folder::new());
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
    let served = Served::start(Folder::new());
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
    let served = Served::start(Folder::new());
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
    let (_, lines, _) = served.stop("-TERM");
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
