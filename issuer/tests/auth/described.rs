//! Refusals that anybody can bring about are in the description of the interface, at each operation that gives them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    desk::{Answer, Desk},
    edge_proofs::{enroll, sign},
};

const OTHER: &str = "grace@example.test";

struct Description(Value);

struct Operation {
    method: Method,
    /// As it is described.
    path: String,
}

impl Operation {
    fn of(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
        }
    }

    /// The path, with names that nobody has.
    fn place(&self) -> String {
        self.path
            .replace("{id}", "00000000-0000-7000-8000-000000000000")
            .replace("{sid}", "00000000-0000-7000-8000-000000000001")
    }

    fn reads_credentials(&self) -> bool {
        self.path.starts_with("/auth/")
    }
}

impl Description {
    fn read() -> Self {
        let text = edgeward_issuer::http::openapi::json().unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    fn operations(&self) -> Vec<Operation> {
        let mut found = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                found.push(Operation::of(method, path));
            }
        }
        assert!(found.len() > 20, "the operations are found");
        found
    }

    fn changes(&self) -> Vec<Operation> {
        let mut operations = self.operations();
        operations.retain(|operation| operation.method != Method::GET);
        operations
    }

    fn answers(&self, operation: &Operation) -> &Value {
        let method = operation.method.as_str().to_lowercase();
        &self.0["paths"][&operation.path][&method]["responses"]
    }

    /// The operation has the status of the answer, its media type where it names any, and the code of a refusal.
    #[track_caller]
    fn allows(&self, operation: &Operation, answer: &Answer) {
        let Operation { method, path } = operation;
        let case = format!("{method} {path}: {} {}", answer.status, answer.body);
        let described = &self.answers(operation)[&answer.status.to_string()];
        assert!(described.is_object(), "{case}");
        let media = answer.header("content-type");
        let content = &described["content"];
        assert!(content.is_null() || content.get(media).is_some(), "{case}");
        if media == "application/problem+json" {
            let problem = answer.json();
            let code = format!("`{}`", problem["code"].as_str().unwrap());
            let said = described["description"].as_str().unwrap();
            assert!(said.contains(&code), "{case}");
        }
    }
}

/// What a stranger is answered who sends this header.
async fn with_header(desk: &Desk, operation: &Operation, name: &str, value: &str) -> Answer {
    let mut stranger = desk.browser();
    let ask = stranger.ask(operation.method.clone(), &operation.place());
    ask.header(name, value).send().await
}

#[test]
fn any_operation_may_take_too_long() {
    let described = Description::read();
    for operation in described.operations() {
        let busy = &described.answers(&operation)["503"]["description"];
        let says_so = busy.as_str().is_some_and(|said| said.contains("`BUSY`"));
        assert!(says_so, "{}: {busy}", operation.path);
    }
}

#[tokio::test]
async fn a_proof_that_does_not_hold_is_refused_by_every_operation() {
    let desk = Desk::open().await;
    let described = Description::read();
    for operation in described.operations() {
        let answer = with_header(&desk, &operation, "edgeward-proof", "x").await;
        described.allows(&operation, &answer);
        answer.expect_problem(401, "EDGE_PROOF_INVALID");
    }
}

#[tokio::test]
async fn a_cookie_that_comes_twice_is_refused_wherever_credentials_are_read() {
    let desk = Desk::open().await;
    let described = Description::read();
    for operation in described.operations() {
        let twice = "edgeward-session=one; edgeward-session=two";
        let answer = with_header(&desk, &operation, "cookie", twice).await;
        described.allows(&operation, &answer);
        if operation.reads_credentials() {
            answer.expect_problem(400, "AMBIGUOUS_CREDENTIALS");
        } else {
            assert_ne!(answer.status, 400, "{}", operation.path);
        }
    }
}

#[tokio::test]
async fn what_no_page_of_ours_sends_is_refused_by_every_change() {
    let desk = Desk::open().await;
    let described = Description::read();
    for operation in described.changes() {
        for (name, value, code) in [
            ("origin", "https://evil.example", "ORIGIN_REFUSED"),
            ("cookie", "edgeward-session=stale", "CSRF_INVALID"),
        ] {
            let answer = with_header(&desk, &operation, name, value).await;
            described.allows(&operation, &answer);
            answer.expect_problem(403, code);
        }
    }
}

/// Also by those that take none.
#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_by_every_change() {
    let desk = Desk::open().await;
    let described = Description::read();
    let large = "x".repeat(1 << 17);
    for operation in described.changes() {
        for (media, body, status, code) in [
            (
                "application/json",
                r#"{"unheardOf":1}"#,
                400,
                "MALFORMED_BODY",
            ),
            ("application/json", large.as_str(), 413, "BODY_TOO_LARGE"),
            ("text/plain", "x", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ] {
            let mut stranger = desk.browser();
            let ask = stranger.ask(operation.method.clone(), &operation.place());
            let answer = ask.raw(media, body).send().await;
            described.allows(&operation, &answer);
            answer.expect_problem(status, code);
        }
    }
}

#[tokio::test]
async fn a_token_beside_the_session_of_another_is_refused_wherever_somebody_has_to_be_signed_in() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let described = Description::read();
    desk.add(OTHER, &[]).await;
    let tokens = desk.browser().tokens(OTHER).await;
    let graces = format!("Bearer {}", tokens["accessToken"].as_str().unwrap());
    ada.forget("access");
    let csrf_token = ada.csrf_token().await;
    for (method, path) in [
        (Method::GET, "/auth/me"),
        (Method::GET, "/auth/sessions"),
        (Method::DELETE, "/auth/sessions/{id}"),
        (Method::POST, "/auth/logout-all"),
        (Method::GET, "/auth/admin/users"),
        (Method::GET, "/auth/admin/users/{id}"),
        (Method::POST, "/auth/admin/users/{id}/unlock"),
        (Method::DELETE, "/auth/admin/users/{id}/sessions"),
        (Method::DELETE, "/auth/admin/users/{id}/sessions/{sid}"),
    ] {
        let operation = Operation::of(method, path);
        for (token, status, code) in [
            (graces.as_str(), 400, "AMBIGUOUS_CREDENTIALS"),
            ("Bearer eyJ.eyJ.x", 401, "INVALID_TOKEN"),
        ] {
            let ask = ada.ask(operation.method.clone(), &operation.place());
            let ask = ask.header("x-csrf-token", &csrf_token);
            let answer = ask.header("authorization", token).send().await;
            described.allows(&operation, &answer);
            answer.expect_problem(status, code);
        }
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_a_failure_inside_wherever_it_is_asked() {
    let (desk, ada) = Desk::with_ada_signed_in().await;
    let described = Description::read();
    let key = enroll(&desk.app, "edge-1").await;
    // It is looked up by its key before anything else of it is judged.
    let proof = sign(&key, &json!({ "iss": "edge-1" }));
    desk.app.store.close().await;
    for operation in described.operations() {
        let mut browser = ada.clone();
        let ask = browser.ask(operation.method.clone(), &operation.place());
        let answer = ask.send().await;
        described.allows(&operation, &answer);
        if operation.reads_credentials() || operation.path == "/.well-known/jwks.json" {
            answer.expect_problem(500, "INTERNAL");
        }
        let proven = with_header(&desk, &operation, "edgeward-proof", &proof).await;
        described.allows(&operation, &proven);
        proven.expect_problem(500, "INTERNAL");
    }
}
