//! The issuer without a socket: the real router over a real database in a folder of its own, and browsers that keep
//! their cookies. Time passes by moving the rows into the past, so no test waits.

#![allow(dead_code, reason = "each suite uses its part of the desk")]

mod answer;
pub(crate) mod patience;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use edgeward_issuer::{
    App,
    config::Config,
    domain::{
        accounts::{self, Application, Email, PersonName, Role},
        keyring::Keyring,
        password::{Password, Policy},
        secrets::Generations,
    },
    http::routes,
};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use tower::ServiceExt;

pub(crate) use answer::Answer;

use crate::folder::Folder;

pub(crate) const SITE: &str = "http://127.0.0.1:8787";
pub(crate) const EMAIL: &str = "ada@example.test";
pub(crate) const PASSWORD: &str = "Correct-Horse-7";
pub(crate) const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0";

pub(crate) struct Desk {
    pub(crate) app: Arc<App>,
    router: Router,
    folder: Folder,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = Folder::new();
        let mut config = Config::defaults(folder.path());
        config.passwords.argon2.memory_kib = 8;
        change(&mut config);
        Self::of(App::open(config).await.unwrap(), folder)
    }

    fn of(mut app: App, folder: Folder) -> Self {
        app.turns = patience::turns();
        let app = Arc::new(app);
        Self {
            router: routes::router(Arc::clone(&app)),
            app,
            folder,
        }
    }

    /// Ends it, and reads secrets and database again by settings that may have changed.
    async fn opened_again(self, change: impl FnOnce(&mut Config)) -> (App, Folder) {
        let mut config = self.app.config.clone();
        self.app.store.close().await;
        change(&mut config);
        (App::open(config).await.unwrap(), self.folder)
    }

    /// After a restart.
    pub(crate) async fn restarted(self, change: impl FnOnce(&mut Config)) -> Self {
        let (app, folder) = self.opened_again(change).await;
        Self::of(app, folder)
    }

    /// After a restart of a process that read the secrets of tokens so long ago, and not since.
    pub(crate) async fn having_read_secrets(self, ago: Duration) -> Self {
        let (mut app, folder) = self.opened_again(|_| {}).await;
        let at = Instant::now().checked_sub(ago).unwrap();
        let read = Generations::load(&app.store, &app.secrets, app.clock.now(), at);
        app.generations = read.await.unwrap();
        Self::of(app, folder)
    }

    /// The same of the signing keys.
    pub(crate) async fn having_read_keys(self, ago: Duration) -> Self {
        let (mut app, folder) = self.opened_again(|_| {}).await;
        let at = Instant::now().checked_sub(ago).unwrap();
        let (now, algorithms) = (app.clock.now(), app.config.algorithms());
        let read = Keyring::load_or_create(&app.store, &app.secrets, &algorithms, now, at);
        app.keyring = read.await.unwrap();
        Self::of(app, folder)
    }

    /// With Ada, who has a role, and her browser.
    pub(crate) async fn with_ada() -> (Self, Browser) {
        Self::with_ada_and(|_| {}).await
    }

    /// The same under other settings.
    pub(crate) async fn with_ada_and(change: impl FnOnce(&mut Config)) -> (Self, Browser) {
        let desk = Self::open_with(change).await;
        desk.add(EMAIL, &["editor"]).await;
        let browser = desk.browser();
        (desk, browser)
    }

    /// With Ada signed in.
    pub(crate) async fn with_ada_signed_in() -> (Self, Browser) {
        Self::with_ada_signed_in_and(|_| {}).await
    }

    /// The same under other settings.
    pub(crate) async fn with_ada_signed_in_and(
        change: impl FnOnce(&mut Config),
    ) -> (Self, Browser) {
        let (desk, mut browser) = Self::with_ada_and(change).await;
        browser.log_in(EMAIL).await;
        (desk, browser)
    }

    pub(crate) async fn add(&self, email: &str, roles: &[&str]) {
        let policy = Policy::new(&self.app.config.passwords);
        self.add_under(&policy, email, roles).await;
    }

    async fn add_under(&self, policy: &Policy, email: &str, roles: &[&str]) {
        let application = Application {
            email: Email::parse(email).unwrap(),
            first_name: PersonName::parse("firstName", "Ada").unwrap(),
            last_name: PersonName::parse("lastName", "Lovelace").unwrap(),
            roles: roles
                .iter()
                .map(|role| Role::parse(role).unwrap())
                .collect(),
            password: Password::from_typed(PASSWORD),
        };
        let (store, hasher, now) = (&self.app.store, &self.app.hasher, self.app.clock.now());
        accounts::add_user(store, hasher, policy, application, now)
            .await
            .unwrap();
    }

    /// Fails as often at a name as locks it, at a browser that nobody knows.
    pub(crate) async fn lock(&self, email: &str) {
        let wrong = json!({ "email": email, "password": "Wrong-Horse-7" });
        for _ in 0..self.app.config.lockout.failures {
            let mut stranger = self.browser();
            let refused = stranger.post("/auth/login").json(&wrong).send().await;
            refused.expect(401);
        }
    }

    /// With the password of the desk, made when any was taken.
    pub(crate) async fn add_grandfathered(&self, email: &str) {
        let mut lenient = self.app.config.passwords.clone();
        (lenient.min_length, lenient.require_classes) = (8, false);
        self.add_under(&Policy::new(&lenient), email, &[]).await;
    }

    /// The data folder, which is also where the settings of a test would be.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            jar: BTreeMap::new(),
            user_agent: USER_AGENT,
            address: None,
        }
    }

    /// What the parts say now. A router answers for a second by what they said before, and a new one has asked nobody yet.
    pub(crate) async fn readiness(&self) -> Answer {
        let router = routes::router(Arc::clone(&self.app));
        let mut asks = Browser {
            router,
            ..self.browser()
        };
        asks.get("/readyz").send().await
    }

    /// A browser that has been elsewhere, or here before a restart.
    pub(crate) fn seat(&self, browser: &Browser) -> Browser {
        Browser {
            router: self.router.clone(),
            ..browser.clone()
        }
    }

    /// A connection past the issuer, as somebody with the file has it.
    pub(crate) async fn sql(&self) -> SqliteConnection {
        connect(Path::new(self.app.store.place())).await
    }

    pub(crate) async fn run(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&mut self.sql().await)
            .await
            .unwrap();
    }

    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&mut self.sql().await)
            .await
            .unwrap()
    }

    /// Lets time pass for everything that is stored. Tokens that carry their own end do not age.
    pub(crate) async fn wait(&self, seconds: i64) {
        let mut sql = self.sql().await;
        for statement in [
            "UPDATE families SET rotated_at_ms = rotated_at_ms - 1000 * $1,
                 handed_out_at_ms = handed_out_at_ms - 1000 * $1, idle_expires_at = idle_expires_at - $1,
                 absolute_expires_at = absolute_expires_at - $1, auth_time = auth_time - $1,
                 created_at = created_at - $1, last_used_at = last_used_at - $1",
            "UPDATE browser_sessions SET created_at = created_at - $1, last_used_at = last_used_at - $1,
                 idle_expires_at = idle_expires_at - $1, absolute_expires_at = absolute_expires_at - $1",
            "UPDATE attempt_counters SET claims_end_at = claims_end_at - $1, forget_at = forget_at - $1,
                 locked_until = CASE locked_until WHEN 0 THEN 0 ELSE locked_until - $1 END",
        ] {
            sqlx::query(statement).bind(seconds).execute(&mut sql).await.unwrap();
        }
    }

    /// The audit log's entries, in order.
    pub(crate) async fn audit(&self) -> Vec<Value> {
        sqlx::query("SELECT entry FROM audit_log ORDER BY seq")
            .fetch_all(&mut self.sql().await)
            .await
            .unwrap()
            .iter()
            .map(|row| serde_json::from_str(row.get("entry")).unwrap())
            .collect()
    }

    /// Action, outcome and reason of each entry about people, in order.
    pub(crate) async fn acts(&self) -> Vec<String> {
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        self.audit()
            .await
            .iter()
            .filter(|entry| {
                let action = text(entry, "action");
                !action.starts_with("key.") && !action.starts_with("secret.")
            })
            .map(|entry| {
                let line = ["action", "outcome", "reason"]
                    .map(|name| text(entry, name))
                    .join(" ");
                line.trim_end().to_owned()
            })
            .collect()
    }
}

