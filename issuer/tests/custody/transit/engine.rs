//! A transit engine, scripted from the published interface of Vault and OpenBao; it is neither of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64ct::{Base64, Encoding};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use edgeward_issuer::config::{Custody, SealerKind, SecretText, Transit};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const TOKEN: &str = "hvs.first-token";

/// Longer than it ever takes, on however busy a machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);

/// What the server does next, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    /// The versions of each key, the newest last.
    pub(crate) keys: BTreeMap<String, Vec<[u8; 32]>>,
    pub(crate) token: String,
    /// Answers this instead.
    pub(crate) instead: Option<(u16, Value)>,
    pub(crate) hangs: bool,
    pub(crate) asked: Vec<(String, HeaderMap, Value)>,
}

#[derive(Clone)]
pub(crate) struct Server {
    script: Arc<Mutex<Script>>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let script = Script {
            keys: BTreeMap::from([("edgeward".to_owned(), vec![[3; 32]])]),
            token: TOKEN.to_owned(),
            ..Script::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            script: Arc::new(Mutex::new(script)),
            address: format!("http://{}", listener.local_addr().unwrap()),
        };
        let router = Router::new()
            .route("/v1/transit/{act}/{key}", post(answer))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Settings by which it seals.
    pub(crate) fn seals(&self, custody: &mut Custody) {
        custody.sealer = SealerKind::Transit;
        custody.timeout = PATIENT;
        custody.transit = Some(self.transit());
    }

    /// From now on nothing opens.
    pub(crate) fn breaks(&self) {
        self.script(|script| {
            script.keys = BTreeMap::from([("edgeward".to_owned(), vec![[4; 32]])])
        });
    }

    /// Every data key that it was asked to wrap.
    pub(crate) fn data_keys(&self) -> Vec<Vec<u8>> {
        let plaintext = |(_, _, body): &(String, HeaderMap, Value)| {
            Base64::decode_vec(body["plaintext"].as_str()?).ok()
        };
        self.script(|script| script.asked.iter().filter_map(plaintext).collect())
    }

    pub(crate) fn transit(&self) -> Transit {
        Transit {
            address: self.address.clone(),
            mount: "transit".to_owned(),
            key: "edgeward".to_owned(),
            other_key: None,
            namespace: None,
            token: SecretText::new(TOKEN),
            token_file: None,
        }
    }

    pub(crate) fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    pub(crate) fn asked(&self) -> usize {
        self.script(|script| script.asked.len())
    }
}

async fn answer(
    State(server): State<Server>,
    Path((act, key)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let hangs = server.script(|script| {
        script
            .asked
            .push((format!("{act}/{key}"), headers.clone(), body.clone()));
        script.hangs
    });
    if hangs {
        std::future::pending::<()>().await;
    }
    let (status, body) = server.script(|script| reply(script, &act, &key, &headers, &body));
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn reply(script: &Script, act: &str, key: &str, headers: &HeaderMap, body: &Value) -> (u16, Value) {
    let no = |status, error: &str| (status, json!({ "errors": [error] }));
    if let Some(instead) = &script.instead {
        return instead.clone();
    }
    if headers
        .get("x-vault-token")
        .is_none_or(|token| *token != script.token.as_str())
    {
        return no(403, "permission denied");
    }
    let Some(versions) = script.keys.get(key) else {
        return no(400, "encryption key not found");
    };
    let decoded = |name: &str| Base64::decode_vec(body[name].as_str().unwrap()).unwrap();
    let authenticated = decoded("associated_data");
    let nonce = Nonce::default();
    match act {
        "encrypt" => {
            let plaintext = decoded("plaintext");
            let payload = Payload {
                msg: &plaintext,
                aad: &authenticated,
            };
            let cipher = ChaCha20Poly1305::new(versions.last().unwrap().into());
            let sealed = Base64::encode_string(&cipher.encrypt(&nonce, payload).unwrap());
            let version = versions.len();
            (
                200,
                json!({ "data": { "ciphertext": format!("vault:v{version}:{sealed}"), "key_version": version } }),
            )
        }
        "decrypt" => {
            let ciphertext = body["ciphertext"].as_str().unwrap();
            let opened = ciphertext.strip_prefix("vault:v").and_then(|rest| {
                let (version, sealed) = rest.split_once(':')?;
                let version: usize = version.parse().ok()?;
                let key = versions.get(version.checked_sub(1)?)?;
                let sealed = Base64::decode_vec(sealed).ok()?;
                let payload = Payload {
                    msg: &sealed,
                    aad: &authenticated,
                };
                ChaCha20Poly1305::new(key.into())
                    .decrypt(&nonce, payload)
                    .ok()
            });
            match opened {
                Some(opened) => (
                    200,
                    json!({ "data": { "plaintext": Base64::encode_string(&opened) } }),
                ),
                None => no(400, "cipher: message authentication failed"),
            }
        }
        other => panic!("{other}"),
    }
}
