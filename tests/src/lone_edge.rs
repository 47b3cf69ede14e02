//! An edge that nobody stands behind but a key server: what it takes to see what the edge does about keys.
//!
//! It is asked about tokens at `/auth/verify-token`, which the edge answers by itself: 204, 401, or 503 without keys.

use std::net::SocketAddr;
use std::path::PathBuf;

use edgeward_core::token::{SigningKey, TokenType};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use xtask::stack::Environment;
use xtask::stack::edge::{Edge, EdgePlan};
use xtask::stack::ready;

use crate::answer::Answer;
use crate::client::{Client, TEST_CLOCK};
use crate::edge_cache::EdgeCache;
use crate::key_server::{KeyServer, PATIENCE};
use crate::raw;
use crate::world::{Clock, PRODUCTION_HOST, Site, folder, given, nobody};

/// One route for each way to regard ended sessions. Whoever passes is told that there is no app.
const POLICY: &str = r#"
version = 1

[gate]
revocation_within_seconds = 10

[[route]]
path = "/"
allow = "public"

[[route]]
path = "/bounded"
allow = "signed-in"

[[route]]
path = "/strict"
allow = "signed-in"
revocation = "strict"

[[route]]
path = "/eventual"
allow = "signed-in"
revocation = "eventual"
"#;
/// Any seed but zeros.
const EDGE_KEY: &str = "edge1.lone.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
/// The key in it.
pub const EDGE_SEED: [u8; 32] = [1; 32];
/// As long as the issuer's access tokens live.
const TOKEN_LIFETIME_SECONDS: i64 = 600;

/// What an edge stands in front of, and how.
#[derive(Debug, Clone, Copy)]
pub struct Guarded<'p> {
    /// Decides the cookies.
    pub environment: Environment,
    /// The text of the policy.
    pub policy: &'p str,
    /// Where the app listens.
    pub app: SocketAddr,
    /// Further text bindings of the edge.
    pub bindings: &'p [(&'p str, &'p str)],
    /// What stands in for the platform's rate limiters: names of bindings, and modules.
    pub limiters: &'p [(&'p str, &'p str)],
}

/// One edge on workerd, in one isolate, and the story's time.
#[derive(Debug)]
pub struct LoneEdge {
    edge: Edge,
    site: Site,
    clock: Clock,
    /// Kept, because to make one takes far longer than to be answered.
    program: Client,
}

/// The key of this number. Equal numbers make equal keys.
#[must_use]
pub fn signing_key(number: u32) -> SigningKey {
    let mut seed = [7; 32];
    for (place, byte) in seed.iter_mut().zip(number.to_be_bytes()) {
        *place = byte;
    }
    SigningKey::from_seed(&seed).expect("a seed that is not all zeros")
}

impl LoneEdge {
    /// Starts an edge whose issuer is the key server; without a cache, its runtime has no Cache API.
    pub async fn start(keys: &KeyServer, cache: Option<&EdgeCache>) -> Self {
        Self::start_before(nobody(), keys, cache).await
    }

    /// The same on a runtime that this module changes before the Worker is loaded, to fail or to tell what it is asked.
    pub async fn start_on(changed: &str, keys: &KeyServer) -> Self {
        let guarded = Guarded {
            environment: Environment::Development,
            policy: POLICY,
            app: nobody(),
            bindings: &[],
            limiters: &[("CHANGES_THE_RUNTIME", changed)],
        };
        Self::in_front_of(guarded, keys, None).await
    }

    /// The same in front of an app.
    pub async fn start_before(
        app: SocketAddr,
        keys: &KeyServer,
        cache: Option<&EdgeCache>,
    ) -> Self {
        let guarded = Guarded {
            environment: Environment::Development,
            policy: POLICY,
            app,
            bindings: &[],
            limiters: &[],
        };
        Self::in_front_of(guarded, keys, cache).await
    }

