//! The rows as a file, for the other runtimes: whatever is refused here must be refused there for the same reason.
//!
//! Left out are rows about signatures that a platform checks, because the one here is an ideal, and expectations that the
//! package does not offer.

use std::fs;
use std::path::Path;

use edgeward_core::keys::KeySet;
use edgeward_core::token::{Audiences, KeyIdRule, Unverified, verify_with};
use serde_json::{Value, json};

use super::{OK, Row, rows};
use crate::forge::NOW;

/// Below the folder that cargo keeps for tests.
const FILE: &str = "attack_corpus.json";
/// The longest leeway that the package takes.
const LONGEST_LEEWAY: i64 = 300;

fn exported(row: &Row) -> Option<Value> {
    let jwks = row.keys.to_json();
    let is_whole = KeySet::parse(jwks.as_bytes())
        .is_ok_and(|keys| !keys.is_empty() && keys.fingerprint() == row.keys.fingerprint());
    let audience = match &row.expect.audiences {
        Audiences::OneOf(none) if none.is_empty() => return None,
        Audiences::OneOf(some) => json!(some),
        Audiences::Unchecked => Value::Null,
    };
    if !is_whole || !(0..=LONGEST_LEEWAY).contains(&row.expect.leeway_seconds) {
        return None;
    }
    let (code, reason) = match verify_with(&row.token, &row.keys, &row.expect, None, NOW) {
        Ok(_) => (OK, OK),
        Err(Unverified::Rejected(reject)) => (reject.code(), reject.reason()),
        Err(Unverified::NeedsSignature(_)) => return None,
    };
    Some(json!({
        "about": row.about,
        "token": row.token,
        "said": format!("{code} {reason}"),
        "options": {
            "issuer": row.expect.issuer,
            "audience": audience,
            "typ": row.expect.token_type.name(),
            "leewaySeconds": row.expect.leeway_seconds,
            "keyId": match row.expect.key_id {
                KeyIdRule::Required => "required",
                KeyIdRule::OptionalForSetOfOne => "optional",
            },
            "jwks": serde_json::from_str::<Value>(&jwks).unwrap(),
        },
    }))
}

#[test]
fn the_other_runtimes_get_nearly_all_attacks() {
    let rows = rows();
    let exported: Vec<_> = rows.iter().filter_map(exported).collect();
    assert!(
        exported.len() * 5 >= rows.len() * 4,
        "{} of {} rows",
        exported.len(),
        rows.len()
    );
    let corpus = json!({ "now": NOW.seconds(), "rows": exported });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(FILE);
    fs::write(&file, corpus.to_string()).unwrap();
}
