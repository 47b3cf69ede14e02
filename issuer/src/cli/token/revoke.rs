//! `edgeward token revoke`: one access token from standard input is refused from now on, by every edge and by the issuer.

use std::io;

use edgeward_core::{
    keys::{Jwk, KeySet},
    token::{Audiences, Expectations, TokenType},
};

use super::{
    Judge,
    lines::{Line, Lines},
};
use crate::{
    cli::{Answer, Failure, Outcome, Place, print, user},
    clock::Clock,
    config::Config,
    domain::{
        accounts::UserId,
        audit::{Action, Actor, AuditEntry, Origin},
        keyring::SigningKeys,
        revocations::{Revoking, TokenId},
        session::Sid,
    },
    open_existing_store,
    store::Store,
};

pub(super) async fn run(place: &Place) -> Outcome {
    let line = Lines::new(io::stdin().lock()).next_line()?;
    let Some(Line::Text(token)) = line else {
        return Err(Failure("standard input has no token".to_owned()));
    };
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let outcome = revoke(&store, &config, token.trim()).await;
    store.close().await;
    outcome
}

/// Only what verifies is revoked: of anything else it is not known whose it is, and nobody believes it anyway.
async fn revoke(store: &Store, config: &Config, token: &str) -> Outcome {
    let judge = Judge {
        keys: public_keys(store).await?,
        expect: Expectations::new(
            config.issuer.url.clone(),
            Audiences::Unchecked,
            TokenType::Access,
        ),
        now: Clock.now(),
    };
    let verified = match judge.verify(token) {
        Ok(verified) => verified,
        Err(reject) => return refuse(reject.reason()),
    };
    let claims = verified.claims();
    let Some(id) = claims.token_id().and_then(TokenId::parse) else {
        return refuse("it has no jti");
    };
    if store.is_token_revoked(id.as_str()).await? {
        return refuse("it is revoked");
    }
    let mut entry = AuditEntry::done(
        Action::RevokeToken,
        Actor::Operator,
        judge.now,
        &Origin::default(),
    )
    .with("jti", &id);
    if let Some(user) = claims.subject().and_then(UserId::parse) {
        entry = entry.about("user", user);
    }
    if let Some(sid) = claims.session_id().and_then(Sid::parse) {
        entry = entry.in_session(sid);
    }
    store.revoke_token(&id, judge.now, &entry).await?;
    print(&format!("revoked: {id}"))?;
    Ok(Answer::Yes)
}

fn refuse(reason: &str) -> Outcome {
    user::eprint(&format!("the token was not revoked: {reason}"))?;
    Ok(Answer::No)
}

/// The keys that verifiers may see, without opening the private halves.
async fn public_keys(store: &Store) -> Result<KeySet, Failure> {
    let mut public = Vec::new();
    for key in store.signing_keys().await? {
        if key.life.state.is_public() {
            public.push(Jwk::parse(key.public_jwk.as_bytes())?);
        }
    }
    Ok(KeySet::from_keys(public)?)
}
