//! A site behind a gate, the requests that come to it, and how the stories read a decision.

use std::cell::RefCell;

use edgeward_core::gate::{
    CanonicalPath, Client, Credential, Decision, Destination, Gate, KeyDemand, Permit, PolicyState,
    Refusal, Renewal, RequestSource, RequestView, Turns, decide,
};
use edgeward_core::keys::KeySet;
use edgeward_core::signature::SignatureAnswer;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, SeenTokens, SigningKey, TokenType};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://site.example";
pub(crate) const NOW: i64 = 1_790_000_000;
/// The issuer's private key.
pub(crate) const SEED: [u8; 32] = [3; 32];

pub(crate) const POLICY: &str = r#"
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
pub(crate) struct Site {
    pub(crate) key: SigningKey,
    pub(crate) keys: Option<KeySet>,
    pub(crate) keys_are_final: bool,
    pub(crate) policy: PolicyState,
    pub(crate) expect: Expectations,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with_policy(POLICY)
    }

    pub(crate) fn with_policy(policy: &str) -> Self {
        let key = SigningKey::from_seed(&SEED).unwrap();
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
    pub(crate) fn token(&self, changes: Value) -> String {
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

    pub(crate) fn ask(&self, request: &Request<'_>) -> Decision {
        self.ask_knowing(request, None, None, NOW)
    }

    /// The same by what the platform found of a signature, what is known of tokens, and another time.
    pub(crate) fn ask_knowing(
        &self,
        request: &Request<'_>,
        answer: Option<&SignatureAnswer>,
        seen: Option<&RefCell<SeenTokens>>,
        now: i64,
    ) -> Decision {
        let gate = Gate {
            site: ISSUER,
            policy: &self.policy,
            keys: self.keys.as_ref(),
            keys_are_final: self.keys_are_final,
            expect: &self.expect,
            answer,
            seen,
            turns: request.turns,
            revocations: None,
        };
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target, None),
        };
        let view = RequestView {
            source: request.source,
            client: request.client,
            method: request.method,
            host: "site.example",
            path: CanonicalPath::parse(path),
            query,
            credential: request.credential,
            navigation: request.navigation,
            renewal: request.renewal,
        };
        decide(&gate, &view, UnixTime::from_seconds(now))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    pub(crate) method: &'r str,
    pub(crate) target: &'r str,
    pub(crate) credential: Credential<'r>,
    pub(crate) navigation: bool,
    pub(crate) source: RequestSource<'r>,
    pub(crate) client: Client,
    pub(crate) turns: Turns,
    pub(crate) renewal: Renewal,
}

pub(crate) fn call<'r>(method: &'r str, target: &'r str) -> Request<'r> {
    Request {
        method,
        target,
        credential: Credential::None,
        navigation: false,
        source: RequestSource::default(),
        client: Client::Untold,
        turns: Turns::default(),
        renewal: Renewal::Impossible,
    }
}

pub(crate) fn open(target: &str) -> Request<'_> {
    Request {
        navigation: true,
        ..call("GET", target)
    }
}

impl<'r> Request<'r> {
    pub(crate) fn with(self, token: &'r str) -> Self {
        Self {
            credential: Credential::Token(token),
            ..self
        }
    }
}

pub(crate) fn forwarded(decision: Decision) -> Permit {
    match decision {
        Decision::Forward(permit) => permit,
        other => panic!("forward expected: {other:?}"),
    }
}

pub(crate) fn refused(decision: Decision) -> Refusal {
    match decision {
        Decision::Refuse(refusal) => refusal,
        other => panic!("refusal expected: {other:?}"),
    }
}

pub(crate) fn led_to(decision: Decision) -> String {
    match decision {
        Decision::Redirect(redirect) => {
            assert_eq!(redirect.status, 303);
            redirect.location
        }
        other => panic!("redirect expected: {other:?}"),
    }
}

/// The decision in one line, for tables.
pub(crate) fn told(decision: Decision) -> String {
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
        Decision::AnswerPreflight(_) => "204 to a preflight".to_string(),
        Decision::Refuse(refusal) => format!("{} {}", refusal.status, refusal.code),
        Decision::NeedsKeys(KeyDemand::NoKeySet) => "needs keys".to_string(),
        Decision::NeedsKeys(KeyDemand::UnknownKey) => "needs newer keys".to_string(),
        Decision::NeedsSignature(question) => {
            format!("needs {} checked", question.algorithm().name())
        }
        Decision::NeedsRevocations(mode) => format!("needs the feed, {mode}"),
        Decision::NeedsTurn(turn) => format!("needs a turn of {}", turn.limit.name()),
        Decision::NeedsRefresh(_) => "needs a refresh".to_string(),
        Decision::NeedsCsrf(_) => "needs the CSRF token".to_string(),
    }
}
