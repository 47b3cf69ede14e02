//! Requests that would succeed, each for a person of its own, before a field of theirs is poisoned.

use axum::http::Method;
use edgeward_issuer::{
    domain::{
        accounts::Email,
        mail::{LinkToken, MailId, Purpose},
        storage::Storage,
    },
    store::registrations::Opens,
};
use serde_json::{Value, json};

use super::{
    table::{Format, Operation},
    world::World,
};
use crate::{
    console::version,
    desk::{Answer, Browser, PASSWORD},
};

/// Unlike the password of the desk.
pub(super) const NEW_PASSWORD: &str = "Another-Mule-8";

/// For as long as no test runs.
const LINK_SECONDS: i64 = 3600;

/// A request that would succeed.
pub(super) struct Base {
    pub(super) browser: Browser,
    /// Whose account it is about.
    pub(super) email: String,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    pub(super) fields: Vec<(&'static str, Value)>,
    /// With what it is answered.
    pub(super) status: u16,
}

impl Base {
    /// What would succeed at this operation.
    pub(super) async fn of(world: &World, operation: &Operation) -> Self {
        let mut base = Self::without_token(world, operation).await;
        if operation.format == Format::Form {
            let token = base.browser.csrf_token().await;
            base.fields.push(("csrf_token", json!(token)));
        } else if !base.browser.jar.is_empty() {
            let token = base.browser.csrf_token().await;
            base.headers.push(("x-csrf-token", token));
        }
        base
    }

    async fn without_token(world: &World, operation: &Operation) -> Self {
        let email = world.address();
        let base = |browser: Browser, status: u16, fields: Vec<(&'static str, Value)>| Self {
            browser,
            email: email.clone(),
            method: Method::POST,
            path: operation.path.to_owned(),
            headers: Vec::new(),
            fields,
            status,
        };
        let stranger = world.desk.browser();
        let by_form = operation.format == Format::Form;
        let status = |of_json| if by_form { 303 } else { of_json };
        let audience = &world.desk.app.config.issuer.audience;
        let is_new = operation.path.contains("/register");
        if !is_new {
            world.desk.add(&email, &["editor"]).await;
        }
        match operation.path {
            "/auth/register" => {
                let person = vec![
                    ("email", json!(email)),
                    ("password", json!(NEW_PASSWORD)),
                    ("firstName", json!("Grace")),
                    ("lastName", json!("Hopper")),
                ];
                let made = if operation.with_mail { 202 } else { 201 };
                base(stranger, status(made), sign_in(person, by_form))
            }
            "/auth/login" => {
                let person = vec![("email", json!(email)), ("password", json!(PASSWORD))];
                let mut fields = sign_in(person, by_form);
                if !by_form {
                    fields.push(("audience", json!(audience)));
                }
                base(stranger, status(200), fields)
            }
            "/auth/refresh" => {
                let token = world.desk.browser().tokens(&email).await["refreshToken"].clone();
                let fields = vec![
                    ("refreshToken", token),
                    ("tokenMode", json!("body")),
                    ("audience", json!(audience)),
                ];
                base(stranger, 200, fields)
            }
            "/auth/logout" if by_form => {
                let fields = vec![("returnTo", json!("/account"))];
                base(signed_in(world, &email).await, 303, fields)
            }
            "/auth/logout" => {
                let token = world.desk.browser().tokens(&email).await["refreshToken"].clone();
                base(stranger, 204, vec![("refreshToken", token)])
            }
            "/auth/logout-all" => {
                let kept = if by_form {
                    json!("false")
                } else {
                    json!(false)
                };
                let fields = vec![("exceptCurrent", kept)];
                base(signed_in(world, &email).await, status(204), fields)
            }
            "/auth/password" => {
                let fields = vec![
                    ("currentPassword", json!(PASSWORD)),
                    ("newPassword", json!(NEW_PASSWORD)),
                ];
                base(signed_in(world, &email).await, status(204), fields)
            }
            "/auth/password/forgot" => base(stranger, 202, vec![("email", json!(email))]),
            "/auth/password/reset" => {
                let known = Email::parse(&email).unwrap();
                let account = world.desk.app.store.account_by_email(&known).await;
                let user = account.unwrap().unwrap().account.id;
                let token = link(world, Opens::Password(user), Purpose::ResetPassword).await;
                let fields = vec![
                    ("token", json!(token)),
                    ("newPassword", json!(NEW_PASSWORD)),
                ];
                base(stranger, if by_form { 200 } else { 204 }, fields)
            }
            "/auth/register/confirm" => {
                let asked = json!({ "email": email, "password": NEW_PASSWORD });
                let mut elsewhere = world.desk.browser();
                let asked = elsewhere.post("/auth/register").json(&asked).send().await;
                asked.expect(202);
                let statement = "SELECT id FROM registrations WHERE email = $1";
                let id = MailId::parse(&world.text_for(statement, &email).await).unwrap();
                let token = link(world, Opens::Registration(id), Purpose::ConfirmAddress).await;
                let fields = vec![("token", json!(token)), ("password", json!(NEW_PASSWORD))];
                base(stranger, if by_form { 200 } else { 204 }, fields)
            }
            "/auth/step-up" => {
                let browser = signed_in(world, &email).await;
                let mut fields = vec![("password", json!(PASSWORD))];
                if by_form {
                    fields.push(("returnTo", json!("/account")));
                }
                base(browser, status(200), fields)
            }
            "/account/sessions/end" => {
                signed_in(world, &email).await;
                let mut browser = signed_in(world, &email).await;
                let listed = browser
                    .get("/auth/sessions")
                    .send()
                    .await
                    .expect(200)
                    .json();
                let sessions = listed["sessions"].as_array().unwrap();
                let other = sessions.iter().find(|it| it["current"] == json!(false));
                base(browser, 303, vec![("id", other.unwrap()["id"].clone())])
            }
            "/auth/admin/users/{id}/roles" => {
                let (mut root, id) = (world.root.clone(), user_id(world, &email).await);
                let person = root.get(&format!("/auth/admin/users/{id}")).send().await;
                let version = person.expect(200).json()["rolesVersion"].clone();
                let mut base = base(root, 200, vec![("roles", json!(["writer"]))]);
                base.method = Method::PUT;
                base.path = format!("/auth/admin/users/{id}/roles");
                let tag = format!("\"{}\"", version.as_str().unwrap());
                base.headers.push(("if-match", tag));
                base
            }
            "/auth/console/users/{id}/roles" => {
                let (mut root, id) = (world.root.clone(), user_id(world, &email).await);
                let page = root.get(&format!("/auth/console/users/{id}")).send().await;
                let fields = vec![
                    ("version", json!(version(&page.expect(200)))),
                    ("person", json!(email)),
                    ("roles", json!("writer")),
                ];
                let mut base = base(root, 303, fields);
                base.path = format!("/auth/console/users/{id}/roles");
                base
            }
            path => panic!("{path} has no base"),
        }
    }

