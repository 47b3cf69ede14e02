//! Which of two broken rules is the answer: the one that stands first in `Reject::ALL`, which is the order of the page
//! `docs/VERIFICATION.md`.

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::token::{TokenType, verify};

use crate::forge::*;

/// What a token is made of, as far as rules can be broken in it.
#[derive(Clone)]
struct Plan {
    header: Object,
    claims: Object,
    keys: Vec<String>,
    signature: Signature,
    expected_type: TokenType,
}

#[derive(Clone, Copy)]
enum Signature {
    Good,
    Short,
    OfAnother,
}

impl Plan {
    fn good() -> Self {
        Self {
            header: header(),
            claims: claims(),
            keys: vec![jwk(&format!(",\"kid\":\"{KID}\""))],
            signature: Signature::Good,
            expected_type: TokenType::Access,
        }
    }

    fn outcome(&self) -> Result<(), Reject> {
        let token = forge(self.header.text(), self.claims.text());
        let input = token.rsplit_once('.').unwrap().0;
        let token = match self.signature {
            Signature::Good => token,
            Signature::Short => format!("{input}.{}", base64url([1; 63])),
            Signature::OfAnother => format!("{input}.{}", good().rsplit_once('.').unwrap().1),
        };
        let keys = KeySet::parse(set(&self.keys).as_bytes()).unwrap();
        let mut expect = expect();
        expect.token_type = self.expected_type.clone();
        verify(&token, &keys, &expect, NOW).map(|_| ())
    }
}

/// A way to break one rule, and what of the plan it takes for itself: two that take the same cannot be broken together.
struct Breach {
    rule: Reject,
    takes: &'static [&'static str],
    break_it: fn(&mut Plan),
}

fn header_member(plan: &mut Plan, name: &str, json: &str) {
    plan.header = plan.header.clone().with(name, json);
}

fn claim(plan: &mut Plan, name: &str, json: &str) {
    plan.claims = plan.claims.clone().with(name, json);
}

fn no_claim(plan: &mut Plan, name: &str) {
    plan.claims = plan.claims.clone().without(name);
}

macro_rules! breaches {
    ($( $rule:ident takes [$($taken:literal),*] by |$plan:ident| $break_it:expr; )*) => {
        vec![ $( Breach {
            rule: Reject::$rule,
            takes: &[$($taken),*],
            break_it: |$plan| $break_it,
        }, )* ]
    };
}

