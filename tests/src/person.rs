//! Somebody with an account, and what they do.

use std::ops::Deref;

use serde_json::json;

use crate::answer::Answer;
use crate::client::Client;

/// An account and the browser of its owner.
#[derive(Debug, Clone)]
pub struct Person {
    /// The address that signs in.
    pub email: String,
    /// The password.
    pub password: String,
    client: Client,
}

impl Deref for Person {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Person {
    pub(crate) fn new(email: String, password: String, client: Client) -> Self {
        Self {
            email,
            password,
            client,
        }
    }

    /// The same person at another, fresh browser.
    #[must_use]
    pub fn at(&self, client: Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// Signs in as a script does, and gets in.
    pub async fn log_in(&self) -> Answer {
        let credentials = json!({ "email": self.email, "password": self.password });
        self.post("/auth/login")
            .json(&credentials)
            .send()
            .await
            .expect(200)
    }

    /// Asks for a new access token, whatever the answer.
    pub async fn refresh(&self) -> Answer {
        self.post("/auth/refresh").with_csrf().send().await
    }

    /// Signs out, whatever the answer.
    pub async fn log_out(&self) -> Answer {
        self.post("/auth/logout").with_csrf().send().await
    }

    /// The access token in the cookie jar.
    #[must_use]
    pub fn access_token(&self) -> String {
        self.cookie("access").expect("signed in").value
    }
}
