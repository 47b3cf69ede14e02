//! Tokens with their verdicts, as core's own tests write them down.

use serde_json::Value;

use crate::world::given;

/// What is signed here is committed, because it is searched for and not only made.
const SIGNATURES: &str = include_str!("../../core/tests/vectors/signatures.json");

/// The corpus of signatures: each group has a key and what is said of its rows.
#[must_use]
pub fn signatures() -> Value {
    serde_json::from_str(SIGNATURES).expect("a corpus in JSON")
}

/// The attacks, as core wrote them down before the stories began.
#[must_use]
pub fn attacks() -> Value {
    let file = given("CORPORA").join("attack_corpus.json");
    let text = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).expect("a corpus in JSON")
}
