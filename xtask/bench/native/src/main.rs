//! Verification in a native program: `edgeward_core::token::verify` beside `jsonwebtoken` and `jwt-simple`.
//!
//! Standard input is one JSON object with a set of keys and tokens for each algorithm. Standard output is one with, for each
//! algorithm and contender, the microseconds of each round, or the reason why it did not run. The contenders take turns in
//! every round, and each ends its turn with a forged token that it has to refuse.

mod contenders;

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use contenders::Verify;

/// Tokens of one turn, as in the other runtimes.
const BATCH: usize = 256;

/// Keys and tokens of one algorithm.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Set {
    algorithm: String,
    issuer: String,
    audience: String,
    typ: String,
    jwks: Value,
    public_pem: String,
    tokens: Vec<String>,
    forged: Vec<String>,
    wrong: BTreeMap<String, String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sets: BTreeMap<String, Set> = serde_json::from_reader(io::stdin().lock())?;
    let results: BTreeMap<&String, Value> = sets
        .iter()
        .map(|(name, set)| (name, measure(set)))
        .collect();
    println!("{}", json!(results));
    Ok(())
}

fn measure(set: &Set) -> Value {
    let mut results = serde_json::Map::new();
    let mut running = Vec::new();
    for (name, made) in contenders::all(set) {
        match made.and_then(|mut verify| prove(set, &mut verify).map(|accepts| (verify, accepts))) {
            Ok((verify, accepts)) => running.push((name, verify, accepts, Vec::new())),
            Err(failed) => {
                results.insert(name.to_owned(), json!({ "failed": failed }));
            }
        }
    }
    let count = running.len();
    for (round, tokens) in set.tokens.chunks_exact(BATCH).enumerate() {
        for turn in 0..count {
            let (name, verify, _, micros) = &mut running[(turn + round) % count];
            let start = Instant::now();
            for token in tokens {
                verify(token).unwrap_or_else(|reason| panic!("{name} refuses a token: {reason}"));
            }
            let forged = &set.forged[round % set.forged.len()];
            assert!(verify(forged).is_err(), "{name} accepts a forged token");
            micros.push(start.elapsed().as_secs_f64() * 1e6 / BATCH as f64);
        }
    }
    for (name, _, accepts, micros) in running {
        results.insert(
            name.to_owned(),
            json!({ "accepts": accepts, "micros": micros }),
        );
    }
    Value::Object(results)
}

/// The bad tokens that a contender takes for good; a forged signature among them ends its part.
fn prove(set: &Set, verify: &mut Verify<'_>) -> Result<Vec<String>, String> {
    if let Some(good) = set.tokens.first() {
        verify(good)?;
    }
    let accepted = set.wrong.iter().filter(|(_, token)| verify(token).is_ok());
    let accepts: Vec<String> = accepted.map(|(what, _)| what.clone()).collect();
    if accepts.iter().any(|what| what == "a forged signature") {
        return Err("accepts a forged signature".to_owned());
    }
    Ok(accepts)
}
