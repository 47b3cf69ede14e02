//! Each class of token at each door: it opens its own, and no other.

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType, verify};
use edgeward_tests::{Person, World};
use serde_json::json;

/// What a person's browser, the edge and the app hold of one sign-in.
const CLASSES: [&str; 6] = [
    "session",
    "access",
    "refresh",
    "csrf",
    "assertion",
    "edge proof",
];

/// The doors, and the one class that each is for.
const DOORS: [(&str, &str); 10] = [
    ("verify-token, as bearer", "access"),
    ("verify-token, as cookie", "access"),
    ("the app, as bearer", "access"),
    ("the app, as cookie", "access"),
    ("the issuer, as bearer", "access"),
    ("the issuer, as session", "session"),
    ("an act, as CSRF token", "csrf"),
    ("the issuer, as proof", "edge proof"),
    ("the app's verifier, as assertion", "assertion"),
    // Last, because it takes the token's place.
    ("a refresh", "refresh"),
];

/// The target whose proof is kept; a proof is good for its own request.
const PROVED: &str = "/auth/csrf";

struct Held {
    world: World,
    ada: Person,
    keys: KeySet,
    values: [String; CLASSES.len()],
}

impl Held {
    async fn by_ada() -> Self {
        let world = World::start().await;
        let ada = world.user("ada").await;
        ada.log_in().await;
        let _ = ada.get("/api/echo").send().await.expect(200);
        let _ = ada.get(PROVED).send().await.expect(200);
        let keys = ada.get("/.well-known/jwks.json").send().await.expect(200);
        let to_app = world.to_app().seen();
        let to_issuer = world.to_issuer().seen();
        let proved = to_issuer.iter().rfind(|seen| seen.target == PROVED);
        let first = |values: Vec<&str>| values.first().copied().unwrap_or_default().to_owned();
        let assertion = to_app.last().map(|seen| seen.header("edgeward-assertion"));
        let proof = proved.map(|seen| seen.header("edgeward-proof"));
        let cookie = |end| ada.cookie(end).expect("a cookie of hers").value;
        Self {
            keys: KeySet::parse(keys.body.as_bytes()).expect("a key set"),
            values: [
                cookie("session"),
                cookie("access"),
                cookie("refresh"),
                cookie("csrf"),
                first(assertion.unwrap_or_default()),
                first(proof.unwrap_or_default()),
            ],
            world,
            ada,
        }
    }

    /// Whether a door opens to a value.
    async fn opens(&self, door: &str, value: &str) -> bool {
        let browser = self.world.browser();
        let own = |end| self.ada.cookie(end).expect("a cookie of hers").value;
        let get = |path, name: &str| {
            let cookie = format!("edgeward-{name}={value}");
            browser.get(path).header("cookie", &cookie)
        };
        let asked = match door {
            "verify-token, as bearer" => browser.get("/auth/verify-token").bearer(value),
            "verify-token, as cookie" => get("/auth/verify-token", "access"),
            "the app, as bearer" => browser.get("/api/echo").bearer(value),
            "the app, as cookie" => get("/api/echo", "access"),
            "the issuer, as bearer" => browser.get("/auth/me").bearer(value),
            "the issuer, as session" => get("/auth/me", "session"),
            "an act, as CSRF token" => {
                let cookies = format!("edgeward-session={}; edgeward-csrf={value}", own("session"));
                let act = browser.post("/auth/logout-all").header("cookie", &cookies);
                act.header("x-csrf-token", value)
                    .json(&json!({ "exceptCurrent": true }))
            }
            "the issuer, as proof" => {
                let stranger = self.world.stranger_at_the_issuer();
                stranger.get(PROVED).header("edgeward-proof", value)
            }
            "a refresh" => {
                let (session, csrf) = (own("session"), own("csrf"));
                let cookies = format!(
                    "edgeward-session={session}; edgeward-csrf={csrf}; edgeward-refresh={value}"
                );
                let refresh = browser.post("/auth/refresh").header("cookie", &cookies);
                refresh.header("x-csrf-token", &csrf)
            }
            _ => {
                let site = self.world.site.origin.clone();
                let audiences = Audiences::OneOf(vec![site.clone()]);
                let expect = Expectations::new(site, audiences, TokenType::Assertion);
                let now = UnixTime::from_seconds(self.world.now());
                return verify(value, &self.keys, &expect, now).is_ok();
            }
        };
        let status = asked.send().await.status;
        assert!(
            matches!(status, 200 | 204 | 401 | 403),
            "{door} answers {status}"
        );
        status < 300
    }
}

#[tokio::test]
async fn a_token_of_one_class_is_never_used_as_one_of_another() {
    let held = Held::by_ada().await;
    for (door, its_own) in DOORS {
        for (class, value) in CLASSES.iter().zip(&held.values) {
            assert!(value.len() > 20, "{class}: {value}");
            if *class != its_own {
                assert!(!held.opens(door, value).await, "{door} opens to {class}");
            }
        }
        // Afterwards, so that what was refused did it no harm.
        for (class, value) in CLASSES.iter().zip(&held.values) {
            if *class == its_own {
                assert!(held.opens(door, value).await, "{door} is shut to {class}");
            }
        }
    }
}
