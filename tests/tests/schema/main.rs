//! The issuer against its own OpenAPI document: Schemathesis sends what the document allows and what it does not.
//!
//! `hooks.py` beside this file gives each request a live session, or the proof of an enrolled edge where only edges are answered, because
//! most operations refuse strangers before they look at anything else. The requests are the same in every run.
#![allow(
    clippy::panic,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

mod policies;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;

use serde_json::Value;
use xtask::stack::Environment;
use xtask::stack::issuer::{Issuer, IssuerPlan, NewUser};
use xtask::stack::ready;
use xtask::{run, workspace};

/// For each operation and each way of making requests. Enough to reach every branch of these small bodies within a minute.
const REQUESTS_EACH: &str = "60";

/// The user whose sessions the requests carry; the document's example of a sign-in names the same.
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "Correct-horse-9-battery";

/// Whose sessions the requests to the resources of administrators carry.
const ADMIN: &str = "root@example.com";

const SITE: &str = "http://127.0.0.1:8787";

/// Where the mails of the issuer go: to a server that the hooks start.
static MAIL: LazyLock<SocketAddr> =
    LazyLock::new(|| ready::free_address().expect("an address is free"));

struct Ran {
    output: Output,
    /// The statuses that each operation answered, in the words of the document: `POST /auth/login`.
    statuses: BTreeMap<String, BTreeSet<u16>>,
    folder: PathBuf,
}

/// One run for all tests of this file: they look at it from different sides.
static RUN: LazyLock<Ran> = LazyLock::new(|| {
    let folder = workspace::own_target().join("schema");
    let _ = std::fs::remove_dir_all(&folder);
    let mut issuer = issuer(&folder);
    issuer.start().expect("the issuer starts");
    let statuses = folder.join("statuses");
    let edge_key = issuer.enroll_edge("edge-1").expect("the edge is enrolled");
    let output = schemathesis(&issuer, &statuses, &edge_key)
        .output()
        .expect("Schemathesis runs");
    let text = std::fs::read_to_string(&statuses).unwrap_or_default();
    let mut answered: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for line in text.lines() {
        let (operation, status) = line.rsplit_once(' ').expect("the hooks write a status");
        let status = status.parse().expect("a status is a number");
        answered.entry(operation.into()).or_default().insert(status);
    }
    Ran {
        output,
        statuses: answered,
        folder,
    }
});

fn issuer(folder: &Path) -> Issuer {
    let program = std::env::var_os("EDGEWARD_BIN").expect("`cargo xtask test schema` sets it");
    let issuer = Issuer::new(IssuerPlan {
        program: program.into(),
        folder: folder.to_owned(),
        address: ready::free_address().expect("an address is free"),
        url: SITE.to_owned(),
        audience: SITE.to_owned(),
        environment: Environment::Development,
        // Each request signs in first, and it is not the hash that is looked at here.
        // Wrong passwords are sent by the hundred, which would lock the user out.
        more_settings: format!(
            "[passwords.argon2]\nmemory_kib = 64\n[lockout]\nenabled = false\n\
             [mail]\nserver = \"{}\"\nport = {}\ntls = \"none\"\nfrom = \"no-reply@example.com\"\n",
            MAIL.ip(),
            MAIL.port(),
        ),
    })
    .expect("the settings are written");
    for (email, roles) in [(EMAIL, &[][..]), (ADMIN, &["admin"])] {
        let user = NewUser {
            email,
            first_name: "Ada",
            last_name: "Lovelace",
            password: PASSWORD,
            roles,
        };
        issuer.add_user(&user).expect("the user is added");
    }
    issuer
}

fn schemathesis(issuer: &Issuer, statuses: &Path, edge_key: &str) -> std::process::Command {
    let origin = format!("http://{}", issuer.address());
    let program = std::env::var_os("SCHEMATHESIS").expect("`cargo xtask test schema` sets it");
    let mut command = run::command(program);
    let here = workspace::root().join("tests/tests/schema");
    command
        // It leaves its notes where it runs.
        .current_dir(statuses.parent().expect("the file is in a folder"))
        .env("PYTHONPATH", &here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ISSUER_ORIGIN", &origin)
        .env("ISSUER_SITE", SITE)
        .env("USER_EMAIL", EMAIL)
        .env("ADMIN_EMAIL", ADMIN)
        .env("USER_PASSWORD", PASSWORD)
        .env("EDGE_KEY", edge_key)
        .env("MAIL_ADDRESS", MAIL.to_string())
        .env("STATUSES_FILE", statuses)
        .arg("--config-file")
        .arg(here.join("schemathesis.toml"))
        .arg("run")
        .arg(workspace::root().join("docs/openapi.json"))
        .args(["--url", &origin, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", REQUESTS_EACH]);
    command
}

/// What the document says there is.
fn operations() -> BTreeSet<String> {
    let text = workspace::read(&workspace::root().join("docs/openapi.json")).expect("it is there");
    let document: Value = serde_json::from_str(&text).expect("the document is JSON");
    let paths = document.get("paths").and_then(Value::as_object);
    let mut operations = BTreeSet::new();
    for (path, methods) in paths.expect("the document has paths") {
        for method in methods.as_object().expect("a path has methods").keys() {
            operations.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    operations
}

#[test]
fn every_answer_is_one_that_the_document_allows() {
    let ran = &*RUN;
    assert!(
        ran.output.status.success(),
        "{}{}\nthe issuer's log is in {}",
        String::from_utf8_lossy(&ran.output.stdout),
        String::from_utf8_lossy(&ran.output.stderr),
        ran.folder.display(),
    );
}

#[test]
fn every_operation_succeeds_at_least_once() {
    let operations = operations();
    assert!(operations.len() > 10, "the document names the operations");
    let succeeded = |operation: &&String| {
        let statuses = RUN.statuses.get(*operation);
        statuses.is_some_and(|statuses| statuses.iter().any(|status| (200..300).contains(status)))
    };
    let never: Vec<_> = operations
        .iter()
        .filter(|operation| !succeeded(operation))
        .collect();
    assert!(
        never.is_empty(),
        "never succeeded: {never:?}, statuses: {:?}",
        RUN.statuses
    );
}

#[test]
fn no_answer_is_a_failure_inside() {
    for (operation, statuses) in &RUN.statuses {
        let failures: Vec<_> = statuses.iter().filter(|status| **status >= 500).collect();
        assert!(failures.is_empty(), "{operation}: {failures:?}");
    }
}
