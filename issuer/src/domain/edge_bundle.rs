//! The edge bundle: what an enrolled edge is told so that it can judge without asking.
//!
//! It holds keys, and they are symmetric: who can check a CSRF token with one can make it. So an edge is not given the issuer's key
//! but one derived from it, by which only the second MAC of a token can be made, and that counts on the app's routes alone. Edges
//! read it by `edgeward_core::bundle::Bundle`.

use edgeward_core::{
    bundle::{BUNDLE_TYPE, MAX_GENERATIONS, MAX_LIFE_SECONDS},
    cookie::CookieNames,
    csrf::CsrfKey,
    time::UnixTime,
    token::TokenType,
};
use serde::Serialize;

use super::keyring::TokenKey;
use crate::{config::Identity, custody::SignTokenError};

/// How long a bundle is an answer: it names its request, and the rest is for clocks that differ.
const ANSWER_SECONDS: i64 = 60;

/// How long an edge may go on with it while the issuer is away.
const LIFE_SECONDS: i64 = MAX_LIFE_SECONDS;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: UnixTime,
    exp: UnixTime,
    /// The id of the request that is answered.
    rid: &'a str,
    /// The keys by which CSRF tokens on app routes are judged: the one that makes them, the next one, and those before.
    csrf: Vec<&'a str>,
    cookies: Names<'a>,
    life: i64,
}

#[derive(Serialize)]
struct Names<'a> {
    session: &'a str,
    access: &'a str,
    refresh: &'a str,
    csrf: &'a str,
    device: &'a str,
}

/// What a bundle is made from.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// The keys of CSRF tokens that are accepted, the present one first.
    pub csrf: &'a [&'a CsrfKey],
    /// The names of the cookies.
    pub cookies: &'a CookieNames,
    /// Who the issuer says it is.
    pub issuer: &'a Identity,
}

impl Contents<'_> {
    /// The bundle that answers the request of this id.
    ///
    /// # Errors
    /// The key could not sign.
    pub async fn signed(
        self,
        key: &TokenKey,
        request_id: &str,
        now: UnixTime,
    ) -> Result<String, SignTokenError> {
        let keys = self.csrf.iter().take(MAX_GENERATIONS);
        let keys: Vec<_> = keys.map(|key| key.for_apps().reveal()).collect();
        let claims = Claims {
            iss: &self.issuer.url,
            aud: &self.issuer.audience,
            iat: now,
            exp: now.plus(ANSWER_SECONDS),
            rid: request_id,
            csrf: keys.iter().map(|key| key.as_str()).collect(),
            cookies: Names {
                session: &self.cookies.session,
                access: &self.cookies.access,
                refresh: &self.cookies.refresh,
                csrf: &self.cookies.csrf,
                device: &self.cookies.device,
            },
            life: LIFE_SECONDS,
        };
        let kind = TokenType::Other(BUNDLE_TYPE.to_owned());
        key.sign(&kind, &claims).await
    }
}
