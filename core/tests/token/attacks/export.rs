//! The rows as a file, for the other runtimes: whatever is refused here must be refused there for the same reason.
//!
//! Left out are expectations that the package does not offer, and of the rows whose signature a platform checks those that
//! are not refused for it: the scheme here is an ideal, so what is good in it is good nowhere else. What must be bad in it
//! must be bad everywhere.

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::signature::Finding;
use edgeward_core::token::{Audiences, KeyIdRule, Unverified, verify_with};
use serde_json::{Value, json};

use super::{OK, Platform, Row, rows};
use crate::export::write_down;
use crate::forge::{NOW, claims, with_claims};

const FILE: &str = "attack_corpus.json";
/// The longest leeway that the package takes.
const LONGEST_LEEWAY: i64 = 300;
/// Good tokens under the key of most rows: twice what makes core prepare it (`core/src/signature/ed25519/life.rs`).
const WARM: u32 = 16;

fn exported(row: &Row) -> Option<Value> {
    let jwks: Value = serde_json::from_str(&row.jwks).unwrap();
    let keys = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
    assert_eq!(keys.fingerprint(), row.keys.fingerprint(), "{}", row.about);
    let audience = match &row.expect.audiences {
        Audiences::OneOf(none) if none.is_empty() => return None,
        Audiences::OneOf(some) => json!(some),
        Audiences::Unchecked => Value::Null,
    };
    // The package does not even begin without a key; see `key_sets::export`.
    if keys.is_empty() || !(0..=LONGEST_LEEWAY).contains(&row.expect.leeway_seconds) {
        return None;
    }
    let bad = Reject::SignatureInvalid;
    let asked = verify_with(&row.token, &row.keys, &row.expect, None, NOW);
    let (needs_platform, code, reason) = match (&row.platform, asked) {
        (_, Ok(_)) => (false, OK, OK),
        (_, Err(Unverified::Rejected(reject))) => (false, reject.code(), reject.reason()),
        (
            Platform::Judges | Platform::Says(Finding::Invalid),
            Err(Unverified::NeedsSignature(_)),
        ) if row.reason == bad.reason() => (true, bad.code(), bad.reason()),
        (_, Err(Unverified::NeedsSignature(_))) => return None,
    };
    Some(json!({
        "about": row.about,
        "token": row.token,
        "said": format!("{code} {reason}"),
        "needsPlatform": needs_platform,
        "options": {
            "issuer": row.expect.issuer,
            "audience": audience,
            "typ": row.expect.token_type.name(),
            "leewaySeconds": row.expect.leeway_seconds,
            "keyId": match row.expect.key_id {
                KeyIdRule::Required => "required",
                KeyIdRule::OptionalForSetOfOne => "optional",
            },
            "jwks": jwks,
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
    let of_platforms = exported.iter().filter(|row| row["needsPlatform"] == true);
    assert!(of_platforms.count() >= 20);
    let warm: Vec<_> = (0..WARM)
        .map(|number| with_claims(claims().with("jti", &format!("\"{number}\""))))
        .collect();
    let corpus = json!({ "now": NOW.seconds(), "warm": warm, "rows": exported });
    write_down(FILE, &corpus.to_string());
}
