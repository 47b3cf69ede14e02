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

/// Why a row is left out, and how many are. Whoever adds such a row counts it here; a row that is missing for another reason is none.
const LEFT_OUT: [(&str, usize); 3] = [
    ("an expectation of no audience", 1),
    ("no key, or a leeway, that the package does not take", 6),
    ("not refused for the signature that a platform checks", 15),
];

fn exported(row: &Row) -> Result<Value, &'static str> {
    let [(no_audience, _), (not_taken, _), (of_platform, _)] = LEFT_OUT;
    let jwks: Value = serde_json::from_str(&row.jwks).unwrap();
    let keys = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
    assert_eq!(keys.fingerprint(), row.keys.fingerprint(), "{}", row.about);
    let audience = match &row.expect.audiences {
        Audiences::OneOf(none) if none.is_empty() => return Err(no_audience),
        Audiences::OneOf(some) => json!(some),
        Audiences::Unchecked => Value::Null,
    };
    // The package does not even begin without a key; see `key_sets::export`.
    if keys.is_empty() || !(0..=LONGEST_LEEWAY).contains(&row.expect.leeway_seconds) {
        return Err(not_taken);
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
        (_, Err(Unverified::NeedsSignature(_))) => return Err(of_platform),
    };
    Ok(json!({
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
fn the_other_runtimes_get_all_attacks_but_those_that_are_named() {
    let (mut exported, mut left_out) = (Vec::new(), LEFT_OUT.map(|(why, _)| (why, 0)));
    for row in rows() {
        match self::exported(&row) {
            Ok(row) => exported.push(row),
            Err(why) => {
                let mut reasons = left_out.iter_mut();
                reasons.find(|(reason, _)| *reason == why).unwrap().1 += 1;
            }
        }
    }
    assert_eq!(left_out, LEFT_OUT);
    let of_platforms = exported.iter().filter(|row| row["needsPlatform"] == true);
    assert!(of_platforms.count() >= 20);
    let warm: Vec<_> = (0..WARM)
        .map(|number| with_claims(claims().with("jti", &format!("\"{number}\""))))
        .collect();
    let corpus = json!({ "now": NOW.seconds(), "warm": warm, "rows": exported });
    write_down(FILE, &corpus.to_string());
}
