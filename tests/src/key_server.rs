//! An issuer that has nothing but a key set and, if a test wants them, a feed of ended sessions, an edge bundle and answers to refreshes. It answers as the test wants: well,
//! badly, or not before it is let.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgeward_core::keys::KeySet;
use edgeward_core::token::SigningKey;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::bundle::{BUNDLE_PATH, BundleAsk};
use crate::feed::{FEED_PATH, FeedAsk};
use crate::http_server::{Reply, response, serve};
use crate::tap::Seen;

/// Where the set is.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// Where refresh tokens are exchanged.
pub const REFRESH_PATH: &str = "/auth/refresh";

/// How long a request may take to come before it counts as never made.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server; it goes on as long as the test process.
#[derive(Debug, Clone)]
pub struct KeyServer {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    answer: Mutex<Answer>,
    keys_wait: Gate,
    asked: watch::Sender<Vec<Seen>>,
    feed: Mutex<Option<Arc<FeedAnswer>>>,
    feed_waits: Gate,
    feed_asked: watch::Sender<Vec<FeedAsk>>,
    refreshes: Mutex<Option<Arc<RefreshAnswer>>>,
    refreshes_asked: watch::Sender<Vec<Seen>>,
    bundle: Mutex<Option<Arc<BundleAnswer>>>,
    bundle_asked: watch::Sender<Vec<BundleAsk>>,
}

type RefreshAnswer = dyn Fn(&Seen) -> Reply + Send + Sync;
type BundleAnswer = dyn Fn(&BundleAsk) -> Reply + Send + Sync;
type FeedAnswer = dyn Fn(&FeedAsk) -> Reply + Send + Sync;

impl fmt::Debug for Inner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Inner").finish_non_exhaustive()
    }
}

/// Where answers wait until they are let.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    holds: Mutex<bool>,
    let_go: Condvar,
}

impl Gate {
    pub(crate) fn closes(&self) {
        *lock(&self.holds) = true;
    }

    pub(crate) fn opens(&self) {
        *lock(&self.holds) = false;
        self.let_go.notify_all();
    }

