//! `edgeward token verify` with the tokens of other issuers: ES256 and RS256 beside EdDSA, and every confusion of the three.

use std::{fmt::Write as _, fs};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        self, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair, RsaEncoding, RsaKeyPair,
    },
};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use edgeward_core::{
    keys::KeySet,
    token::{SigningKey, TokenType},
};
use serde_json::{Value, json};

use crate::{
    folder::Folder,
    program::{edgeward, run},
};

const NOW: i64 = 1_795_132_800;

/// An issuer with a key of each kind, and a folder with what it publishes.
struct Issuer {
    folder: Folder,
    eddsa: SigningKey,
    es256: EcdsaKeyPair,
    rs256: RsaKeyPair,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

fn pem(der: &[u8]) -> String {
    let body = Base64::encode_string(der);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

impl Issuer {
    fn new() -> Self {
        let folder = Folder::new();
        let eddsa = SigningKey::from_seed(&[1; 32]).unwrap();
        let es256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let rs256 = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();

        let point = es256.public_key().as_ref().strip_prefix(&[4]).unwrap();
        let (x, y) = point.split_at(32);
        let rsa_der: PublicKeyX509Der<'_> = rs256.public_key().as_der().unwrap();
        fs::write(folder.path().join("rsa.pem"), pem(rsa_der.as_ref())).unwrap();
        let published = KeySet::from_spki_pem(&pem(rsa_der.as_ref())).unwrap();
        let mut rsa: Value =
            serde_json::from_str(&published.keys().next().unwrap().to_json()).unwrap();
        rsa["kid"] = "rsa".into();

        let keys = json!({"keys": [
            serde_json::from_str::<Value>(&eddsa.public_jwk().to_json()).unwrap(),
            {"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "x": text(x), "y": text(y)},
            rsa,
            {"kty": "EC", "crv": "P-256", "kid": "nowhere", "x": text([1; 32]), "y": text([1; 32])},
        ]});
        fs::write(folder.path().join("jwks.json"), keys.to_string()).unwrap();
        let ec_der: PublicKeyX509Der<'_> = es256.public_key().as_der().unwrap();
        fs::write(folder.path().join("ec.pem"), pem(ec_der.as_ref())).unwrap();
        Self {
            folder,
            eddsa,
            es256,
            rs256,
        }
    }

    /// A token with this header's `alg` and `kid`, signed by whatever `sign` does.
    fn token(alg: &str, kid: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let header = json!({"alg": alg, "kid": kid, "typ": "at+jwt"});
        let claims = json!({"iss": "https://i.example", "aud": "https://a.example", "sub": alg, "exp": NOW + 600});
        let input = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = sign(input.as_bytes());
        format!("{input}.{}", text(signature))
    }

    fn ecdsa(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        self.es256.sign(&random, message).unwrap().as_ref().to_vec()
    }

    /// The same key, with the signature in another form.
    fn ecdsa_as(&self, form: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pkcs8 = self.es256.to_pkcs8v1().unwrap();
        let key = EcdsaKeyPair::from_pkcs8(form, pkcs8.as_ref()).unwrap();
        let random = SystemRandom::new();
        key.sign(&random, message).unwrap().as_ref().to_vec()
    }

    fn rsa(&self, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rs256.public_modulus_len()];
        let random = SystemRandom::new();
        self.rs256
            .sign(padding, &random, message, &mut signature)
            .unwrap();
        signature
    }

    /// What the program says of each token: `ok` and the subject, or the reason.
    fn verdicts(&self, keys: [&str; 2], tokens: &[String]) -> Vec<String> {
        let now = NOW.to_string();
        let mut input = String::new();
        for token in tokens {
            writeln!(input, "{token}").unwrap();
        }
        let mut command = edgeward(self.folder.path());
        command.args(["token", "verify", "--issuer", "https://i.example"]);
        command.args(["--audience", "https://a.example", "--now", &now]);
        command.args([keys[0], keys[1]]);
        let ran = run(&mut command, input.as_bytes());
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (Some(1), ""),
            "one is refused"
        );
        ran.out
            .lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                match line["ok"].as_bool() {
                    Some(true) => format!("ok {}", line["claims"]["sub"].as_str().unwrap()),
                    _ => line["reason"].as_str().unwrap().to_owned(),
                }
            })
            .collect()
    }
}

