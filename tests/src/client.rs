//! An HTTP client that behaves as a browser does where it matters: one cookie jar, no redirect followed unseen.
//!
//! Every request carries the story's time. Which headers make a navigation and which a script's call is said by the
//! request, because the gate answers them differently.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Method, redirect};

use crate::answer::Answer;
use crate::cookie_jar::{Cookie, CookieJar};
use crate::world::{Clock, Site};

/// The header that the builds for tests take the time from.
pub const TEST_CLOCK: &str = "edgeward-test-clock";

/// One browser, or one script, with its cookies.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    site: Site,
    clock: Clock,
    jar: Arc<Mutex<CookieJar>>,
}

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Asking {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    with_cookies: bool,
}

impl Client {
    pub(crate) fn new(site: Site, clock: Clock) -> Self {
        let mut http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            // A story stops and starts parts; a connection kept from before would answer for a part that is gone.
            .pool_max_idle_per_host(0)
            .no_proxy();
        if let Some(root) = &site.root {
            let root = Certificate::from_pem(root.as_bytes()).expect("a certificate");
            http = http
                .tls_certs_only([root])
                .resolve(&site.host, site.address);
        }
        let http = http.build().expect("a client");
        Self {
            http,
            site,
            clock,
            jar: Arc::default(),
        }
    }

    /// A request to a path of the site.
    #[must_use]
    pub fn ask(&self, method: Method, path: &str) -> Asking {
        Asking {
            client: self.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: None,
            with_cookies: true,
        }
    }

    /// What a script does: `fetch(path)`.
    #[must_use]
    pub fn get(&self, path: &str) -> Asking {
        self.ask(Method::GET, path)
            .header("accept", "application/json")
            .header("sec-fetch-mode", "cors")
    }

    /// What a person does: types an address or follows a link.
    #[must_use]
    pub fn navigate(&self, path: &str) -> Asking {
        self.ask(Method::GET, path)
            .header("accept", "text/html,application/xhtml+xml")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    /// What a script does: `fetch(path, {method: "POST"})`, from a page of the site.
    #[must_use]
    pub fn post(&self, path: &str) -> Asking {
        let origin = self.site.origin.clone();
        self.ask(Method::POST, path)
            .header("origin", &origin)
            .header("sec-fetch-site", "same-origin")
    }

    /// A cookie by the end of its name: `access`, `refresh`, `session`, `csrf`.
    #[must_use]
    pub fn cookie(&self, end: &str) -> Option<Cookie> {
        self.jar().ending_in(end).cloned()
    }

    /// The cookies, to look at or to change.
    pub fn jar(&self) -> std::sync::MutexGuard<'_, CookieJar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same story's client for another address, such as the issuer itself; its cookies are its own.
    #[must_use]
    pub fn elsewhere(&self, site: Site) -> Self {
        Self::new(site, self.clock.clone())
    }
}

impl Asking {
    /// Adds a header field; a repeated name makes a repeated field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.headers.append(
            name,
            HeaderValue::from_bytes(value.as_bytes()).expect("a header value"),
        );
        self
    }

    /// Replaces a header field.
    #[must_use]
    pub fn instead(mut self, name: &str, value: &str) -> Self {
        self.headers.remove(name);
        self.header(name, value)
    }

    /// Authenticates with a token and sends no cookie.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.without_cookies()
            .header("authorization", &format!("Bearer {token}"))
    }

    /// Leaves the jar aside, in both directions.
    #[must_use]
    pub fn without_cookies(mut self) -> Self {
        self.with_cookies = false;
        self
    }

    /// The anti-forgery token that the jar holds, as the header that scripts send.
    #[must_use]
    pub fn with_csrf(self) -> Self {
        let token = self
            .client
            .cookie("csrf")
            .expect("a csrf cookie was set")
            .value;
        self.header("x-csrf-token", &token)
    }

    /// A JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    /// The body of a form without files.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let encode = |text: &str| {
            let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
            let octet = |byte: u8| {
                if unreserved(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            };
            text.bytes().map(octet).collect::<String>()
        };
        let pairs: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        self.body = Some(pairs.join("&").into_bytes());
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// A body as it is; the type is a header of its own.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it, keeps the cookies that come back, and returns the answer as it is.
    pub async fn send(self) -> Answer {
        let Self {
            client,
            method,
            path,
            mut headers,
            body,
            with_cookies,
        } = self;
        let now = client.clock.now();
        let over_https = client.site.origin.starts_with("https:");
        let asked = format!("{method} {path}");
        if with_cookies && let Some(field) = client.jar().field(&path, over_https, now) {
            headers.append(
                "cookie",
                HeaderValue::from_str(&field).expect("cookies of ours are ASCII"),
            );
        }
        headers.insert(TEST_CLOCK, HeaderValue::from(now));
        if !headers.contains_key("user-agent") {
            headers.insert(
                "user-agent",
                HeaderValue::from_static("Mozilla/5.0 (a story)"),
            );
        }
        let mut request = client
            .http
            .request(method, format!("{}{path}", client.site.origin))
            .headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response
            .bytes()
            .await
            .unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let answer = Answer {
            asked,
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        if with_cookies {
            for field in answer.set_cookies() {
                client.jar().receive(field, over_https, now);
            }
        }
        answer
    }
}
