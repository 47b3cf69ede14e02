//! Who verifies. Each imports its key once and is told to check issuer, audience, expiry and type.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType, verify};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike as _, ES256PublicKey, Ed25519PublicKey,
    EdDSAPublicKeyLike as _, RS256PublicKey, RSAPublicKeyLike as _, VerificationOptions,
};
use serde_json::{Map, Value};

use crate::Set;

/// Accepts a token, or says why not.
pub type Verify<'s> = Box<dyn FnMut(&str) -> Result<(), String> + 's>;

/// How far clocks may disagree.
const LEEWAY_SECONDS: u64 = 60;

/// Everybody for the algorithm of the set, or why they cannot take part.
pub fn all(set: &Set) -> Vec<(&'static str, Result<Verify<'_>, String>)> {
    let mut all = vec![
        ("jsonwebtoken", jsonwebtoken(set)),
        ("jwt-simple", jwt_simple(set)),
    ];
    // For ES256 and RS256 core asks whoever calls it to check the signature, so there is nothing of ours to measure.
    if set.algorithm == "EdDSA" {
        all.insert(0, ("edgeward", edgeward(set)));
    }
    all
}

fn edgeward(set: &Set) -> Result<Verify<'_>, String> {
    let keys = KeySet::parse(set.jwks.to_string().as_bytes()).map_err(shown)?;
    if set.typ != TokenType::Access.name() {
        return Err(format!("unexpected type {}", set.typ));
    }
    let expect = Expectations::new(
        set.issuer.clone(),
        Audiences::OneOf(vec![set.audience.clone()]),
        TokenType::Access,
    );
    Ok(Box::new(move |token| {
        verify(token, &keys, &expect, now())
            .map(drop)
            .map_err(shown)
    }))
}

/// The clock is asked for each token, as the peers do.
fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::from_seconds(since.map_or(0, |since| since.as_secs() as i64))
}

fn jsonwebtoken(set: &Set) -> Result<Verify<'_>, String> {
    let pem = set.public_pem.as_bytes();
    let (algorithm, key) = match set.algorithm.as_str() {
        "EdDSA" => (Algorithm::EdDSA, DecodingKey::from_ed_pem(pem)),
        "ES256" => (Algorithm::ES256, DecodingKey::from_ec_pem(pem)),
        "RS256" => (Algorithm::RS256, DecodingKey::from_rsa_pem(pem)),
        other => return Err(format!("no {other}")),
    };
    let key = key.map_err(shown)?;
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY_SECONDS;
    validation.set_issuer(&[&set.issuer]);
    validation.set_audience(&[&set.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    Ok(Box::new(move |token| {
        let verified = decode::<Map<String, Value>>(token, &key, &validation).map_err(shown)?;
        // It has no option for the type.
        if verified.header.typ.as_deref() == Some(&set.typ) {
            Ok(())
        } else {
            Err("typ".to_owned())
        }
    }))
}

fn jwt_simple(set: &Set) -> Result<Verify<'_>, String> {
    let options = VerificationOptions {
        allowed_issuers: Some(HashSet::from([set.issuer.clone()])),
        allowed_audiences: Some(HashSet::from([set.audience.clone()])),
        required_signature_type: Some(set.typ.clone()),
        time_tolerance: Some(Duration::from_secs(LEEWAY_SECONDS)),
        ..VerificationOptions::default()
    };
    macro_rules! with {
        ($key:ty) => {{
            let key = <$key>::from_pem(&set.public_pem).map_err(shown)?;
            Box::new(move |token: &str| {
                let options = Some(options.clone());
                key.verify_token::<Map<String, Value>>(token, options)
                    .map(drop)
                    .map_err(shown)
            })
        }};
    }
    Ok(match set.algorithm.as_str() {
        "EdDSA" => with!(Ed25519PublicKey),
        "ES256" => with!(ES256PublicKey),
        "RS256" => with!(RS256PublicKey),
        other => return Err(format!("no {other}")),
    })
}

fn shown(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
