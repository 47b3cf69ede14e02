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
        keyring::SigningKeys,
        revocations::{self, NotRevoked},
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
    match revocations::revoke_token(store, &verified, judge.now).await {
        Ok(id) => {
            print(&format!("revoked: {id}"))?;
            Ok(Answer::Yes)
        }
        Err(NotRevoked::Storage(failure)) => Err(failure.into()),
        Err(why @ (NotRevoked::NoId | NotRevoked::Already)) => refuse(&why.to_string()),
    }
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
