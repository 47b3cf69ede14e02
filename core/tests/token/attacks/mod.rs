//! One row for each known attack on a verifier, with the exact rule that stops it. Every token is
//! signed with the issuer's own key unless the attack is about the signature, so that no row passes
//! for a reason it does not name.

mod segments;
mod json_text;
mod header;
mod key;
mod signature;
pub(crate) mod platform_signature;
mod claim_form;
mod claim_content;
mod export;

use std::collections::BTreeSet;

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::signature::Finding;
use edgeward_core::token::{Expectations, Unverified, verify, verify_with};

use crate::forge::{NOW, expect, keys};
use crate::platform::judge;

const OK: &str = "ok";

struct Row {
    about: String,
    token: String,
    /// The document that the keys were read from.
    jwks: String,
    keys: KeySet,
    expect: Expectations,
    reason: &'static str,
    platform: Platform,
}

/// Who checks the signatures that this crate does not check.
enum Platform {
    Nobody,
    /// It must be asked, and says this whatever it is asked.
    Says(Finding),
    /// It may be asked, and looks.
    Judges,
}

impl Row {
    fn keys(mut self, json: &str) -> Self {
        self.keys = KeySet::parse(json.as_bytes()).unwrap();
        self.jwks = json.to_owned();
        self
    }

    fn expecting(mut self, change: impl FnOnce(&mut Expectations)) -> Self {
        change(&mut self.expect);
        self
    }

    fn found(mut self, finding: Finding) -> Self {
        self.platform = Platform::Says(finding);
        self
    }

    fn judged(mut self) -> Self {
        self.platform = Platform::Judges;
        self
    }

    fn outcome(&self) -> Result<(), Reject> {
        let ask =
            |answer| verify_with(&self.token, &self.keys, &self.expect, answer, NOW).map(|_| ());
        let question = match (&self.platform, ask(None)) {
            (Platform::Nobody, _) => {
                return verify(&self.token, &self.keys, &self.expect, NOW).map(|_| ());
            }
            (Platform::Says(_) | Platform::Judges, Err(Unverified::NeedsSignature(question))) => {
                question
            }
            (Platform::Judges, Err(Unverified::Rejected(reject))) => return Err(reject),
            (Platform::Says(_), Err(Unverified::Rejected(_)))
            | (Platform::Says(_) | Platform::Judges, Ok(())) => {
                panic!("{}: the platform was not asked", self.about)
            }
        };
        let finding = match self.platform {
            Platform::Says(finding) => finding,
            Platform::Judges | Platform::Nobody => judge(&question),
        };
        match ask(Some(&question.answer(finding))) {
            Ok(()) => Ok(()),
            Err(Unverified::Rejected(reject)) => Err(reject),
            Err(Unverified::NeedsSignature(_)) => panic!("{}: asked twice", self.about),
        }
    }

    fn check(&self, failures: &mut Vec<String>) {
        let outcome = match self.outcome() {
            Ok(()) => OK,
            Err(reject) => reject.reason(),
        };
        if outcome != self.reason {
            failures.push(format!(
                "{}: expected {}, got {outcome}",
                self.about, self.reason
            ));
        }
    }
}

fn row(about: impl Into<String>, token: impl Into<String>, reason: &'static str) -> Row {
    Row {
        about: about.into(),
        token: token.into(),
        jwks: keys().to_json(),
        keys: keys(),
        expect: expect(),
        reason,
        platform: Platform::Nobody,
    }
}

fn rows() -> Vec<Row> {
    [
        segments::rows(),
        json_text::rows(),
        header::rows(),
        key::rows(),
        signature::rows(),
        platform_signature::rows(),
        claim_form::rows(),
        claim_content::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_attack_meets_its_rule() {
    let mut failures = Vec::new();
    for row in rows() {
        row.check(&mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_stops_an_attack() {
    let reached: BTreeSet<_> = rows().iter().map(|row| row.reason).collect();
    let unreached: Vec<_> = Reject::ALL
        .iter()
        .map(Reject::reason)
        .filter(|reason| !reached.contains(reason))
        .collect();
    assert!(unreached.is_empty(), "no row for {unreached:?}");
}
