//! What `explain` says of a request is what `decide` makes of it: operators' test rows and the tables of look-alikes ask the one, and
//! requests meet the other.

use std::sync::LazyLock;

use edgeward_core::gate::{Client, Decision, Outcome, Persona, Policy, Question, Ruling};
use edgeward_core::problem::ProblemCode;
use proptest::prelude::*;
use serde_json::json;

use crate::lookalikes::BROAD;
use crate::policy::{persona, policy};
use crate::site::{NOW, Request, Site, call};

/// Every demand that a rule can make, beside broad rules. No page that a refused person is led to, because that is no other verdict.
const DEMANDS: &str = r#"
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "signed-in"
[[route]]
path = "/open/**"
allow = "public"
[[route]]
path = "/open/inside"
allow = "public"
addresses = ["10.0.0.0/8"]
[[route]]
path = "/admin/**"
roles = ["admin"]
[[route]]
path = "/reports"
methods = ["GET", "POST"]
scopes = ["reports:read"]
[[route]]
path = "/jobs"
machine = true
[[route]]
path = "/people"
machine = false
[[route]]
path = "/billing"
step_up = { max_age_seconds = 300, amr = ["otp"] }
"#;

/// Sites that are asked, and their policies.
static SITES: LazyLock<[(Site, Policy); 2]> = LazyLock::new(|| {
    [BROAD, DEMANDS].map(|routes| {
        let text = format!("version = 1\n{routes}");
        (Site::with_policy(&text), policy(routes))
    })
});

/// Personas, and the claims of a token that makes one.
fn callers() -> [(&'static str, Option<serde_json::Value>); 7] {
    let long_ago = NOW - 100_000;
    [
        ("anonymous", None),
        ("user", Some(json!({ "roles": [], "auth_time": long_ago }))),
        // A service: it is its own client.
        (
            "machine",
            Some(json!({ "roles": [], "client_id": "ada", "auth_time": long_ago })),
        ),
        (
            "role:admin",
            Some(json!({ "roles": ["admin"], "auth_time": long_ago })),
        ),
        (
            "scope:reports:read",
            Some(json!({ "roles": [], "scope": "reports:read", "auth_time": long_ago })),
        ),
        (
            "user amr:otp age:10",
            Some(json!({ "roles": [], "amr": ["otp"], "auth_time": NOW - 10 })),
        ),
        (
            "user age:10",
            Some(json!({ "roles": [], "auth_time": NOW - 10 })),
        ),
    ]
}

/// What the decision comes to, in the words of a policy's `expect`.
fn outcome_of(decision: &Decision) -> Option<Outcome> {
    Some(match decision {
        Decision::Forward(_) => Outcome::Allow,
        Decision::Answer(answer) if answer.status == 204 => Outcome::Allow,
        Decision::Redirect(redirect) if redirect.location.starts_with("/login") => Outcome::SignIn,
        Decision::Redirect(redirect) if redirect.location.starts_with("/account/step-up") => {
            Outcome::StepUp
        }
        Decision::Refuse(refusal) => match refusal.code {
            ProblemCode::NotSignedIn => Outcome::Unauthorized,
            ProblemCode::RouteDenied
            | ProblemCode::AddressNotAllowed
            | ProblemCode::InsufficientRole
            | ProblemCode::InsufficientScope => Outcome::Forbidden,
            ProblemCode::StepUpRequired => Outcome::StepUp,
            ProblemCode::AmbiguousPath | ProblemCode::MethodNotAllowed => Outcome::BadRequest,
            _ => return None,
        },
        _ => return None,
    })
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(Vec::from([
        "admin",
        "Admin",
        "open",
        "inside",
        "reports",
        "jobs",
        "people",
        "billing",
        "de",
        "_next",
        "data",
        "index",
        "index.php",
        "admin.json",
        "reports.xml",
        "report.final",
        "auth",
        "login",
        "verify-token",
        "account",
        "x",
        "%2e%2e",
        "a;b",
        "",
    ]))
}

/// What it comes to if every turn that it needs is granted.
fn decided(site: &Site, mut request: Request<'_>) -> Decision {
    loop {
        match site.ask(&request) {
            Decision::NeedsTurn(turn) => request.turns.took(&turn, Ruling::Granted),
            other => return other,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn what_is_explained_is_what_is_decided(
        which in 0..SITES.len(),
        path in prop::collection::vec(segment(), 0..5),
        method in prop::sample::select(Vec::from(["GET", "HEAD", "POST", "OPTIONS", "get"])),
        (name, claims) in prop::sample::select(Vec::from(callers())),
        navigation in any::<bool>(),
        address in prop::sample::select(Vec::from(["10.1.2.3", "203.0.113.9"])),
    ) {
        let (site, policy) = &SITES[which];
        let token = claims.map(|claims| site.token(claims));
        let target = format!("/{}", path.join("/"));
        let client = Client::At(address.parse().unwrap());
        let request = Request { navigation, client, ..call(method, &target) };
        let request = match &token {
            Some(token) => request.with(token),
            None => request,
        };
        let decision = decided(site, request);
        let who: Persona = persona(name);
        let question = Question {
            method,
            host: "site.example",
            path: &target,
            persona: &who,
            client,
            navigation,
        };
        let explained = policy.answer(&question);
        // Whoever is signed in is led on from the page for signing in, which is no verdict upon a rule.
        let led_on = matches!(&decision, Decision::Redirect(redirect) if redirect.location == "/");
        if !led_on {
            prop_assert_eq!(outcome_of(&decision), Some(explained.outcome), "{} {} as {}: {:?}\n{}", method, target, name, decision, explained);
        }
    }
}