/// A connection to a file that exists.
pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true);
    options.connect().await.unwrap()
}

#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    pub(crate) jar: BTreeMap<String, String>,
    pub(crate) user_agent: &'static str,
    /// Where its requests come from; nowhere in particular unless a test says it.
    pub(crate) address: Option<IpAddr>,
}

impl Browser {
    pub(crate) fn get<'b>(&'b mut self, path: &str) -> Ask<'b> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn post<'b>(&'b mut self, path: &str) -> Ask<'b> {
        self.ask(Method::POST, path)
    }

    pub(crate) fn delete<'b>(&'b mut self, path: &str) -> Ask<'b> {
        self.ask(Method::DELETE, path)
    }

    pub(crate) fn ask<'b>(&'b mut self, method: Method, path: &str) -> Ask<'b> {
        Ask {
            request: Request::builder().method(method).uri(path),
            browser: self,
            body: Payload::None,
            with_csrf: false,
        }
    }

    /// Signs in with the password of the desk, and gets in.
    pub(crate) async fn log_in(&mut self, email: &str) -> Answer {
        self.post("/auth/login")
            .json(&json!({ "email": email, "password": PASSWORD }))
            .with_csrf()
            .send()
            .await
            .expect(200)
    }

    /// The tokens of a sign-in that sets no cookies, as a program has them.
    pub(crate) async fn tokens(&mut self, email: &str) -> Value {
        let body = json!({ "email": email, "password": PASSWORD, "tokenMode": "body" });
        let signed_in = self.post("/auth/login").json(&body).send().await;
        signed_in.expect(200).json()
    }

    /// Signs out, and gets out.
    pub(crate) async fn log_out(&mut self) -> Answer {
        let signed_out = self.post("/auth/logout").with_csrf().send().await;
        signed_out.expect(204)
    }

    pub(crate) async fn refresh(&mut self) -> Answer {
        self.post("/auth/refresh").with_csrf().send().await
    }

    pub(crate) async fn csrf_token(&mut self) -> String {
        self.get("/auth/csrf").send().await.expect(200).json()["csrfToken"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The value of a cookie of ours, in development.
    pub(crate) fn cookie(&self, purpose: &str) -> String {
        self.jar[&format!("edgeward-{purpose}")].clone()
    }

    pub(crate) fn set_cookie(&mut self, purpose: &str, value: &str) {
        self.jar
            .insert(format!("edgeward-{purpose}"), value.to_owned());
    }

    /// Whether nothing is left but what tells browsers apart.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.jar.keys().all(|name| name == "edgeward-device")
    }

    pub(crate) fn forget(&mut self, purpose: &str) {
        self.jar.remove(&format!("edgeward-{purpose}"));
    }
}

