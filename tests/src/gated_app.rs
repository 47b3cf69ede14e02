//! An edge with a policy of the test, in front of an app that says what it is told to and remembers what it was asked.
//!
//! Nobody signs in here: the tokens are of a key that the edge is shown as its issuer's.

use std::sync::{Arc, Mutex, PoisonError};

use xtask::stack::Environment;

use crate::answer::Answer;
use crate::http_server::{Reply, response, serve};
use crate::key_server::KeyServer;
use crate::lone_edge::{Guarded, LoneEdge, signing_key};
use crate::tap::Seen;

/// The headers of the app's next answers.
type Said = Arc<Mutex<Vec<(String, String)>>>;

/// The edge and the app.
#[derive(Debug)]
pub struct GatedApp {
    /// The edge.
    pub edge: LoneEdge,
    /// What stands in for the issuer.
    pub issuer: KeyServer,
    seen: Arc<Mutex<Vec<Seen>>>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    says: Said,
    environment: Environment,
}

impl GatedApp {
    /// In development.
    pub async fn start(policy: &str) -> Self {
        Self::within(Environment::Development, policy).await
    }

    /// In an environment.
    pub async fn within(environment: Environment, policy: &str) -> Self {
        let (seen, says): (Arc<Mutex<Vec<Seen>>>, Said) = Default::default();
        let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (notes, word) = (Arc::clone(&seen), Arc::clone(&says));
        let read = Arc::clone(&bodies);
        let app = serve(move |head, body| {
            lock(&read).push(body.to_vec());
            lock(&notes).push(head.clone());
            let headers = lock(&word).clone();
            let headers: Vec<_> = headers
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            Reply::Whole(response(200, &headers, b"the app"))
        });
        let issuer = KeyServer::with(&[&signing_key(1)]);
        let guarded = Guarded {
            environment,
            policy,
            app,
            bindings: &[],
        };
        Self {
            edge: LoneEdge::in_front_of(guarded, &issuer, None).await,
            issuer,
            seen,
            bodies,
            says,
            environment,
        }
    }

    /// From now on the app answers with these headers.
    pub fn says(&self, headers: &[(&str, &str)]) {
        *lock(&self.says) = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
    }

    /// The `Cookie` header of somebody who is signed in.
    #[must_use]
    pub fn cookie(&self) -> String {
        access_cookie(self.environment, &self.edge.token(&signing_key(1)))
    }

    /// Sends a request: the first line without the version, and header lines.
    #[must_use]
    pub fn ask(&self, first_line: &str, headers: &[(&str, &str)]) -> Answer {
        self.edge
            .gets_by_hand(first_line, headers, "")
            .unwrap_or_else(|| panic!("{first_line}: no answer"))
    }

    /// The bodies that arrived at the app since this was asked last.
    #[must_use]
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *lock(&self.bodies))
    }

    /// What arrived at the app since this was asked last.
    #[must_use]
    pub fn arrived(&self) -> Vec<Seen> {
        std::mem::take(&mut *lock(&self.seen))
    }
}

/// The cookie of an access token in an environment, as name and value.
pub(crate) fn access_cookie(environment: Environment, token: &str) -> String {
    let prefix = match environment {
        Environment::Production | Environment::Preview => "__Host-",
        Environment::Development => "",
    };
    format!("{prefix}edgeward-access={token}")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
