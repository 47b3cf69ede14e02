//! The issuer's own keys of every algorithm: what they sign verifies under their own public half and under no other.

use edgeward_core::{
    keys::{Jwk, KeySet},
    reject::Reject,
    signature::Algorithm,
    time::UnixTime,
    token::{Audiences, Expectations, TokenType, UnsignedToken},
};
use serde_json::json;

use super::{KeyError, PrivateKey, SigningAlgorithm, make, material_of_pkcs8, verify};

const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
const SITE: &str = "https://www.example.com";

fn token_of(key: &PrivateKey, algorithm: Algorithm) -> String {
    let claims = json!({ "iss": SITE, "sub": "ada", "aud": SITE, "exp": NOW.plus(60) });
    let unsigned = UnsignedToken::new(algorithm, key.key_id(), &kind(), &claims).unwrap();
    let signature = key.sign(&unsigned).unwrap();
    unsigned.signed(&signature).unwrap()
}

fn kind() -> TokenType {
    TokenType::Other("a-test".to_owned())
}

fn judged(token: &str, keys: &[Jwk]) -> Result<(), Reject> {
    let keys = KeySet::from_keys(keys.iter().cloned()).unwrap();
    let expect = Expectations::new(SITE, Audiences::OneOf(vec![SITE.to_owned()]), kind());
    verify(token, &keys, &expect, NOW).map(drop)
}

#[test]
fn what_each_key_signs_verifies_by_its_own_algorithm_and_key_only() {
    let made = SigningAlgorithm::ALL.map(|algorithm| {
        let material = make(algorithm).unwrap();
        let key = PrivateKey::open(algorithm, &material).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let public = key.public_jwk();
        assert_eq!(public.key_id(), public.thumbprint());
        let label = format!("\"alg\":\"{algorithm}\"");
        assert!(public.to_json().contains(&label), "{}", public.to_json());
        assert!(!format!("{key:?}").contains("pair"));
        // What is kept opens as the same key, and as none of another algorithm.
        let again = PrivateKey::open(algorithm, &material).unwrap();
        assert_eq!(again.key_id(), key.key_id());
        for other in SigningAlgorithm::ALL {
            let opened = PrivateKey::open(other, &material);
            assert_eq!(opened.is_ok(), other == algorithm, "{algorithm} as {other}");
        }
        key
    });
    let all: Vec<Jwk> = made.iter().map(PrivateKey::public_jwk).collect();
    for key in &made {
        let own = key.algorithm();
        let token = token_of(key, own.in_header());
        assert_eq!(judged(&token, &all), Ok(()), "{own}");
        assert_eq!(judged(&token, &[key.public_jwk()]), Ok(()), "{own}");
        for other in made.iter().filter(|other| other.algorithm() != own) {
            assert!(judged(&token, &[other.public_jwk()]).is_err());
            let mislabelled = token_of(key, other.algorithm().in_header());
            assert!(
                judged(&mislabelled, &all).is_err(),
                "{own} as {}",
                other.algorithm()
            );
        }
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(signature.len()));
        assert_eq!(judged(&forged, &all), Err(Reject::SignatureInvalid));
    }
}

#[test]
fn what_is_no_key_is_refused_and_repeats_nothing() {
    for algorithm in SigningAlgorithm::ALL {
        for bytes in [&[][..], &[0; 32], &[0x30; 200]] {
            let opened = PrivateKey::open(algorithm, bytes).map(drop);
            assert_eq!(opened, Err(KeyError::Unfit), "{algorithm} {}", bytes.len());
            let read = material_of_pkcs8(algorithm, bytes).map(drop);
            assert_eq!(read, Err(KeyError::Unfit));
        }
    }
    for name in ["", "none", "eddsa", "Ed25519", "HS256", "ES384"] {
        assert_eq!(SigningAlgorithm::from_name(name), None, "{name}");
    }
}