enum Payload {
    None,
    Json(String),
    Form(Vec<(String, String)>),
    Raw(&'static str, Vec<u8>),
}

pub(crate) struct Ask<'b> {
    browser: &'b mut Browser,
    request: axum::http::request::Builder,
    body: Payload,
    with_csrf: bool,
}

impl Ask<'_> {
    /// A value need not be ASCII, nor even text.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    /// From another address than the others.
    pub(crate) fn from(mut self, address: &str) -> Self {
        let address = SocketAddr::new(address.parse().unwrap(), 50_000);
        self.request = self.request.extension(ConnectInfo(address));
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Payload::Json(body.to_string());
        self
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.body = Payload::Form(fields.iter().map(owned).collect());
        self
    }

    pub(crate) fn raw(mut self, content_type: &'static str, body: &str) -> Self {
        self.body = Payload::Raw(content_type, body.as_bytes().to_vec());
        self
    }

    /// What need not be text.
    pub(crate) fn bytes(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.body = Payload::Raw(content_type, body);
        self
    }

    /// Fetches the token first, and sends it as the format does.
    pub(crate) fn with_csrf(mut self) -> Self {
        self.with_csrf = true;
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let Self {
            browser,
            mut request,
            mut body,
            with_csrf,
        } = self;
        if with_csrf {
            let token = Box::pin(browser.csrf_token()).await;
            match &mut body {
                Payload::Form(fields) => fields.push(("csrf_token".to_owned(), token)),
                Payload::None | Payload::Json(_) | Payload::Raw(..) => {
                    request = request.header("x-csrf-token", token);
                }
            }
        }
        if !browser.user_agent.is_empty() {
            request = request.header(header::USER_AGENT, browser.user_agent);
        }
        if !browser.jar.is_empty() {
            let pairs: Vec<String> = browser
                .jar
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let (content_type, body) = match body {
            Payload::None => (None, Vec::new()),
            Payload::Json(text) => (Some("application/json"), text.into_bytes()),
            Payload::Form(fields) => {
                let text = encode(&fields);
                (Some("application/x-www-form-urlencoded"), text.into_bytes())
            }
            Payload::Raw(content_type, bytes) => (Some(content_type), bytes),
        };
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        if let Some(address) = browser.address {
            let peer = ConnectInfo(SocketAddr::new(address, 443));
            request.extensions_mut().insert(peer);
        }
        let response = browser.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        for cookie in answer.set_cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                browser.jar.remove(name);
            } else {
                browser.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

fn encode(fields: &[(String, String)]) -> String {
    let escape =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}