    /// As [`Self::start`], in front of an app. Outside development the site's origin is `https://app.example.com`, though
    /// the edge is spoken to without encryption.
    pub async fn in_front_of(
        guarded: Guarded<'_>,
        keys: &KeyServer,
        cache: Option<&EdgeCache>,
    ) -> Self {
        let (issuer, cache) = (keys.address(), cache.map(EdgeCache::address));
        let Guarded {
            environment,
            policy,
            app,
            bindings,
            limiters,
        } = guarded;
        let owned = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = list.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let (more_bindings, limiters) = (owned(bindings), owned(limiters));
        let gate_policy = policy.to_owned();
        let started = tokio::task::spawn_blocking(move || {
            let address = ready::free_address().expect("a free port");
            let origin = match environment {
                Environment::Development => format!("http://{address}"),
                Environment::Production | Environment::Preview => {
                    format!("https://{PRODUCTION_HOST}")
                }
            };
            let folder = folder();
            let mut edge = Edge::new(EdgePlan {
                worker: given("EDGEWARD_WORKER_DIR"),
                folder,
                address,
                environment,
                issuer: origin.clone(),
                issuer_origin: format!("http://{issuer}"),
                app_origin: format!("http://{app}"),
                audience: origin.clone(),
                gate_policy,
                edge_key: EDGE_KEY.to_owned(),
                tls: None,
                cache,
                more_bindings,
                limiters,
            });
            edge.start()
                .unwrap_or_else(|failure| panic!("the edge did not start: {failure}"));
            let site = Site {
                origin,
                host: address.ip().to_string(),
                address,
                root: None,
            };
            (edge, site)
        });
        let (edge, site) = started
            .await
            .unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()));
        let clock = Clock::starting_now();
        Self {
            edge,
            program: Client::new(site.clone(), clock.clone()),
            site,
            clock,
        }
    }

    /// Stops it and starts it anew: a cold isolate of the same edge.
    pub async fn starts_cold(mut self) -> Self {
        let started = tokio::task::spawn_blocking(move || {
            self.edge.stop();
            self.edge
                .start()
                .unwrap_or_else(|failure| panic!("the edge did not start again: {failure}"));
            self
        });
        started
            .await
            .unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }

    /// Lets time pass, or takes it back by a negative number, as far as a story likes: nobody here goes by the time of the machine.
    pub fn wait(&self, seconds: i64) {
        self.clock.wait(seconds);
    }

    /// An access token of this moment, signed with this key.
    #[must_use]
    pub fn token(&self, key: &SigningKey) -> String {
        self.token_of("s1", key)
    }

    /// What the edge says about a token of this moment by this key.
    pub async fn judges(&self, key: &SigningKey) -> Answer {
        self.judges_token(&self.token(key)).await
    }

    /// The public origin, which is also issuer and audience.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.site.origin
    }

    /// An access token of this session, of this moment.
    #[must_use]
    pub fn token_of(&self, sid: &str, key: &SigningKey) -> String {
        self.token_with("u1", sid, key)
    }

    /// An access token of this person and session, of this moment.
    #[must_use]
    pub fn token_with(&self, sub: &str, sid: &str, key: &SigningKey) -> String {
        let now = self.clock.now();
        let claims = json!({
            "iss": self.site.origin, "aud": self.site.origin, "sub": sub, "jti": "t1", "sid": sid,
            "iat": now, "nbf": now, "exp": now + TOKEN_LIFETIME_SECONDS,
        });
        key.sign(&TokenType::Access, &claims).expect("small claims")
    }

    /// A script's browser.
    #[must_use]
    pub fn browser(&self) -> Client {
        Client::new(self.site.clone(), self.clock.clone())
    }

    /// What a program is told that brings this token to a path.
    pub async fn says(&self, path: &str, token: &str) -> Answer {
        self.program.get(path).bearer(token).send().await
    }

    /// What the edge tells about its health.
    pub async fn health(&self) -> serde_json::Value {
        self.program
            .get("/_edgeward/health")
            .send()
            .await
            .expect(200)
            .json()
    }

    /// What the edge says about this token.
    pub async fn judges_token(&self, token: &str) -> Answer {
        self.program
            .ask(Method::GET, "/auth/verify-token")
            .bearer(token)
            .send()
            .await
    }

    /// Asks about a token by hand and does not wait for the answer.
    pub async fn is_asked(&self, token: &str) -> Waiting {
        self.is_asked_at("/auth/verify-token", token).await
    }

    /// Brings a token to a path by hand and does not wait for the answer.
    pub async fn is_asked_at(&self, path: &str, token: &str) -> Waiting {
        let now = self.clock.now().to_string();
        let authorization = format!("Authorization: Bearer {token}\r\n");
        self.gets(path, &now, &authorization).await
    }

    /// Asks for a page of the issuer by hand and does not wait for the answer.
    pub async fn is_asked_for(&self, path: &str) -> Waiting {
        self.gets(path, &self.clock.now().to_string(), "").await
    }

    /// Sends a request that the edge panics at.
    pub async fn panics(&self) -> Waiting {
        self.gets("/auth/verify-token", "panic", "").await
    }

    /// Asks to speak WebSocket (RFC 6455, section 4.1), with this `Cookie`.
    pub async fn is_asked_for_a_websocket(&self, path: &str, cookie: &str) -> Waiting {
        let now = self.clock.now();
        self.reads(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Cookie: {cookie}\r\n{TEST_CLOCK}: {now}\r\n\r\n",
            self.site.address,
        ))
        .await
    }

    async fn gets(&self, path: &str, now: &str, more: &str) -> Waiting {
        self.reads(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{TEST_CLOCK}: {now}\r\n{more}\r\n",
            self.site.address,
        ))
        .await
    }

    async fn reads(&self, request: &str) -> Waiting {
        let mut stream = TcpStream::connect(self.site.address)
            .await
            .expect("the edge listens");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the edge reads");
        Waiting(stream)
    }

    /// Goes on when the edge has taken up what was sent before: it reads what arrives in order.
    pub async fn has_read_everything(&self) {
        let _ = self.health().await;
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.site.address
    }

    /// The head of a request by hand: its first line, and header lines besides `Host` and the time.
    #[must_use]
    pub fn head_by_hand(&self, first_line: &str, lines: &[&str]) -> String {
        let host = self.site.origin.split("//").nth(1).unwrap_or_default();
        let now = self.clock.now();
        let mut head = format!("{first_line} HTTP/1.1\r\nHost: {host}\r\n{TEST_CLOCK}: {now}\r\n");
        for line in lines {
            head.push_str(&format!("{line}\r\n"));
        }
        head.push_str("\r\n");
        head
    }

    /// The story's time, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Sends a request by hand: its first line, and its header lines besides `Host`, `Connection` and the time.
    #[must_use]
    pub fn gets_by_hand(
        &self,
        first_line: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let lines: Vec<_> = ["Connection: close"]
            .into_iter()
            .chain(lines.iter().map(String::as_str))
            .collect();
        let request = self.head_by_hand(first_line, &lines) + body;
        raw::send(self.site.address, request.as_bytes())
    }

    /// Everything that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The reasons that it logged with this event, in order.
    #[must_use]
    pub fn reasons(&self, event: &str) -> Vec<String> {
        reasons(&self.log(), event)
    }

    /// Where it logs.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.edge.log()
    }
}

