//! The tables as a file, for the other runtimes: what is read and what is refused here must be there, for the same reason.
//!
//! The package does not show the keys of a set. So a set that is read goes with probes: tokens that name each key of the set,
//! and names without a key, in each algorithm. Their signature has no length that any has, so that every reason before the
//! signature tells how the key was read, and no platform is asked.

use edgeward_core::keys::{KeySet, NO_USABLE_KEY};
use edgeward_core::token::{Unverified, verify_with};
use serde_json::{Value, json};

use super::{Row, pem, rows};
use crate::export::write_down;
use crate::forge::{KID, NOW, base64url, claims, expect, header};

const FILE: &str = "key_set_corpus.json";
const ALGORITHMS: [&str; 4] = ["EdDSA", "Ed25519", "ES256", "RS256"];

fn probe(kid: &str, alg: &str) -> String {
    let header = header()
        .with("kid", &format!("\"{kid}\""))
        .with("alg", &format!("\"{alg}\""));
    let payload = base64url(claims().text());
    format!("{}.{payload}.AA", base64url(header.text()))
}

fn probes(keys: &KeySet) -> Vec<Value> {
    let named = keys.keys().map(|key| key.key_id());
    let mut names: Vec<_> = named.chain(["k", KID, "nobody's"]).collect();
    names.sort_unstable();
    names.dedup();
    names
        .iter()
        .flat_map(|kid| ALGORITHMS.map(|alg| probe(kid, alg)))
        .map(
            |token| match verify_with(&token, keys, &expect(), None, NOW) {
                Err(Unverified::Rejected(reject)) => {
                    json!({ "token": token, "said": reject.reason() })
                }
                Ok(_) | Err(Unverified::NeedsSignature(_)) => panic!("a probe passed: {token}"),
            },
        )
        .collect()
}

fn exported((about, document, _): &Row) -> Value {
    let outcome = KeySet::parse(document);
    let refused = match &outcome {
        Ok(keys) => keys.is_empty().then_some(NO_USABLE_KEY),
        Err(error) => Some(error.reason()),
    };
    let probes = match &outcome {
        Ok(keys) if !keys.is_empty() => probes(keys),
        Ok(_) | Err(_) => Vec::new(),
    };
    json!({ "about": about, "document": base64url(document), "refused": refused, "probes": probes })
}

fn exported_pem((about, pem, _): &pem::Row) -> Value {
    let outcome = KeySet::from_spki_pem(pem);
    json!({ "about": about, "pem": pem, "refused": outcome.err().map(|error| error.reason()) })
}

#[test]
fn the_other_runtimes_get_all_sets_and_keys() {
    let sets: Vec<_> = rows().iter().map(exported).collect();
    let pems: Vec<_> = pem::rows().iter().map(exported_pem).collect();
    let corpus = json!({ "now": NOW.seconds(), "sets": sets, "pems": pems });
    write_down(FILE, &corpus.to_string());
}
