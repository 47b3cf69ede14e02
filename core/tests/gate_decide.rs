//! Decisions about whole requests, with tokens signed by a real key.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "the story's own steps fail by panicking, outside of #[test] functions too"
)]

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment};
use edgeward_core::gate::{
    CanonicalPath, Credential, Decision, Destination, Gate, KeyDemand, Permit, PolicyState,
    Refusal, RequestView, ResponsePolicy, decide,
};
use edgeward_core::keys::KeySet;
use edgeward_core::problem::ProblemCode;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType};
use serde_json::{Value, json};

const ISSUER: &str = "https://site.example";
const NOW: i64 = 1_790_000_000;

const POLICY: &str = r#"
version = 1
[gate]
signed_in_home = "/app"
missing_role = "/forbidden"
step_up_page = "/confirm"
locales = ["de"]
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/forbidden"
allow = "signed-in"
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/admin/**"
roles = ["admin"]
[[route]]
path = "/forbidden/too"
roles = ["admin"]
[[route]]
path = "/reports"
scopes = ["reports:read", "reports:list"]
[[route]]
path = "/billing"
step_up = { max_age_seconds = 300, amr = ["otp", "webauthn"] }
[[route]]
path = "/jobs"
machine = true
"#;

/// A site behind a gate, and the issuer's key.
struct Site {
    key: SigningKey,
    keys: Option<KeySet>,
    keys_are_final: bool,
    policy: PolicyState,
    expect: Expectations,
}

impl Site {
    fn new() -> Self {
        Self::with_policy(POLICY)
    }

    fn with_policy(policy: &str) -> Self {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        Self {
            keys: Some(KeySet::from_keys([key.public_jwk()]).unwrap()),
            key,
            keys_are_final: false,
            policy: PolicyState::parse(policy),
            expect: Expectations::new(
                ISSUER,
                Audiences::OneOf(vec![ISSUER.to_string()]),
                TokenType::Access,
            ),
        }
    }

    /// An access token of ada, with these claims added or replaced.
    fn token(&self, changes: Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "ada", "aud": ISSUER, "iat": NOW, "nbf": NOW, "exp": NOW + 600, "jti": "j", "sid": "s",
            "client_id": "edgeward-web", "auth_time": NOW - 1000, "amr": ["pwd"], "roles": ["user"], "scope": "",
        });
        let (Value::Object(all), Value::Object(changes)) = (&mut claims, changes) else {
            panic!("claims are an object")
        };
        all.extend(changes);
        self.key.sign(&TokenType::Access, &claims).unwrap()
    }

    fn ask(&self, request: &Request<'_>) -> Decision {
        let gate = Gate {
            policy: &self.policy,
            keys: self.keys.as_ref(),
            keys_are_final: self.keys_are_final,
            expect: &self.expect,
        };
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target, None),
        };
        let view = RequestView {
            method: request.method,
            host: "site.example",
            path: CanonicalPath::parse(path),
            query,
            credential: request.credential,
            navigation: request.navigation,
        };
        decide(&gate, &view, UnixTime::from_seconds(NOW))
    }
}

#[derive(Clone, Copy)]
struct Request<'r> {
    method: &'r str,
    target: &'r str,
    credential: Credential<'r>,
    navigation: bool,
}

fn call<'r>(method: &'r str, target: &'r str) -> Request<'r> {
    Request {
        method,
        target,
        credential: Credential::None,
        navigation: false,
    }
}

fn open(target: &str) -> Request<'_> {
    Request {
        navigation: true,
        ..call("GET", target)
    }
}

impl<'r> Request<'r> {
    fn with(self, token: &'r str) -> Self {
        Self {
            credential: Credential::Token(token),
            ..self
        }
    }
}

fn forwarded(decision: Decision) -> Permit {
    match decision {
        Decision::Forward(permit) => permit,
        other => panic!("forward expected: {other:?}"),
    }
}

fn refused(decision: Decision) -> Refusal {
    match decision {
        Decision::Refuse(refusal) => refusal,
        other => panic!("refusal expected: {other:?}"),
    }
}

fn led_to(decision: Decision) -> String {
    match decision {
        Decision::Redirect(redirect) => {
            assert_eq!(redirect.status, 303);
            redirect.location
        }
        other => panic!("redirect expected: {other:?}"),
    }
}

/// The decision in one line, for tables.
fn told(decision: Decision) -> String {
    match decision {
        Decision::Forward(permit) => {
            let who = permit.identity().map_or("nobody", |verified| {
                verified.claims().subject().unwrap_or("?")
            });
            let to = match permit.destination() {
                Destination::App => "app",
                Destination::Issuer => "issuer",
            };
            format!("forward {} to {to} as {who}", permit.path())
        }
        Decision::Redirect(redirect) => format!("{} {}", redirect.status, redirect.location),
        Decision::Answer(answer) => answer.status.to_string(),
        Decision::Refuse(refusal) => format!("{} {}", refusal.status, refusal.code),
        Decision::NeedsKeys(KeyDemand::NoKeySet) => "needs keys".to_string(),
        Decision::NeedsKeys(KeyDemand::UnknownKey(_)) => "needs newer keys".to_string(),
    }
}

#[test]
fn a_day_at_the_gate() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let admin = site.token(json!({"sub": "root", "roles": ["user", "admin"]}));
    let expired = site.token(json!({"exp": NOW - 61}));
    let early = site.token(json!({"nbf": NOW + 61}));
    let foreign = site.token(json!({"aud": "https://other.example"}));
    for (request, expected) in [
        // Anybody.
        (call("GET", "/"), "forward / to app as nobody"),
        (call("GET", "/").with(&ada), "forward / to app as ada"),
        (
            call("GET", "/").with(&expired),
            "forward / to app as nobody",
        ),
        (
            call("GET", "/").with("rubbish"),
            "forward / to app as nobody",
        ),
        // The signed-in.
        (call("GET", "/app").with(&ada), "forward /app to app as ada"),
        (
            call("POST", "/app/x").with(&ada),
            "forward /app/x to app as ada",
        ),
        (open("/app").with(&ada), "forward /app to app as ada"),
        (
            call("GET", "/x/../%61pp/").with(&ada),
            "forward /app/ to app as ada",
        ),
        (
            call("GET", "/de/app").with(&ada),
            "forward /de/app to app as ada",
        ),
        (open("/app"), "303 /login?returnTo=%2Fapp"),
        (
            open("/app/a%20b?x=1&y=%2F"),
            "303 /login?returnTo=%2Fapp%2Fa%2520b%3Fx%3D1%26y%3D%252F",
        ),
        (
            Request {
                method: "HEAD",
                ..open("/app")
            },
            "303 /login?returnTo=%2Fapp",
        ),
        (
            Request {
                method: "POST",
                ..open("/app")
            },
            "401 NOT_SIGNED_IN",
        ),
        (call("GET", "/app"), "401 NOT_SIGNED_IN"),
        (call("GET", "/app").with(&expired), "401 TOKEN_EXPIRED"),
        (open("/app").with(&expired), "303 /login?returnTo=%2Fapp"),
        (call("GET", "/app").with(&early), "401 TOKEN_NOT_YET_VALID"),
        (call("GET", "/app").with(&foreign), "401 INVALID_TOKEN"),
        (call("GET", "/app").with("rubbish"), "401 INVALID_TOKEN"),
        // Roles.
        (
            call("GET", "/admin").with(&admin),
            "forward /admin to app as root",
        ),
        (
            call("GET", "/de/admin/x").with(&admin),
            "forward /de/admin/x to app as root",
        ),
        (call("GET", "/admin").with(&ada), "403 INSUFFICIENT_ROLE"),
        (call("GET", "/de/admin").with(&ada), "403 INSUFFICIENT_ROLE"),
        (open("/admin").with(&ada), "303 /forbidden"),
        (open("/admin"), "303 /login?returnTo=%2Fadmin"),
        (call("GET", "/ADMIN").with(&admin), "403 ROUTE_DENIED"),
        (
            call("GET", "/administrator").with(&admin),
            "403 ROUTE_DENIED",
        ),
        // What nobody wrote a rule for.
        (call("GET", "/metrics").with(&admin), "403 ROUTE_DENIED"),
        (call("GET", "/healthz"), "403 ROUTE_DENIED"),
        (open("/nowhere"), "403 ROUTE_DENIED"),
        (call("TRACE", "/"), "403 ROUTE_DENIED"),
        (call("get", "/app").with(&ada), "forward /app to app as ada"),
        // Two readings.
        (call("GET", "//admin").with(&admin), "400 AMBIGUOUS_PATH"),
        (
            call("GET", "/app%2f..%2fadmin").with(&admin),
            "400 AMBIGUOUS_PATH",
        ),
        (call("GET", "/auth%2flogin"), "400 AMBIGUOUS_PATH"),
        (open("/app/..;/admin").with(&admin), "400 AMBIGUOUS_PATH"),
        (
            Request {
                credential: Credential::Ambiguous,
                ..call("GET", "/")
            },
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (
            Request {
                credential: Credential::Ambiguous,
                ..open("/app")
            },
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (
            Request {
                credential: Credential::Ambiguous,
                ..call("POST", "/auth/logout")
            },
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        // The issuer's.
        (
            call("POST", "/auth/login"),
            "forward /auth/login to issuer as nobody",
        ),
        (
            call("POST", "/auth/refresh").with(&expired),
            "forward /auth/refresh to issuer as nobody",
        ),
        (
            call("GET", "/.well-known/jwks.json"),
            "forward /.well-known/jwks.json to issuer as nobody",
        ),
        (
            call("GET", "/account/sign-out").with(&ada),
            "forward /account/sign-out to issuer as nobody",
        ),
        (open("/login"), "forward /login to issuer as nobody"),
        (
            open("/login").with(&expired),
            "forward /login to issuer as nobody",
        ),
        (open("/login").with(&ada), "303 /app"),
        (open("/register?x=1").with(&ada), "303 /app"),
        (
            call("GET", "/login").with(&ada),
            "forward /login to issuer as nobody",
        ),
        (
            call("POST", "/login").with(&ada),
            "forward /login to issuer as nobody",
        ),
        (open("/de/login"), "403 ROUTE_DENIED"),
        // The gate's own answer.
        (call("GET", "/auth/verify-token").with(&ada), "204"),
        (call("HEAD", "/auth/verify-token").with(&ada), "204"),
        (open("/auth/verify-token"), "401 NOT_SIGNED_IN"),
        (
            call("GET", "/auth/verify-token").with(&expired),
            "401 TOKEN_EXPIRED",
        ),
        (
            call("GET", "/auth/verify-token").with("rubbish"),
            "401 INVALID_TOKEN",
        ),
        (
            call("POST", "/auth/verify-token").with(&ada),
            "405 METHOD_NOT_ALLOWED",
        ),
        (call("GET", "/auth/x/../verify-token/").with(&ada), "204"),
    ] {
        let Request {
            method,
            target,
            navigation,
            ..
        } = request;
        assert_eq!(
            told(site.ask(&request)),
            expected,
            "{method} {target} navigation: {navigation}"
        );
    }
}

#[test]
fn a_broken_policy_refuses_everything_and_tells_only_the_log() {
    let site =
        Site::with_policy("version = 1\n[[route]]\npath = \"secret-name\"\nallow = \"public\"");
    let ada = site.token(json!({}));
    for request in [
        call("GET", "/").with(&ada),
        open("/login"),
        call("POST", "/auth/login"),
        call("GET", "/auth/verify-token"),
        call("GET", "//"),
    ] {
        let refusal = refused(site.ask(&request));
        assert_eq!(
            (refusal.status, refusal.code),
            (503, ProblemCode::PolicyInvalid)
        );
        assert!(refusal.log_reason.contains("line 3"));
        assert!(!refusal.problem().to_json().contains("secret-name"));
    }
}

#[test]
fn challenges_say_what_their_rfcs_say() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let expired = site.token(json!({"exp": NOW - 61}));
    let half = site.token(json!({"scope": "reports:read"}));
    let challenge = |request: Request<'_>| refused(site.ask(&request)).www_authenticate;
    for (request, expected) in [
        (call("GET", "/app"), Some("Bearer")),
        (call("GET", "/auth/verify-token"), Some("Bearer")),
        (
            call("GET", "/app").with(&expired),
            Some("Bearer error=\"invalid_token\", error_description=\"The access token expired\""),
        ),
        (
            call("GET", "/app").with("x"),
            Some(
                "Bearer error=\"invalid_token\", error_description=\"The access token is not acceptable\"",
            ),
        ),
        (
            call("GET", "/reports").with(&half),
            Some("Bearer error=\"insufficient_scope\", scope=\"reports:read reports:list\""),
        ),
        (
            call("GET", "/billing").with(&ada),
            Some(
                "Bearer error=\"insufficient_user_authentication\", error_description=\"A more recent or stronger sign-in is \
                 required\", max_age=\"300\", acr_values=\"otp webauthn\"",
            ),
        ),
        (call("GET", "/admin").with(&ada), None),
        (call("GET", "//"), None),
    ] {
        assert_eq!(
            challenge(request).as_deref(),
            expected,
            "{}",
            request.target
        );
    }
    let refusal = refused(site.ask(&call("PUT", "/auth/verify-token")));
    assert_eq!(refusal.allow, Some("GET, HEAD"));
}

#[test]
fn step_up_wants_a_fresh_and_strong_sign_in() {
    let site = Site::new();
    for (changes, passes) in [
        (json!({}), false),
        (json!({"auth_time": NOW - 300, "amr": ["pwd", "otp"]}), true),
        (json!({"auth_time": NOW - 300, "amr": ["webauthn"]}), true),
        (json!({"auth_time": NOW - 301, "amr": ["otp"]}), false),
        (json!({"auth_time": NOW - 10, "amr": ["pwd"]}), false),
        (json!({"auth_time": NOW - 10, "amr": []}), false),
        (json!({"auth_time": NOW + 60, "amr": ["otp"]}), true),
        (json!({"auth_time": NOW + 61, "amr": ["otp"]}), false),
        (json!({"auth_time": 0, "amr": ["otp"]}), false),
    ] {
        let token = site.token(changes.clone());
        let expected = if passes {
            "forward /billing to app as ada"
        } else {
            "401 STEP_UP_REQUIRED"
        };
        assert_eq!(
            told(site.ask(&call("POST", "/billing").with(&token))),
            expected,
            "{changes}"
        );
    }
}

#[test]
fn a_page_that_the_caller_may_not_see_either_is_no_way_out() {
    let site = Site::new();
    let ada = site.token(json!({}));
    // `/confirm` has no rule: the challenge itself is the answer, not a redirect into a wall.
    assert_eq!(
        told(site.ask(&open("/billing").with(&ada))),
        "401 STEP_UP_REQUIRED"
    );
    let with_page = Site::with_policy(&format!(
        "{POLICY}\n[[route]]\npath = \"/confirm\"\nallow = \"signed-in\""
    ));
    assert_eq!(
        told(with_page.ask(&open("/billing?a=1").with(&ada))),
        "303 /confirm?returnTo=%2Fbilling%3Fa%3D1"
    );

    let circle = Site::with_policy(
        "version = 1\n[gate]\nmissing_role = \"/forbidden\"\n[[route]]\npath = \"/**\"\nroles = [\"admin\"]\n",
    );
    assert_eq!(
        told(circle.ask(&open("/forbidden").with(&ada))),
        "403 INSUFFICIENT_ROLE"
    );
    assert_eq!(
        told(circle.ask(&open("/admin").with(&ada))),
        "403 INSUFFICIENT_ROLE"
    );
}

#[test]
fn services_and_people_are_told_apart() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let robot = site.token(json!({"sub": "robot", "client_id": "robot", "roles": [], "scope": "reports:read reports:list"}));
    for (request, expected) in [
        (call("POST", "/jobs").with(&ada), "403 INSUFFICIENT_ROLE"),
        (
            call("POST", "/jobs").with(&robot),
            "forward /jobs to app as robot",
        ),
        (
            call("GET", "/reports").with(&robot),
            "forward /reports to app as robot",
        ),
        (call("GET", "/reports").with(&ada), "403 INSUFFICIENT_SCOPE"),
    ] {
        assert_eq!(told(site.ask(&request)), expected, "{}", request.target);
    }
}

#[test]
fn keys_are_asked_for_once_and_only_where_a_token_must_be_judged() {
    let mut site = Site::new();
    let ada = site.token(json!({}));
    let rotated = SigningKey::from_seed(&[4; 32]).unwrap();
    let newer = rotated
        .sign(&TokenType::Access, &json!({"iss": ISSUER}))
        .unwrap();
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&newer))),
        "needs newer keys"
    );
    match site.ask(&call("GET", "/app").with(&newer)) {
        Decision::NeedsKeys(demand) => {
            assert_eq!(demand, KeyDemand::UnknownKey(rotated.key_id().to_string()))
        }
        other => panic!("{other:?}"),
    }
    site.keys_are_final = true;
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&newer))),
        "401 UNKNOWN_KEY"
    );
    assert_eq!(
        told(site.ask(&call("GET", "/").with(&newer))),
        "forward / to app as nobody"
    );

    site.keys = None;
    site.keys_are_final = false;
    for target in ["/app", "/", "/admin", "/auth/verify-token"] {
        assert_eq!(
            told(site.ask(&call("GET", target).with(&ada))),
            "needs keys",
            "{target}"
        );
    }
    assert_eq!(told(site.ask(&open("/login").with(&ada))), "needs keys");
    for (request, expected) in [
        (call("GET", "/app"), "401 NOT_SIGNED_IN"),
        (call("GET", "/app").with("rubbish"), "401 INVALID_TOKEN"),
        (
            call("POST", "/auth/login").with(&ada),
            "forward /auth/login to issuer as nobody",
        ),
        (call("GET", "/nowhere").with(&ada), "403 ROUTE_DENIED"),
        (call("GET", "//").with(&ada), "400 AMBIGUOUS_PATH"),
    ] {
        assert_eq!(told(site.ask(&request)), expected, "{}", request.target);
    }

    site.keys_are_final = true;
    let check_without_keys = |site: &Site| {
        for (request, expected) in [
            (call("GET", "/app").with(&ada), "503 KEYS_UNAVAILABLE"),
            (open("/app").with(&ada), "503 KEYS_UNAVAILABLE"),
            (
                call("GET", "/auth/verify-token").with(&ada),
                "503 KEYS_UNAVAILABLE",
            ),
            (call("GET", "/").with(&ada), "forward / to app as nobody"),
            (
                open("/login").with(&ada),
                "forward /login to issuer as nobody",
            ),
        ] {
            assert_eq!(told(site.ask(&request)), expected, "{}", request.target);
        }
    };
    check_without_keys(&site);
    site.keys = Some(KeySet::parse(br#"{"keys":[]}"#).unwrap());
    check_without_keys(&site);
}

#[test]
fn a_permit_tells_what_may_be_done_with_the_request() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let permit = forwarded(site.ask(&call("GET", "/app/x").with(&ada)));
    assert_eq!(
        (permit.rule(), permit.response_policy()),
        ("/app/**", ResponsePolicy::PrivateNoStore)
    );
    assert!(!permit.drops_credential());
    let public = forwarded(site.ask(&call("GET", "/").with("rubbish")));
    assert_eq!(
        (public.rule(), public.response_policy()),
        ("/", ResponsePolicy::Untouched)
    );
    assert!(
        public.drops_credential(),
        "the application shall not take a refused token for a proof"
    );
    assert_eq!(
        forwarded(site.ask(&call("GET", "/auth/me"))).rule(),
        "issuer"
    );
}

#[test]
fn no_token_byte_gets_into_a_decision() {
    let site = Site::new();
    let token = site.token(json!({"aud": "https://other.example", "name": "Ada"}));
    let decision = site.ask(&call("GET", "/app").with(&token));
    let shown = format!("{decision:?}");
    for part in token.split('.') {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(shown.contains("audience-mismatch"));
    assert!(
        !refused(decision).problem().to_json().contains("audience"),
        "the exact rule is for the log"
    );
}

#[test]
fn cookies_and_headers_lead_to_the_same_decision() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let names = CookieNames::for_environment(Environment::Production, false);
    let cookie = format!("theme=dark; {}={ada}", names.access);
    let bearer = format!("Bearer {ada}");
    let twice = format!("{cookie}; {}=x", names.access);
    for (authorization, cookies, expected) in [
        (vec![bearer.as_str()], vec![], "forward /app to app as ada"),
        (vec![], vec![cookie.as_str()], "forward /app to app as ada"),
        (
            vec![bearer.as_str()],
            vec![cookie.as_str()],
            "forward /app to app as ada",
        ),
        (
            vec!["Bearer other"],
            vec![cookie.as_str()],
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (
            vec![bearer.as_str(), bearer.as_str()],
            vec![],
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (vec![], vec![twice.as_str()], "400 AMBIGUOUS_CREDENTIALS"),
        (vec![], vec![], "401 NOT_SIGNED_IN"),
    ] {
        let credential =
            Credential::from_headers(&authorization, &CookieHeader::parse(&cookies), &names);
        assert_eq!(
            told(site.ask(&Request {
                credential,
                ..call("GET", "/app")
            })),
            expected
        );
    }
    assert_eq!(led_to(site.ask(&open("/app"))), "/login?returnTo=%2Fapp");
}

proptest::proptest! {
    #[test]
    fn no_request_without_a_good_token_passes_a_protected_rule(
        target in "/(app|admin|billing|x|\\.\\.|/|%2f|;|\\?a){0,5}",
        token in "[a-zA-Z0-9_.-]{0,60}",
        navigation in proptest::prelude::any::<bool>(),
    ) {
        let site = Site::new();
        let request = Request { navigation, ..call("GET", &target).with(&token) };
        if let Decision::Forward(permit) = site.ask(&request) {
            proptest::prop_assert!(permit.identity().is_none());
            proptest::prop_assert_eq!(permit.rule(), "/", "{}", target);
        }
    }
}
