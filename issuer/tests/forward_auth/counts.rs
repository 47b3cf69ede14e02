//! What was told, as the numbers say it.

use std::collections::BTreeMap;

use edgeward_issuer::{config::Dialect, http::metrics::VerdictResult};

use crate::{DIALECTS, FROM_ELSEWHERE, Verdicts};

impl Verdicts {
    /// How often each result was told since the process began, without those that never were.
    fn counted(&self) -> BTreeMap<String, u64> {
        let text = self.desk.app.metrics.text().unwrap();
        let begin = "edgeward_forward_auth_verdicts_total{result=\"";
        text.lines()
            .filter_map(|line| line.strip_prefix(begin)?.split_once("\"} "))
            .map(|(result, number)| (result.to_owned(), number.parse().unwrap()))
            .filter(|(_, number)| *number > 0)
            .collect()
    }
}

/// What these verdicts were, in the words of the numbers.
fn expected(results: &[(VerdictResult, u64)]) -> BTreeMap<String, u64> {
    let named = results
        .iter()
        .map(|(result, number)| (result.as_str().to_owned(), *number));
    named.collect()
}

#[tokio::test]
async fn each_verdict_is_counted_once_by_what_the_proxy_was_told() {
    let verdicts = Verdicts::given_in(Dialect::Traefik).await;
    let cookie = verdicts.cookie();
    let cookie = cookie.as_str();
    let navigates = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    assert_eq!(verdicts.counted(), BTreeMap::new());
    // Then a strict route cannot be judged, and the others go on.
    verdicts
        .desk
        .run("ALTER TABLE revocations RENAME TO gone")
        .await;
    for (target, more) in [
        ("/open", &[][..]),
        ("/vault", &[cookie]),
        ("/app", &[cookie]),
        ("/app", &navigates),
        ("/app", &[]),
        ("/admin", &[cookie]),
        ("//admin", &[cookie]),
        ("/auth/verify-token", &[cookie]),
        ("/search", &[]),
        ("/search", &[]),
        ("/search", &[]),
        ("/open", &["X-Original-URI: /open"]),
    ] {
        verdicts.traefik(target, more).await;
    }
    let found = verdicts.counted();
    assert_eq!(
        found,
        expected(&[
            (VerdictResult::Passed, 3),
            (VerdictResult::Unconfirmed, 1),
            (VerdictResult::Redirected, 1),
            // A success that Traefik would take for leave to pass is refused, too.
            (VerdictResult::Refused, 4),
            (VerdictResult::Limited, 1),
            (VerdictResult::Unclear, 1),
            (VerdictResult::Failed, 1),
        ])
    );
    // What is no question is no verdict.
    verdicts.ask("GET /healthz", &["Host: v"]).await;
    verdicts.ask("GET /nowhere", &["Host: v"]).await;
    assert_eq!(verdicts.counted(), found);
}

#[tokio::test]
async fn nginx_asks_twice_and_is_counted_once() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let lines = |target| {
        [
            "Host: v",
            "X-Original-Method: GET",
            "X-Original-Host: app.example",
            target,
        ]
    };
    for target in ["X-Original-URI: /app", "X-Original-URI: //app"] {
        for path in ["/forward-auth", "/forward-auth/answer"] {
            verdicts.ask(&format!("GET {path}"), &lines(target)).await;
        }
    }
    assert_eq!(verdicts.counted(), expected(&[(VerdictResult::Refused, 2)]));
}

#[tokio::test]
async fn envoy_has_the_gate_answer_in_place_of_the_app() {
    for (can_read, result) in [
        (true, VerdictResult::Answered),
        // Nor is a token said to be good without a word, when nobody can know what has ended.
        (false, VerdictResult::Unconfirmed),
    ] {
        let verdicts = Verdicts::given_in(Dialect::Envoy).await;
        if !can_read {
            let gone = "ALTER TABLE revocations RENAME TO gone";
            verdicts.desk.run(gone).await;
        }
        let cookie = verdicts.cookie();
        let told = verdicts
            .about(Dialect::Envoy, "GET", "/auth/verify-token", &[&cookie])
            .await;
        assert_eq!(told.status, 204);
        assert_eq!(verdicts.counted(), expected(&[(result, 1)]));
    }
}

#[tokio::test]
async fn who_may_not_ask_is_counted_apart() {
    for dialect in DIALECTS {
        let verdicts = Verdicts::given_to(dialect, FROM_ELSEWHERE).await;
        verdicts.about(dialect, "GET", "/open", &[]).await;
        assert_eq!(
            verdicts.counted(),
            expected(&[(VerdictResult::Untrusted, 1)]),
            "{dialect:?}"
        );
    }
}
