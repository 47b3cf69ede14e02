//! What the runtime's Cache API speaks to: keeps what is put there, for whoever asks, until the test changes it.
//!
//! The runtime sends `GET` with `Cache-Control: only-if-cached`, wants to hear in `CF-Cache-Status` whether it is a hit, and
//! puts a whole HTTP response as the body of a `PUT`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::http_server::{Reply, response, serve};
use crate::key_server::PATIENCE;
use crate::tap::Seen;

/// A cache that outlives the edge; it goes on as long as the test process.
#[derive(Debug, Clone)]
pub struct EdgeCache {
    address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Instead of an honest answer.
    always: Mutex<Option<Reply>>,
    puts: watch::Sender<usize>,
    looks: watch::Sender<usize>,
}

impl EdgeCache {
    /// An empty one.
    #[must_use]
    pub fn empty() -> Self {
        let inner = Arc::new(Inner {
            kept: Mutex::default(),
            always: Mutex::default(),
            puts: watch::Sender::new(0),
            looks: watch::Sender::new(0),
        });
        let serving = Arc::clone(&inner);
        let address = serve(move |head, body| serving.answer(head, body));
        Self { address, inner }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes on when so many entries were put there.
    pub async fn is_given(&self, count: usize) {
        let mut puts = self.inner.puts.subscribe();
        let given = timeout(PATIENCE, puts.wait_for(|puts| *puts >= count)).await;
        assert!(given.is_ok(), "fewer than {count} entries were put there");
    }

    /// Goes on when somebody has looked for an entry so many times.
    pub async fn is_looked_at(&self, count: usize) {
        let mut looks = self.inner.looks.subscribe();
        let looked = timeout(PATIENCE, looks.wait_for(|looks| *looks >= count)).await;
        assert!(looked.is_ok(), "fewer than {count} looks");
    }

    /// How many entries were put there.
    #[must_use]
    pub fn given(&self) -> usize {
        *self.inner.puts.borrow()
    }

    /// How often somebody looked for an entry: a cold isolate for a set, and every isolate before it puts one there.
    #[must_use]
    pub fn looks(&self) -> usize {
        *self.inner.looks.borrow()
    }

    /// The only entry: the body of the response that was put there.
    #[must_use]
    pub fn entry(&self) -> Vec<u8> {
        let kept = lock(&self.inner.kept);
        assert_eq!(kept.len(), 1, "one entry: {:?}", kept.keys());
        kept.values()
            .next()
            .map(|put| split(put).1.to_vec())
            .unwrap_or_default()
    }

    /// Replaces the body of the only entry.
    pub fn holds(&self, body: &[u8]) {
        for put in lock(&self.inner.kept).values_mut() {
            *put = [b"HTTP/1.1 200 OK\r\n\r\n", body].concat();
        }
    }

    /// From now on these bytes, whoever asks for whatever.
    pub fn says(&self, bytes: Vec<u8>) {
        *lock(&self.inner.always) = Some(Reply::Whole(bytes));
    }

    /// From now on nothing, whoever asks for whatever.
    pub fn never_answers(&self) {
        *lock(&self.inner.always) = Some(Reply::Unfinished(Vec::new()));
    }
}

impl Inner {
    fn answer(&self, head: &Seen, body: &[u8]) -> Reply {
        let name = head.header("host").concat() + &head.target;
        if head.method == "PUT" {
            lock(&self.kept).insert(name, body.to_vec());
            self.puts.send_modify(|puts| *puts += 1);
            return Reply::Whole(response(204, &[], b""));
        }
        self.looks.send_modify(|looks| *looks += 1);
        if let Some(reply) = &*lock(&self.always) {
            return reply.clone();
        }
        Reply::Whole(match lock(&self.kept).get(&name) {
            Some(put) => response(200, &[("CF-Cache-Status", "HIT")], split(put).1),
            None => response(504, &[("CF-Cache-Status", "MISS")], b""),
        })
    }
}

/// Head and body of the response that was put.
fn split(put: &[u8]) -> (&[u8], &[u8]) {
    let end = put
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(put.len(), |end| end + 4);
    put.split_at(end)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