    pub(crate) fn pass(&self) {
        let mut holds = lock(&self.holds);
        while *holds {
            holds = self
                .let_go
                .wait(holds)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
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
            keys_wait: Gate::default(),
            asked: watch::Sender::new(Vec::new()),
            feed: Mutex::new(None),
            feed_waits: Gate::default(),
            feed_asked: watch::Sender::new(Vec::new()),
            refreshes: Mutex::default(),
            refreshes_asked: watch::Sender::new(Vec::new()),
            bundle: Mutex::new(None),
            bundle_asked: watch::Sender::new(Vec::new()),
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

    /// From now on this set, whoever's keys are in it.
    pub fn shows(&self, set: &Value) {
        let body = set.to_string();
        let headers = [("Content-Type", "application/jwk-set+json")];
        self.says(response(200, &headers, body.as_bytes()));
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
        self.inner.keys_wait.closes();
    }

    /// Answers everybody who waits.
    pub fn lets_go(&self) {
        self.inner.keys_wait.opens();
    }

    /// From now on there is a feed, and this answers for it. Without one, whoever asks is told that there is none.
    pub fn feeds(&self, answer: impl Fn(&FeedAsk) -> Reply + Send + Sync + 'static) {
        *lock(&self.inner.feed) = Some(Arc::new(answer));
    }

    /// From now on this answers who refreshes. Without it, whoever does is told that there is nothing.
    pub fn refreshes(&self, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *lock(&self.inner.refreshes) = Some(Arc::new(answer));
    }

    /// Every refresh that was asked for.
    #[must_use]
    pub fn refreshes_asked(&self) -> Vec<Seen> {
        self.inner.refreshes_asked.borrow().clone()
    }

    /// Goes on when so many refreshes were asked for.
    pub async fn refreshes_are_asked(&self, count: usize) {
        let mut asked = self.inner.refreshes_asked.subscribe();
        let asked = timeout(PATIENCE, asked.wait_for(|asked| asked.len() >= count)).await;
        assert!(
            asked.is_ok(),
            "{} refreshes were asked for, not {count}",
            self.refreshes_asked().len()
        );
    }

    /// From now on nobody who asks for the feed is answered, until [`Self::lets_the_feed_go`].
    pub fn holds_the_feed_back(&self) {
        self.inner.feed_waits.closes();
    }

    /// Answers everybody who waits for the feed.
    pub fn lets_the_feed_go(&self) {
        self.inner.feed_waits.opens();
    }

    /// From now on there is an edge bundle, and this answers for it. Without one, whoever asks is told that there is none.
    pub fn bundles(&self, answer: impl Fn(&BundleAsk) -> Reply + Send + Sync + 'static) {
        *lock(&self.inner.bundle) = Some(Arc::new(answer));
    }

    /// Every request for the bundle that came.
    #[must_use]
    pub fn bundle_asked(&self) -> Vec<BundleAsk> {
        self.inner.bundle_asked.borrow().clone()
    }

    /// Goes on when the bundle was asked for so many times.
    pub async fn bundle_is_asked(&self, count: usize) {
        let mut asked = self.inner.bundle_asked.subscribe();
        let asked = timeout(PATIENCE, asked.wait_for(|asked| asked.len() >= count)).await;
        assert!(
            asked.is_ok(),
            "the bundle was asked for {} times, not {count}",
            self.bundle_asked().len()
        );
    }

    /// Everything that was asked of the feed.
    #[must_use]
    pub fn feed_asked(&self) -> Vec<FeedAsk> {
        self.inner.feed_asked.borrow().clone()
    }

    /// Goes on when the feed was asked for so many times.
    pub async fn feed_is_asked(&self, count: usize) {
        let mut asked = self.inner.feed_asked.subscribe();
        let asked = timeout(PATIENCE, asked.wait_for(|asked| asked.len() >= count)).await;
        assert!(
            asked.is_ok(),
            "the feed was asked for {} times, not {count}",
            self.feed_asked().len()
        );
    }

    /// Every request for keys that came.
    #[must_use]
    pub fn asked(&self) -> Vec<Seen> {
        self.inner.asked.borrow().clone()
    }

    /// How many requests for keys came.
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
        if head.target.starts_with(FEED_PATH) {
            return self.answer_for_the_feed(head);
        }
        if head.target == BUNDLE_PATH {
            return self.answer_for_the_bundle(head);
        }
        if head.target == REFRESH_PATH {
            self.refreshes_asked
                .send_modify(|asked| asked.push(head.clone()));
            let answer = lock(&self.refreshes).clone();
            return answer.map_or_else(
                || Reply::Whole(response(404, &[], b"")),
                |answer| answer(head),
            );
        }
        // Noted before it is answered: whoever saw the answer can rely on the note.
        self.asked.send_modify(|asked| asked.push(head.clone()));
        self.keys_wait.pass();
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

impl Inner {
    fn answer_for_the_feed(&self, head: &Seen) -> Reply {
        let ask = FeedAsk::of(head);
        self.feed_asked.send_modify(|asked| asked.push(ask.clone()));
        self.feed_waits.pass();
        let answer = lock(&self.feed).clone();
        answer.map_or_else(
            || Reply::Whole(response(404, &[], b"")),
            |answer| answer(&ask),
        )
    }
}

impl Inner {
    fn answer_for_the_bundle(&self, head: &Seen) -> Reply {
        let ask = BundleAsk::of(head);
        self.bundle_asked
            .send_modify(|asked| asked.push(ask.clone()));
        let answer = lock(&self.bundle).clone();
        answer.map_or_else(
            || Reply::Whole(response(404, &[], b"")),
            |answer| answer(&ask),
        )
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