/// In the order in which they stand in `Reject::ALL`; what is above is about the bytes of one segment, and not about a rule
/// that could be broken beside another.
fn breaches() -> Vec<Breach> {
    breaches! {
        CriticalExtension takes ["crit"] by |plan| header_member(plan, "crit", "[\"exp\"]");
        UnencodedPayload takes ["b64"] by |plan| header_member(plan, "b64", "true");
        NestedContent takes ["cty"] by |plan| header_member(plan, "cty", "\"JWT\"");
        EmbeddedKey takes ["jku"] by |plan| header_member(plan, "jku", "\"https://evil.example\"");
        AlgorithmMissing takes ["alg"] by |plan| plan.header = plan.header.clone().without("alg");
        AlgorithmMalformed takes ["alg"] by |plan| header_member(plan, "alg", "1");
        KeyIdMalformed takes ["kid"] by |plan| header_member(plan, "kid", "\"a b\"");
        TypeMalformed takes ["typ"] by |plan| header_member(plan, "typ", "1");
        AlgorithmNotAllowed takes ["alg"] by |plan| header_member(plan, "alg", "\"HS256\"");
        TypeMissing takes ["typ"] by |plan| plan.header = plan.header.clone().without("typ");
        TypeMismatch takes ["typ"] by |plan| header_member(plan, "typ", "\"JWT\"");
        KeysUnavailable takes ["keys"] by |plan| plan.keys.clear();
        KeyIdMissing takes ["kid", "keys"] by |plan| plan.header = plan.header.clone().without("kid");
        UnknownKey takes ["kid", "keys"] by |plan| header_member(plan, "kid", "\"other\"");
        AlgorithmKeyMismatch takes ["alg", "keys", "kid"] by |plan| header_member(plan, "alg", "\"ES256\"");
        KeyTypeRestricted takes ["keys", "kid", "typ"] by |plan| {
            plan.keys = vec![jwk(&format!(",\"kid\":\"{KID}\",\"edgeward_typ\":\"edge+jwt\""))];
        };
        SignatureLength takes ["signature"] by |plan| plan.signature = Signature::Short;
        SignatureInvalid takes ["signature"] by |plan| {
            plan.signature = Signature::OfAnother;
            claim(plan, "other", "1");
        };
        IssuerMissing takes ["iss"] by |plan| no_claim(plan, "iss");
        IssuerMalformed takes ["iss"] by |plan| claim(plan, "iss", "[]");
        ClaimMalformed takes ["sub"] by |plan| claim(plan, "sub", "1");
        ScopeMalformed takes ["scope"] by |plan| claim(plan, "scope", "[]");
        AudienceMalformed takes ["aud"] by |plan| claim(plan, "aud", "[]");
        ExpiryMissing takes ["exp"] by |plan| no_claim(plan, "exp");
        TimeMalformed takes ["exp"] by |plan| claim(plan, "exp", "\"soon\"");
        TimeOutOfRange takes ["exp"] by |plan| claim(plan, "exp", "253402300800");
        SequenceMalformed takes ["seq"] by |plan| claim(plan, "seq", "-1");
        RolesMalformed takes ["roles"] by |plan| claim(plan, "roles", "\"admin\"");
        MethodsMalformed takes ["amr"] by |plan| claim(plan, "amr", "1");
        IssuerMismatch takes ["iss"] by |plan| claim(plan, "iss", "\"https://evil.example\"");
        AudienceMissing takes ["aud"] by |plan| no_claim(plan, "aud");
        AudienceMismatch takes ["aud"] by |plan| claim(plan, "aud", "\"https://other.example\"");
        Expired takes ["exp"] by |plan| claim(plan, "exp", "1600000000");
        NotYetValid takes ["nbf"] by |plan| claim(plan, "nbf", "1800000000");
        IssuedInTheFuture takes ["iat"] by |plan| claim(plan, "iat", "1800000000");
    }
}

fn place(rule: Reject) -> usize {
    Reject::ALL.iter().position(|other| *other == rule).unwrap()
}

#[test]
fn one_broken_rule_is_the_answer() {
    assert_eq!(Plan::good().outcome(), Ok(()));
    for breach in breaches() {
        let mut plan = Plan::good();
        (breach.break_it)(&mut plan);
        assert_eq!(plan.outcome(), Err(breach.rule));
    }
}

#[test]
fn of_two_broken_rules_the_first_in_the_list_is_the_answer() {
    let breaches = breaches();
    let mut pairs = 0;
    for (at, first) in breaches.iter().enumerate() {
        for second in &breaches[at + 1..] {
            assert!(
                place(first.rule) < place(second.rule),
                "the table is in order"
            );
            if first.takes.iter().any(|taken| second.takes.contains(taken)) {
                continue;
            }
            let mut plan = Plan::good();
            (first.break_it)(&mut plan);
            (second.break_it)(&mut plan);
            let both = format!("{:?} and {:?}", first.rule, second.rule);
            assert_eq!(plan.outcome(), Err(first.rule), "{both}");
            pairs += 1;
        }
    }
    assert!(pairs > 500, "{pairs} pairs can be broken together");
}

#[test]
fn every_rule_that_can_be_broken_beside_another_is_in_the_table() {
    // The rules on bytes come before, and what a platform says of a key needs a platform.
    let first = place(Reject::CriticalExtension);
    let missing: Vec<_> = Reject::ALL[first..]
        .iter()
        .filter(|rule| !breaches().iter().any(|breach| breach.rule == **rule))
        .collect();
    assert_eq!(missing, [&Reject::KeyRefused, &Reject::SignatureNotChecked]);
}
