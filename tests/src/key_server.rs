//! An issuer that has nothing but a key set, and answers as the test wants: well, badly, or not before it is let.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgeward_core::keys::KeySet;
use edgeward_core::token::SigningKey;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http_server::{Reply, response, serve};
use crate::tap::Seen;

/// Where the set is.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// How long a request may take to come before it counts as never made.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server; it goes on as long as the test process.
#[derive(Debug, Clone)]
pub struct KeyServer {
    address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    answer: Mutex<Answer>,
    holds: Mutex<bool>,
    let_go: Condvar,
    asked: watch::Sender<Vec<Seen>>,
}

#[derive(Debug, Clone)]
enum Answer {
    /// The set with an entity tag, or 304 to whoever names the tag.
    Set { body: String, tag: String },
    /// This, whoever asks.
    Always(Reply),
}

impl KeyServer {
    /// Serves the public halves of these keys.
    #[must_use]
    pub fn with(keys: &[&SigningKey]) -> Self {
        let inner = Arc::new(Inner {
            answer: Mutex::new(set_of(keys)),
            holds: Mutex::new(false),
            let_go: Condvar::new(),
            asked: watch::Sender::new(Vec::new()),
        });
        let serving = Arc::clone(&inner);
        let address = serve(move |head, _| serving.answer(head));
        Self { address, inner }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on these keys, and no others.
    pub fn lists(&self, keys: &[&SigningKey]) {
        *lock(&self.inner.answer) = set_of(keys);
    }

    /// From now on these bytes.
    pub fn says(&self, bytes: Vec<u8>) {
        *lock(&self.inner.answer) = Answer::Always(Reply::Whole(bytes));
    }

    /// From now on these bytes, and then silence.
    pub fn says_and_stays(&self, bytes: Vec<u8>) {
        *lock(&self.inner.answer) = Answer::Always(Reply::Unfinished(bytes));
    }

    /// From now on nobody is answered, until [`Self::lets_go`]. What is answered then is what it says then.
    pub fn holds_back(&self) {
        *lock(&self.inner.holds) = true;
    }

    /// Answers everybody who waits.
    pub fn lets_go(&self) {
        *lock(&self.inner.holds) = false;
        self.inner.let_go.notify_all();
    }

    /// Every request that came.
    #[must_use]
    pub fn asked(&self) -> Vec<Seen> {
        self.inner.asked.borrow().clone()
    }

    /// How many requests came.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.asked.borrow().len()
    }

    /// Goes on when so many requests have come.
    pub async fn is_asked(&self, count: usize) {
        let mut asked = self.inner.asked.subscribe();
        let asked = timeout(PATIENCE, asked.wait_for(|asked| asked.len() >= count)).await;
        assert!(asked.is_ok(), "{} requests came, not {count}", self.count());
    }
}

impl Inner {
    fn answer(&self, head: &Seen) -> Reply {
        // Noted before it is answered: whoever saw the answer can rely on the note.
        self.asked.send_modify(|asked| asked.push(head.clone()));
        let mut holds = lock(&self.holds);
        while *holds {
            holds = self
                .let_go
                .wait(holds)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(holds);
        match lock(&self.answer).clone() {
            Answer::Set { tag, .. } if head.header("if-none-match") == [tag.as_str()] => {
                Reply::Whole(response(304, &[("ETag", &tag)], b""))
            }
            Answer::Set { body, tag } => {
                let headers = [
                    ("Content-Type", "application/jwk-set+json"),
                    ("ETag", &*tag),
                ];
                Reply::Whole(response(200, &headers, body.as_bytes()))
            }
            Answer::Always(reply) => reply,
        }
    }
}

/// The document that lists these keys.
#[must_use]
pub fn document(keys: &[&SigningKey]) -> String {
    KeySet::from_keys(keys.iter().map(|key| key.public_jwk()))
        .expect("the keys differ")
        .to_json()
}

fn set_of(keys: &[&SigningKey]) -> Answer {
    let names: Vec<_> = keys.iter().map(|key| key.key_id()).collect();
    Answer::Set {
        body: document(keys),
        tag: format!("\"{}\"", names.join(".")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
