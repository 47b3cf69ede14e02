//! A policy: whatever is written, nothing passes that no rule lets pass, and the same question has the same answer.
#![no_main]

use edgeward_core::gate::{
    CanonicalPath, Client, Credential, Decision, Destination, Gate, Policy, PolicyState, Renewal,
    RequestSource, RequestView, Turns, decide,
};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 8] = [
    "/",
    "/admin",
    "/ADMIN",
    "/admin/",
    "/a/b/c",
    "/de/admin",
    "/%C3%A9",
    "/_next/data/x/admin.json",
];
const METHODS: [&str; 4] = ["GET", "POST", "OPTIONS", "get"];
const HOSTS: [&str; 3] = [
    "site.example",
    "other.example:8443",
    "site.example@evil.example",
];

fn check_ready(policy: &Policy, text: &str) {
    let lines = text.lines().count();
    let rules = policy.rules();
    for pair in rules.windows(2) {
        if let [first, second] = pair {
            assert!(first.specificity() >= second.specificity());
        }
    }
    for rule in rules {
        assert!(rule.path().starts_with('/'), "{rule}");
        assert!((1..=lines).contains(&rule.line()), "{rule}");
    }
    for test in policy.run_tests() {
        let _ = test.passed();
    }
}

fn check_decisions(state: &PolicyState, any_public: bool) {
    let expect = Expectations::new("i", Audiences::Unchecked, TokenType::Access);
    let gate = Gate {
        site: "https://site.example",
        policy: state,
        keys: None,
        keys_are_final: true,
        expect: &expect,
        answer: None,
        seen: None,
        turns: Turns::default(),
        revocations: None,
    };
    for path in PATHS {
        for method in METHODS {
            for host in HOSTS {
                let ask = || {
                    let request = RequestView {
                        source: RequestSource::default(),
                        client: Client::Untold,
                        method,
                        host,
                        path: CanonicalPath::parse(path),
                        query: None,
                        credential: Credential::None,
                        navigation: false,
                        renewal: Renewal::Impossible,
                    };
                    decide(&gate, &request, UnixTime::from_seconds(0))
                };
                let decision = ask();
                assert_eq!(format!("{decision:?}"), format!("{:?}", ask()));
                match decision {
                    Decision::Forward(permit) => {
                        assert!(any_public && permit.destination() == Destination::App);
                        assert!(permit.identity().is_none());
                        assert_eq!(permit.path().as_str(), path);
                    }
                    Decision::Refuse(refusal) => assert!((400..600).contains(&refusal.status)),
                    Decision::Redirect(redirect) => {
                        assert!(redirect.location.starts_with('/'));
                        assert!(!redirect.location.starts_with("//"));
                    }
                    Decision::Answer(answer) => assert_eq!(answer.status, 204),
                    Decision::AnswerPreflight(_) => panic!("nobody asked for a method"),
                    Decision::NeedsKeys(_)
                    | Decision::NeedsSignature(_)
                    | Decision::NeedsRevocations(_)
                    | Decision::NeedsTurn(_)
                    | Decision::NeedsRefresh(_)
                    | Decision::NeedsCsrf(_) => {
                        panic!("an anonymous caller has nothing to check")
                    }
                }
            }
        }
    }
}

fuzz_target!(|text: &str| {
    let state = PolicyState::parse(text);
    match &state {
        PolicyState::Ready(policy) => {
            check_ready(policy, text);
            check_decisions(&state, policy.rules().iter().any(|rule| rule.is_public()));
        }
        PolicyState::Broken(error) => {
            assert!(
                error
                    .line
                    .is_none_or(|line| line <= text.lines().count() + 1),
                "{error}"
            );
            assert!(!error.message.is_empty());
            check_decisions(&state, false);
        }
    }
});