#[test]
fn tokens_of_three_algorithms_are_told_apart() {
    let issuer = Issuer::new();
    let eddsa = issuer
        .eddsa
        .sign(
            &TokenType::Access,
            &json!({"iss": "https://i.example", "aud": "https://a.example", "sub": "EdDSA", "exp": NOW + 600}),
        )
        .unwrap();
    let rsa = |message: &[u8]| issuer.rsa(&signature::RSA_PKCS1_SHA256, message);
    let pss = |message: &[u8]| issuer.rsa(&signature::RSA_PSS_SHA256, message);
    let sha512 = |message: &[u8]| issuer.rsa(&signature::RSA_PKCS1_SHA512, message);
    let der = |message: &[u8]| issuer.ecdsa_as(&ECDSA_P256_SHA256_ASN1_SIGNING, message);
    let ecdsa = |message: &[u8]| issuer.ecdsa(message);
    let flipped = |message: &[u8]| {
        let mut signature = issuer.ecdsa(message);
        signature[40] ^= 1;
        signature
    };
    let rows: Vec<(String, &str)> = vec![
        (eddsa, "ok EdDSA"),
        (Issuer::token("ES256", "ec", ecdsa), "ok ES256"),
        (Issuer::token("RS256", "rsa", rsa), "ok RS256"),
        (Issuer::token("ES256", "ec", flipped), "signature-invalid"),
        (Issuer::token("ES256", "ec", der), "signature-length"),
        (
            Issuer::token("ES256", "ec", |_| vec![0; 64]),
            "signature-invalid",
        ),
        (
            Issuer::token("ES256", "ec", |_| vec![255; 64]),
            "signature-invalid",
        ),
        (
            Issuer::token("ES256", "ec", |_| vec![1; 63]),
            "signature-length",
        ),
        (Issuer::token("ES256", "nowhere", ecdsa), "key-refused"),
        (Issuer::token("RS256", "rsa", pss), "signature-invalid"),
        (Issuer::token("RS256", "rsa", sha512), "signature-invalid"),
        (
            Issuer::token("RS256", "rsa", |_| vec![0; 256]),
            "signature-invalid",
        ),
        (
            Issuer::token("RS256", "rsa", |_| vec![1; 255]),
            "signature-length",
        ),
        (Issuer::token("RS256", "ec", ecdsa), "alg-key-mismatch"),
        (Issuer::token("ES256", "rsa", rsa), "alg-key-mismatch"),
        (Issuer::token("EdDSA", "rsa", rsa), "alg-key-mismatch"),
        (Issuer::token("RS512", "rsa", sha512), "alg-not-allowed"),
        (Issuer::token("PS256", "rsa", pss), "alg-not-allowed"),
        (Issuer::token("HS256", "rsa", rsa), "alg-not-allowed"),
        (
            Issuer::token("none", "rsa", |_| Vec::new()),
            "alg-not-allowed",
        ),
        (Issuer::token("ES256", "other", ecdsa), "unknown-key"),
    ];
    let (tokens, expected): (Vec<String>, Vec<&str>) = rows.into_iter().unzip();
    assert_eq!(issuer.verdicts(["--jwks", "jwks.json"], &tokens), expected);
}

#[test]
fn one_public_key_in_pem_is_of_any_kind() {
    let issuer = Issuer::new();
    let es256 = Issuer::token("ES256", "any", |message| issuer.ecdsa(message));
    let rs256 = Issuer::token("RS256", "any", |message| {
        issuer.rsa(&signature::RSA_PKCS1_SHA256, message)
    });
    let tokens = [es256, rs256];
    assert_eq!(
        issuer.verdicts(["--key", "ec.pem"], &tokens),
        ["ok ES256", "alg-key-mismatch"]
    );
    assert_eq!(
        issuer.verdicts(["--key", "rsa.pem"], &tokens),
        ["alg-key-mismatch", "ok RS256"]
    );
}
