//! What a desk answers whose tokens are signed elsewhere.

use std::time::Instant;

use edgeward_core::token::{Audiences, Expectations, ParsedToken, TokenType};
use edgeward_issuer::{
    domain::keyring::{SigningKeys, StoredKey},
    signatures,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{desk::Desk, program::NEVER};

pub(crate) async fn keys(desk: &Desk) -> Vec<StoredKey> {
    desk.app.store.signing_keys().await.unwrap()
}

/// Judges a token as an edge does; which algorithm it is of.
pub(crate) fn verified(desk: &Desk, token: &str) -> String {
    let config = &desk.app.config;
    let audiences = Audiences::OneOf(vec![config.issuer.audience.clone()]);
    let expect = Expectations::new(config.issuer.url.clone(), audiences, TokenType::Access);
    let keys = desk.app.keyring.public_keys();
    let verified = signatures::verify(token, &keys, &expect, desk.app.clock.now());
    assert!(verified.is_ok(), "{verified:?}");
    ParsedToken::parse(token).unwrap().algorithm().to_owned()
}

/// Asks until it is ready, and answers what it said then: who signs elsewhere may be asked for longer than a check waits.
pub(crate) async fn until_ready(desk: &Desk) -> Value {
    let ready = timeout(NEVER, async {
        loop {
            let answer = desk.readiness().await;
            if answer.status == 200 {
                return answer.json();
            }
        }
    });
    ready.await.expect("it becomes ready")
}

pub(crate) async fn readiness(desk: &Desk, status: u16) -> Value {
    desk.readiness().await.expect(status).json()
}

/// Reads the rows as a serving issuer does twice a second.
pub(crate) async fn read(desk: &Desk) {
    let (app, at) = (&desk.app, Instant::now());
    let read = app
        .keyring
        .reload(&app.store, &app.secrets, app.clock.now(), at);
    read.await.unwrap();
}