/// The reasons that stand in the log of an edge beside this event, in order.
pub(crate) fn reasons(log: &str, event: &str) -> Vec<String> {
    let event = format!("\"{event}\"");
    let lines = log.lines().filter(|line| line.contains(&event));
    lines
        .filter_map(|line| {
            let json = line.get(line.find('{')?..)?;
            let json: serde_json::Value = serde_json::from_str(json).ok()?;
            Some(json.get("reason")?.as_str()?.to_owned())
        })
        .collect()
}

/// A request that was sent by hand.
#[derive(Debug)]
pub struct Waiting(TcpStream);

impl Waiting {
    /// The same, if an answer has begun to arrive by now.
    #[must_use]
    pub fn if_begun(self) -> Option<Self> {
        let stream = self.0.into_std().expect("a socket");
        // It does not block, as tokio had it.
        let has_begun = stream.peek(&mut [0]).is_ok_and(|read| read > 0);
        has_begun.then(|| Self(TcpStream::from_std(stream).expect("a socket")))
    }

    /// The status of the answer, when it comes.
    pub async fn status(self) -> u16 {
        let answer = self.answer().await;
        answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("this is no answer: {answer:?}"))
    }

    /// The whole answer as it was on the wire, when it comes.
    pub async fn answer(mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut bytes))
            .await
            .expect("the edge answers in time")
            .expect("the edge answers");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The head of the answer, when it comes.
    pub async fn head(mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, self.0.read_u8()).await;
            let byte = byte.expect("the edge answers in time");
            bytes.push(byte.expect("the edge answers"));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The client goes away: its connection is reset.
    pub fn goes_away(self) {
        self.0
            .set_zero_linger()
            .expect("a socket can be closed at once");
    }
}
