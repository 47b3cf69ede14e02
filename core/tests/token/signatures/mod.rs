//! Signatures with their verdicts: one corpus for every verifier there is.
//!
//! It is made here and committed as `tests/vectors/signatures.json`. The issuer's tests put it to aws-lc, and the suite
//! `runtimes` to the package and to the bare WebCrypto of each runtime. A row has two verdicts, because they are two questions:
//! what a verifier of tokens says, and whether the equation of the signature holds for a platform that is asked for no more.

mod ed25519;
mod platform;
mod wycheproof;

use edgeward_core::keys::KeySet;
use edgeward_core::signature::Finding;
use edgeward_core::token::{Unverified, verify, verify_with};
use serde_json::{Value, json};

use crate::export::write_down;
use crate::forge::{NOW, expect, set};

const OK: &str = "ok";
const SIGNATURE_INVALID: &str = "signature-invalid";

const COMMITTED: &str = include_str!("../../vectors/signatures.json");
/// Where the corpus of today is written for whoever changed it.
const FILE: &str = "signatures.json";

/// One key, and what comes under it.
struct Group {
    about: String,
    alg: &'static str,
    jwk: String,
    /// Why the key is not read at all.
    refused: Option<&'static str>,
    /// Good tokens, enough for the key to be prepared for being used often.
    warm: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    about: String,
    token: String,
    /// [`OK`] or the reason; of a key that is not read, nothing is said.
    said: String,
    /// Whether the platform's bare check finds the signature good.
    bare: bool,
}

fn groups() -> Vec<Group> {
    [ed25519::groups(), platform::groups()]
        .into_iter()
        .flatten()
        .collect()
}

fn corpus() -> Value {
    let row = |row: &Row| json!({ "about": row.about, "token": row.token, "said": row.said, "bare": row.bare });
    let group = |group: &Group| {
        json!({
            "about": group.about,
            "alg": group.alg,
            "jwk": serde_json::from_str::<Value>(&group.jwk).unwrap(),
            "refused": group.refused,
            "warm": group.warm,
            "rows": group.rows.iter().map(row).collect::<Vec<_>>(),
        })
    };
    json!({ "now": NOW.seconds(), "groups": groups().iter().map(group).collect::<Vec<_>>() })
}

/// A row to a line, so that a change of one row is a change of one line.
fn as_text(corpus: &Value) -> String {
    let lines = |list: &Value| {
        let lines: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        format!("[\n{}\n]", lines.join(",\n"))
    };
    let groups = corpus["groups"].as_array().unwrap().iter().map(|group| {
        format!(
            "{{\"about\":{},\"alg\":{},\"refused\":{},\"jwk\":{},\n\"warm\":{},\n\"rows\":{}}}",
            group["about"],
            group["alg"],
            group["refused"],
            group["jwk"],
            lines(&group["warm"]),
            lines(&group["rows"])
        )
    });
    let groups: Vec<_> = groups.collect();
    format!(
        "{{\"now\":{},\"groups\":[\n{}\n]}}\n",
        corpus["now"],
        groups.join(",\n")
    )
}

#[test]
fn the_committed_corpus_is_the_one_made_here() {
    let made = corpus();
    let committed: Value = serde_json::from_str(COMMITTED).unwrap_or_default();
    if made != committed {
        let file = write_down(FILE, &as_text(&made));
        panic!(
            "core/tests/vectors/{FILE} should be what stands in {}",
            file.display()
        );
    }
}

#[test]
fn every_key_and_signature_meets_its_verdict() {
    let mut wrong = Vec::new();
    for group in groups() {
        let keys = KeySet::parse(set(std::slice::from_ref(&group.jwk)).as_bytes());
        let reason = keys.as_ref().err().map(|error| error.reason());
        assert_eq!(reason, group.refused, "{}", group.about);
        let Ok(keys) = keys else {
            continue;
        };
        // First with a key that nobody has used, then with one that was used often.
        for token in &group.warm {
            let outcome = verify(token, &keys, &expect(), NOW).map(|_| ());
            assert_eq!(outcome, Ok(()), "{}", group.about);
        }
        for row in &group.rows {
            let fresh = KeySet::from_keys(keys.keys().cloned()).unwrap();
            for (use_, keys) in [("fresh", &fresh), ("used", &keys)] {
                let said = row.said_of(keys);
                if said != row.said {
                    let Row {
                        about,
                        said: expected,
                        ..
                    } = row;
                    wrong.push(format!(
                        "{}, {about}, {use_}: {said} instead of {expected}",
                        group.about
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Row {
    /// What core says where the platform says what the row expects of it.
    fn said_of(&self, keys: &KeySet) -> &'static str {
        let ask = |answer| verify_with(&self.token, keys, &expect(), answer, NOW).map(|_| ());
        let mut outcome = ask(None);
        if let Err(Unverified::NeedsSignature(question)) = outcome {
            let finding = match (self.bare, self.said.as_str()) {
                (true, _) => Finding::Valid,
                (false, "key-refused") => Finding::KeyRefused,
                (false, _) => Finding::Invalid,
            };
            outcome = ask(Some(&question.answer(finding)));
        }
        match outcome {
            Ok(()) => OK,
            Err(Unverified::Rejected(reject)) => reject.reason(),
            Err(Unverified::NeedsSignature(_)) => panic!("{}: asked twice", self.about),
        }
    }
}
