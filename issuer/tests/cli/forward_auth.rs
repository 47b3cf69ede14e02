//! `edgeward serve --forward-auth` as a process: its own socket, its own policy, and what it refuses to start with.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use reqwest::Client;
use serde_json::Value;

use crate::{
    folder::Folder,
    program::{edgeward, run},
};

const POLICY: &str = "version = 1\n[[route]]\npath = \"/open\"\nallow = \"public\"\n";

fn serve(place: &Path, policy: &Path) -> Command {
    let mut command = edgeward(place);
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--forward-auth", "127.0.0.1:0", "--policy"])
        .arg(policy)
        .env("EDGEWARD__FORWARD_AUTH__DIALECT", "traefik")
        .env("EDGEWARD__SERVER__TRUSTED_PROXIES", "127.0.0.1")
        // The command line wins.
        .env("EDGEWARD__FORWARD_AUTH__LISTEN", "192.0.2.1:1")
        .env("EDGEWARD__FORWARD_AUTH__POLICY", "/nowhere");
    command
}

#[tokio::test]
async fn verdicts_have_a_socket_of_their_own() {
    let place = Folder::new();
    let policy = place.path().join("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let mut process = serve(place.path(), &policy)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut addresses = Vec::new();
    // Kept open to the end: the process writes on.
    let mut log = BufReader::new(process.stderr.take().unwrap());
    for line in log.by_ref().lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if matches!(line["message"].as_str(), Some("forward-auth" | "listening")) {
            addresses.push(line["address"].as_str().unwrap().to_owned());
        }
        if addresses.len() == 2 {
            break;
        }
    }
    let [verdicts, issuer] = addresses.as_slice() else {
        panic!("{addresses:?}")
    };
    let client = Client::new();
    for (address, target, status) in [
        (verdicts, "/open", 200),
        (verdicts, "/closed", 403),
        (issuer, "/open", 404),
    ] {
        let ask = client
            .get(format!("http://{address}/forward-auth"))
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "app.example")
            .header("x-forwarded-uri", target);
        let told = ask.send().await.unwrap();
        assert_eq!(told.status(), status, "{target} at {address}");
    }
    for (path, status) in [("/healthz", 200), ("/auth/csrf", 404), ("/readyz", 404)] {
        let told = client.get(format!("http://{verdicts}{path}")).send().await;
        assert_eq!(told.unwrap().status(), status, "{path}");
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn it_does_not_start_without_a_policy_that_holds() {
    let place = Folder::new();
    let policy = place.path().join("policy.toml");
    for (text, says) in [
        (None, "forward_auth.policy: "),
        (Some("version = 2\n"), "forward_auth.policy: "),
        (
            Some("version = 1\n[[route]]\npath = \"/x\"\n"),
            "line 3: allow",
        ),
    ] {
        if let Some(text) = text {
            fs::write(&policy, text).unwrap();
        }
        let ran = run(&mut serve(place.path(), &policy), b"");
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(says), "{}", ran.err);
        assert!(ran.err.contains("policy.toml"), "{}", ran.err);
    }
}
