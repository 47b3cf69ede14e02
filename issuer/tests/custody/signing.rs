//! Keys that are made in SoftHSM and sign there.

use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass},
};
use edgeward_core::{
    keys::KeySet,
    signature::Algorithm,
    time::UnixTime,
    token::{self, Audiences, Expectations, TokenType, Unverified},
};
use edgeward_issuer::{
    custody::{self, Secrets},
    signatures::{self, SigningAlgorithm},
};
use serde_json::json;

use crate::softhsm::{World, log_in};

/// Makes a key of each algorithm in the device, and tries what somebody with the PIN would.
#[test]
fn keys_that_sign_are_made_in_the_device_and_never_leave_it() {
    const NAME: &str = "keys_that_sign_are_made_in_the_device_and_never_leave_it";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    let config = world.config();
    let custody = &config.custody;
    let places = Secrets::open_configured(&config).unwrap().signing_places();
    let kind = TokenType::Other("a-test".to_owned());
    let now = UnixTime::from_seconds(1_795_000_000);
    let site = "https://www.example.com".to_owned();
    let claims = json!({ "iss": site, "sub": "ada", "aud": site, "exp": now.plus(60) });
    let expect = Expectations::new(site.clone(), Audiences::OneOf(vec![site]), kind.clone());
    let mut tokens: Vec<String> = Vec::new();
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let label = algorithm.name();
        let made = custody::make_signing_key(custody, label, algorithm).unwrap();
        let again = custody::make_signing_key(custody, label, algorithm).unwrap_err();
        assert!(
            again.to_string().contains("has a key with the label"),
            "{again}"
        );
        let of = SigningAlgorithm::from_name(label).unwrap();
        let reference = format!("pkcs11:{label}");
        let signer = places.open(&reference, of, made.clone()).unwrap();
        assert_eq!(made.key_id(), made.thumbprint());
        let token = custody::sign_token(signer.as_ref(), &kind, &claims).unwrap();
        let keys = KeySet::from_keys([made]).unwrap();
        let verified = |token: &str| {
            let judge = |answer: Option<&_>| token::verify_with(token, &keys, &expect, answer, now);
            match judge(None) {
                Err(Unverified::NeedsSignature(question)) => {
                    judge(Some(&signatures::answer(*question))).is_ok()
                }
                judged => judged.is_ok(),
            }
        };
        assert!(verified(&token), "{token}");
        for other in &tokens {
            assert!(!verified(other), "a token of another key");
        }
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(86));
        assert!(!verified(&forged));
        tokens.push(token);

        let session = log_in();
        let wanted = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        let key = session.find_objects(&wanted).unwrap()[0];
        let value = session.get_attributes(key, &[AttributeType::Value]);
        assert!(
            value.as_ref().map_or(true, Vec::is_empty),
            "the device gave a private key away"
        );
        assert!(
            session
                .update_attributes(key, &[Attribute::Extractable(true)])
                .is_err()
        );
        let wrapping = [
            Attribute::ValueLen(32.into()),
            Attribute::Wrap(true),
            Attribute::Extractable(true),
        ];
        let wrapping = session
            .generate_key(&Mechanism::AesKeyGen, &wrapping)
            .unwrap();
        let wrapped = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping, key);
        assert!(
            matches!(wrapped, Err(Error::Pkcs11(RvError::KeyUnextractable, _))),
            "{wrapped:?}"
        );
    }
    let rsa = custody::make_signing_key(custody, "rsa", Algorithm::Rs256).unwrap_err();
    assert!(rsa.to_string().contains("sign by EdDSA or ES256"), "{rsa}");
    let last = custody::make_signing_key(custody, "last", Algorithm::EdDsa).unwrap();
    let absent = places.open("pkcs11:absent", SigningAlgorithm::EdDsa, last);
    let absent = absent.unwrap().sign(b"a token").unwrap_err();
    assert!(
        absent
            .to_string()
            .contains("no pair of keys with the label absent"),
        "{absent}"
    );
}

/// Whoever may write to the device puts the private half of another pair under the label, and leaves the public one.
#[test]
fn halves_that_do_not_belong_together_sign_nothing() {
    const NAME: &str = "halves_that_do_not_belong_together_sign_nothing";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    let config = world.config();
    let custody = &config.custody;
    let places = Secrets::open_configured(&config).unwrap().signing_places();
    let private = |label: &str| {
        [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::Label(label.as_bytes().to_vec()),
        ]
    };
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let (label, other) = (algorithm.name(), format!("{}-other", algorithm.name()));
        let made = custody::make_signing_key(custody, label, algorithm).unwrap();
        custody::make_signing_key(custody, &other, algorithm).unwrap();
        let session = log_in();
        let [own] = session.find_objects(&private(label)).unwrap()[..] else {
            panic!("one key of a label");
        };
        let [foreign] = session.find_objects(&private(&other)).unwrap()[..] else {
            panic!("one key of a label");
        };
        session.destroy_object(own).unwrap();
        let renamed = [Attribute::Label(label.as_bytes().to_vec())];
        session.update_attributes(foreign, &renamed).unwrap();
        // The module ends with its last user, and a session of before does not end after it.
        drop(session);
        let of = SigningAlgorithm::from_name(label).unwrap();
        let signer = places.open(&format!("pkcs11:{label}"), of, made).unwrap();
        let refused = signer.sign(b"a token").unwrap_err().to_string();
        assert!(refused.contains("does not belong together"), "{refused}");
    }
}