    /// Sends a body of the operation's format.
    pub(super) async fn send(&self, format: Format, body: Vec<u8>) -> Answer {
        let mut browser = self.browser.clone();
        let mut ask = browser.ask(self.method.clone(), &self.path);
        for (name, value) in &self.headers {
            ask = ask.header(name, value);
        }
        ask.bytes(format.content_type(), body).send().await
    }
}

/// What a sign-in has besides, by its format. No challenge is demanded here, so nobody reads the token of one.
fn sign_in(mut fields: Vec<(&'static str, Value)>, by_form: bool) -> Vec<(&'static str, Value)> {
    if by_form {
        fields.push(("returnTo", json!("/account")));
    } else {
        fields.extend([("tokenMode", json!("body")), ("captchaToken", json!("x"))]);
    }
    fields
}

async fn signed_in(world: &World, email: &str) -> Browser {
    let mut browser = world.desk.browser();
    browser.log_in(email).await;
    browser
}

async fn user_id(world: &World, email: &str) -> String {
    let statement = "SELECT id FROM users WHERE email = $1";
    world.text_for(statement, email).await
}

/// A link as if it had been mailed.
async fn link(world: &World, opens: Opens, purpose: Purpose) -> String {
    let mut random = [0; 32];
    getrandom::fill(&mut random).unwrap();
    let (link, app) = (LinkToken::from_random(random), &world.desk.app);
    let ends = app.clock.now().plus(LINK_SECONDS);
    let digest = link.digest(purpose);
    let kept = app.store.remember_link(&digest, opens, ends).await;
    kept.unwrap();
    link.reveal().to_owned()
}
