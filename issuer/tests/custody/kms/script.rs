//! KMS as a script of its published interface (JSON 1.1, `X-Amz-Target: TrentService.…`). It is not KMS, and checks no signature of a
//! request.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::CREDENTIALS;
use crate::{
    folder::Folder,
    program::{Ran, edgeward, run},
};

pub(crate) const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A question: the act, the headers, the body.
pub(crate) type Asked = (String, HeaderMap, Value);
/// How the script answers.
type Answers = Box<dyn FnMut(&str, &Value) -> (u16, String) + Send>;

pub(crate) struct Script {
    answers: Answers,
    hangs: bool,
    asked: Vec<Asked>,
}

#[derive(Clone)]
pub(crate) struct Server {
    script: Arc<Mutex<Script>>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn start(
        answers: impl FnMut(&str, &Value) -> (u16, String) + Send + 'static,
    ) -> Self {
        let script = Script {
            answers: Box::new(answers),
            hangs: false,
            asked: Vec::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            script: Arc::new(Mutex::new(script)),
            address: format!("http://{}", listener.local_addr().unwrap()),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Answers this from now on.
    pub(crate) fn answers(
        &self,
        answers: impl FnMut(&str, &Value) -> (u16, String) + Send + 'static,
    ) {
        self.script.lock().unwrap().answers = Box::new(answers);
    }

    pub(crate) fn hangs(&self) {
        self.script.lock().unwrap().hangs = true;
    }

    /// What it was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let act = headers["x-amz-target"].to_str().unwrap();
    let act = act.strip_prefix("TrentService.").unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let hangs = {
        let mut script = server.script.lock().unwrap();
        script.asked.push((act.clone(), headers, body.clone()));
        script.hangs
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    let (status, body) = (server.script.lock().unwrap().answers)(&act, &body);
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (StatusCode::from_u16(status).unwrap(), kind, body).into_response()
}

/// An error as KMS writes it.
pub(crate) fn no(code: &str, message: &str) -> String {
    json!({ "__type": code, "message": message }).to_string()
}

/// A sealer that hides nothing and notices every change: what it wrapped is what it was given with its context, behind the digest of it.
pub(crate) fn seals(act: &str, body: &Value) -> (u16, String) {
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let context = body["EncryptionContext"].clone();
    match act {
        "Encrypt" => {
            let wrapped = json!([text("KeyId"), text("Plaintext"), context]).to_string();
            let digest = digest(&SHA256, wrapped.as_bytes());
            let blob = Base64::encode_string(&[digest.as_ref(), wrapped.as_bytes()].concat());
            (
                200,
                json!({ "KeyId": text("KeyId"), "CiphertextBlob": blob }).to_string(),
            )
        }
        "Decrypt" => {
            let wrapped = Base64::decode_vec(&text("CiphertextBlob")).unwrap();
            let (check, wrapped) = wrapped.split_at(32);
            if digest(&SHA256, wrapped).as_ref() != check {
                return (400, no("InvalidCiphertextException", ""));
            }
            let wrapped: Value = serde_json::from_slice(wrapped).unwrap();
            if wrapped[0] != text("KeyId") {
                return (
                    400,
                    no("IncorrectKeyException", "The key ID does not match"),
                );
            }
            if wrapped[2] != context {
                return (400, no("InvalidCiphertextException", ""));
            }
            (
                200,
                json!({ "KeyId": text("KeyId"), "Plaintext": wrapped[1] }).to_string(),
            )
        }
        other => panic!("{other}"),
    }
}

/// Runs it on a thread of its own, so that the server here goes on.
pub(crate) async fn run_with(
    folder: &Folder,
    server: &Server,
    arguments: &[&str],
    changes: &[(&str, &str)],
) -> Ran {
    let mut command = command(folder.path(), server);
    command.args(arguments);
    for (name, value) in changes {
        match *value {
            "" => command.env_remove(name),
            value => command.env(name, value),
        };
    }
    tokio::task::spawn_blocking(move || run(&mut command, b""))
        .await
        .unwrap()
}

/// The binary with [`KEY`] of a server.
pub(crate) fn command(folder: &Path, server: &Server) -> std::process::Command {
    let mut command = edgeward(folder);
    command
        .envs(CREDENTIALS)
        .env("EDGEWARD__CUSTODY__SEALER", "kms")
        .env("EDGEWARD__CUSTODY__KMS__KEY", KEY)
        .env("EDGEWARD__CUSTODY__KMS__ENDPOINT", &server.address)
        .env("EDGEWARD__CUSTODY__TIMEOUT_MS", "20000")
        .env("EDGEWARD__LOG__LEVEL", "debug");
    command
}
