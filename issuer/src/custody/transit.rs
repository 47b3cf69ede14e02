//! A key-encryption key in the transit engine of a Vault or an OpenBao, by its HTTP interface.
//!
//! The key never leaves the server; data keys travel to it and back. Written from the published interface
//! (`POST /v1/:mount/encrypt/:name` and `/decrypt/:name`) and tried against a scripted server only.

use std::{
    fs::File,
    io::Read,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64ct::{Base64, Encoding};
use reqwest::{Client, StatusCode, redirect::Policy};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use zeroize::{Zeroize, Zeroizing};

use super::{DataKey, Sealer, SealerError, local::data_key, sealer::bound_to};
use crate::config::{SecretText, Transit};

/// An answer has one short text.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// So much of a server's reason is told.
const REASON_MAX_CHARS: usize = 200;
/// A token has some hundred bytes, and a wrong path may name anything.
const TOKEN_MAX_BYTES: u64 = 16 * 1024;

/// Asks the engine. Only ever called on a thread of its own, for it waits.
pub(super) struct TransitSealer {
    key_name: String,
    /// Up to the name of the act.
    base: String,
    key: String,
    namespace: Option<String>,
    token: Mutex<SecretText>,
    token_file: Option<PathBuf>,
    timeout: Duration,
    way: Mutex<Option<Way>>,
}

/// What it asks with; made when it is first needed.
struct Way {
    runtime: Runtime,
    client: Client,
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: String,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: String,
}

#[derive(Deserialize)]
struct Encrypted {
    data: Ciphertext,
}

#[derive(Deserialize)]
struct Ciphertext {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    data: Plaintext,
}

#[derive(Deserialize)]
struct Plaintext {
    plaintext: String,
}

/// What the server says of a refusal.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    errors: Vec<String>,
}

impl TransitSealer {
    pub(super) fn new(settings: &Transit, key: &str, timeout: Duration) -> Self {
        Self {
            key_name: format!("transit:{}/{key}", settings.mount),
            base: format!("{}/v1/{}", settings.address, settings.mount),
            key: key.to_owned(),
            namespace: settings.namespace.clone(),
            token: Mutex::new(settings.token.clone()),
            token_file: settings.token_file.clone(),
            timeout,
            way: Mutex::new(None),
        }
    }

    fn ask(&self, act: &str, body: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, SealerError> {
        let mut way = held(&self.way);
        let Way { runtime, client } = match &mut *way {
            Some(way) => way,
            none => none.insert(self.way()?),
        };
        let used = held(&self.token).clone();
        match runtime.block_on(self.send(client, act, body, &used)) {
            Err(refused @ SealerError::Refused(_)) => match self.renewed(&used) {
                Some(token) => {
                    *held(&self.token) = token.clone();
                    runtime.block_on(self.send(client, act, body, &token))
                }
                None => Err(refused),
            },
            outcome => outcome,
        }
    }

    fn way(&self) -> Result<Way, SealerError> {
        let failed = |error: &dyn std::fmt::Display| SealerError::Unreachable(error.to_string());
        let client = Client::builder()
            // Whoever could redirect would be sent data keys.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            .build()
            .map_err(|error| failed(&error))?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Way { runtime, client })
    }

    /// The token of the file, if an agent has put another one there.
    fn renewed(&self, used: &SecretText) -> Option<SecretText> {
        let mut text = Zeroizing::new(String::new());
        let file = File::open(self.token_file.as_ref()?).ok()?;
        file.take(TOKEN_MAX_BYTES).read_to_string(&mut text).ok()?;
        let token = SecretText::new(&text);
        (token != *used && !token.reveal().is_empty()).then_some(token)
    }

    async fn send(
        &self,
        client: &Client,
        act: &str,
        body: &impl Serialize,
        token: &SecretText,
    ) -> Result<Zeroizing<Vec<u8>>, SealerError> {
        let url = format!("{}/{act}/{}", self.base, self.key);
        let mut request = client.post(url).header("x-vault-token", token.reveal());
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let mut answer = request
            .json(body)
            .send()
            .await
            .map_err(|error| self.lost(error))?;
        let status = answer.status();
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.lost(error))? {
            if bytes.len() + chunk.len() > ANSWER_MAX_BYTES {
                return Err(unreadable());
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(refusal(status, &bytes))
        }
    }

    fn lost(&self, error: reqwest::Error) -> SealerError {
        if error.is_timeout() {
            return SealerError::Slow(self.timeout.as_millis());
        }
        let error = error.without_url();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        SealerError::Unreachable(text)
    }
}

impl Sealer for TransitSealer {
    fn key_name(&self) -> &str {
        &self.key_name
    }

    fn wrap(&self, purpose: &str, key: &DataKey) -> Result<Vec<u8>, SealerError> {
        let plaintext = Zeroizing::new(Base64::encode_string(key.as_slice()));
        let body = Encrypt {
            plaintext: &plaintext,
            associated_data: Base64::encode_string(&bound_to(purpose)),
        };
        let answer = self.ask("encrypt", &body)?;
        let answer: Encrypted = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
        Ok(answer.data.ciphertext.into_bytes())
    }

    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        let body = Decrypt {
            ciphertext: std::str::from_utf8(wrapped).map_err(|_| SealerError::DoesNotOpen)?,
            associated_data: Base64::encode_string(&bound_to(purpose)),
        };
        let answer = self.ask("decrypt", &body)?;
        let mut answer: Decrypted = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
        let key = Base64::decode_vec(&answer.data.plaintext).map(Zeroizing::new);
        answer.data.plaintext.zeroize();
        data_key(&key.map_err(|_| unreadable())?)
    }
}

/// What a status means that is no success, with the server's own words for it.
fn refusal(status: StatusCode, body: &[u8]) -> SealerError {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let reason: String = refusal
        .errors
        .join("; ")
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(REASON_MAX_CHARS)
        .collect();
    let told = format!("the server answers {}: {reason}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SealerError::Refused(told),
        StatusCode::NOT_FOUND => SealerError::NoKey(told),
        StatusCode::BAD_REQUEST if reason.contains("not found") => SealerError::NoKey(told),
        // The server had the key and the question, and the one does not open the other.
        StatusCode::BAD_REQUEST => SealerError::DoesNotOpen,
        _ => SealerError::Unreachable(told),
    }
}

fn unreadable() -> SealerError {
    SealerError::Unreachable("the server answers what is no answer of a transit engine".to_owned())
}

/// Nothing behind such a lock can be left half done.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
