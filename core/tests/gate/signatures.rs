//! Tokens whose signature the platform checks, and tokens that were seen before: what changes is how often somebody is
//! asked, never what is decided.

use std::cell::RefCell;

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::gate::Decision;
use edgeward_core::keys::KeySet;
use edgeward_core::signature::{Finding, SignatureAnswer, SignatureQuestion};
use edgeward_core::token::SeenTokens;
use serde_json::json;

use crate::site::{ISSUER, NOW, Site, call, told};

/// A site whose issuer signs with P-256.
struct Curve {
    site: Site,
    seen: RefCell<SeenTokens>,
}

impl Curve {
    fn new() -> Self {
        let mut site = Site::new();
        let coordinate = Base64UrlUnpadded::encode_string(&[1; 32]);
        let keys = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "p", "x": coordinate, "y": coordinate},
        ]});
        site.keys = Some(KeySet::parse(keys.to_string().as_bytes()).unwrap());
        Self {
            site,
            seen: RefCell::new(SeenTokens::new()),
        }
    }

    fn ask(
        &self,
        target: &str,
        token: &str,
        answer: Option<&SignatureAnswer>,
        now: i64,
    ) -> Decision {
        let request = call("GET", target).with(token);
        self.site
            .ask_knowing(&request, answer, Some(&self.seen), now)
    }

    fn question(&self, target: &str, token: &str) -> SignatureQuestion {
        match self.ask(target, token, None, NOW) {
            Decision::NeedsSignature(question) => *question,
            other => panic!("a question expected: {other:?}"),
        }
    }

    /// What is decided after the platform found this.
    fn after(&self, finding: Finding, target: &str, token: &str) -> String {
        let answer = self.question(target, token).answer(finding);
        told(self.ask(target, token, Some(&answer), NOW))
    }
}

fn token(roles: &[&str]) -> String {
    let encode =
        |json: serde_json::Value| Base64UrlUnpadded::encode_string(json.to_string().as_bytes());
    let header = encode(json!({"alg": "ES256", "kid": "p", "typ": "at+jwt"}));
    let claims = encode(json!({
        "iss": ISSUER, "aud": ISSUER, "sub": "ada", "iat": NOW, "exp": NOW + 600, "roles": roles,
    }));
    let signature = Base64UrlUnpadded::encode_string(&[5; 64]);
    format!("{header}.{claims}.{signature}")
}

#[test]
fn the_platform_is_asked_once_and_its_finding_decides() {
    let ada = token(&["user"]);
    let check = |finding, target, expected| {
        assert_eq!(
            Curve::new().after(finding, target, &ada),
            expected,
            "{finding:?} {target}"
        );
    };
    check(Finding::Valid, "/app", "forward /app to app as ada");
    check(Finding::Invalid, "/app", "401 INVALID_TOKEN");
    check(Finding::KeyRefused, "/app", "401 INVALID_TOKEN");
    check(Finding::NotChecked, "/app", "503 KEYS_UNAVAILABLE");
    check(Finding::Valid, "/", "forward / to app as ada");
    check(Finding::Invalid, "/", "forward / to app as nobody");
    check(Finding::NotChecked, "/", "forward / to app as nobody");
    check(Finding::Valid, "/admin", "403 INSUFFICIENT_ROLE");
    // What no signature could let pass is refused without one.
    assert_eq!(
        told(Curve::new().ask("/nowhere", &ada, None, NOW)),
        "403 ROUTE_DENIED"
    );
}

#[test]
fn a_finding_about_another_token_asks_again() {
    let curve = Curve::new();
    let (ada, admin) = (token(&["user"]), token(&["admin"]));
    let answer = curve.question("/admin", &ada).answer(Finding::Valid);
    assert_eq!(
        told(curve.ask("/admin", &admin, Some(&answer), NOW)),
        "needs ES256 checked"
    );
}

#[test]
fn a_seen_token_asks_nobody_and_is_judged_like_a_new_one() {
    let mut curve = Curve::new();
    let ada = token(&["user"]);
    let ask = |curve: &Curve, target: &str, now| told(curve.ask(target, &ada, None, now));
    assert_eq!(
        curve.after(Finding::Valid, "/app", &ada),
        "forward /app to app as ada"
    );
    assert_eq!(ask(&curve, "/app", NOW), "forward /app to app as ada");
    assert_eq!(ask(&curve, "/admin", NOW), "403 INSUFFICIENT_ROLE");
    assert_eq!(ask(&curve, "/app", NOW + 659), "forward /app to app as ada");
    assert_eq!(ask(&curve, "/app", NOW + 660), "401 TOKEN_EXPIRED");
    assert_eq!(ask(&curve, "/", NOW + 660), "forward / to app as nobody");
    assert_eq!(ask(&curve, "/app", NOW - 61), "401 TOKEN_NOT_YET_VALID");
    // Without keys nobody is known, whoever was known before.
    let keys = curve.site.keys.take();
    assert_eq!(ask(&curve, "/app", NOW), "needs keys");
    curve.site.keys_are_final = true;
    assert_eq!(ask(&curve, "/app", NOW), "503 KEYS_UNAVAILABLE");
    // Keys that changed under the same name are other keys.
    let changed = keys.unwrap().to_json().replace("AQEB", "AgIC");
    curve.site.keys = Some(KeySet::parse(changed.as_bytes()).unwrap());
    assert_eq!(ask(&curve, "/app", NOW), "needs ES256 checked");
}

#[test]
fn a_refused_token_is_asked_about_every_time() {
    let curve = Curve::new();
    let ada = token(&["user"]);
    for _ in 0..3 {
        assert_eq!(
            curve.after(Finding::Invalid, "/app", &ada),
            "401 INVALID_TOKEN"
        );
    }
    assert!(curve.seen.borrow().is_empty());
}
