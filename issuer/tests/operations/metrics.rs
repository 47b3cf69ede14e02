//! The numbers: what moves them, what can be in them, and where they are served.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request},
};
use edgeward_core::problem::ProblemCode;
use edgeward_issuer::http::metrics::endpoint;
use serde_json::json;
use tower::ServiceExt;

use crate::desk::{
    Desk, EMAIL, PASSWORD,
    patience::{PAST_A_LONG_WAIT, wait_long},
};

async fn text(desk: &Desk) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = endpoint::router(desk.app.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Each sample of the text by its name and labels, without the prefix that all have.
pub(crate) async fn samples(desk: &Desk) -> BTreeMap<String, f64> {
    let text = text(desk).await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.strip_prefix("edgeward_").unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// What has grown, without the requests themselves. Gauges do not grow.
pub(crate) async fn moved(desk: &Desk, before: &BTreeMap<String, f64>) -> Vec<String> {
    samples(desk)
        .await
        .into_iter()
        .filter(|(name, _)| !name.contains("_seconds") && !name.starts_with("http_"))
        .filter(|(name, _)| {
            !name.starts_with("active_sessions")
                && !name.starts_with("password_")
                && !name.starts_with("signing_key")
                && name != "redis_up"
        })
        .filter(|(name, value)| *value != before.get(name).copied().unwrap_or_default())
        .map(|(name, value)| {
            let grown = value - before.get(&name).copied().unwrap_or_default();
            format!("{name} +{grown}")
        })
        .collect()
}

pub(crate) const VALID: &str = "csrf_checks_total{result=\"valid\"} +1";

#[tokio::test]
async fn each_outcome_moves_its_counter_and_no_other() {
    let (desk, mut browser) = Desk::with_ada_and(wait_long).await;
    let before = samples(&desk).await;
    let wrong = json!({ "email": EMAIL, "password": "wrong" });
    let refused = browser
        .post("/auth/login")
        .json(&wrong)
        .with_csrf()
        .send()
        .await;
    refused.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(
        moved(&desk, &before).await,
        [
            "failed_attempts_total{credential=\"password\"} +1",
            "logins_total{result=\"refused\",reason=\"credentials\"} +1",
            "refusals_total{code=\"INVALID_CREDENTIALS\"} +1",
        ],
        "a stranger's JSON needs no CSRF token, so none was judged"
    );

    let before = samples(&desk).await;
    browser.log_in(EMAIL).await;
    assert_eq!(
        moved(&desk, &before).await,
        ["logins_total{result=\"success\",reason=\"none\"} +1"]
    );

    let before = samples(&desk).await;
    let thief = browser.clone();
    browser.refresh().await.expect(200);
    assert_eq!(
        moved(&desk, &before).await,
        [
            VALID,
            "refresh_rotations_total +1",
            "refreshes_total{result=\"success\"} +1"
        ]
    );

    let before = samples(&desk).await;
    let mut at_once = thief.clone();
    let answer = at_once.refresh().await;
    answer.expect_problem(409, "REFRESH_IN_PROGRESS");
    assert_eq!(
        moved(&desk, &before).await,
        [
            VALID,
            "refreshes_total{result=\"conflict\"} +1",
            "refusals_total{code=\"REFRESH_IN_PROGRESS\"} +1",
        ]
    );

    desk.wait(PAST_A_LONG_WAIT).await;
    let before = samples(&desk).await;
    let mut who_lost_the_answer = thief.clone();
    who_lost_the_answer.refresh().await.expect(200);
    assert_eq!(
        moved(&desk, &before).await,
        [VALID, "refreshes_total{result=\"repeat\"} +1"]
    );

    browser.refresh().await.expect(200);
    let before = samples(&desk).await;
    let mut late = thief.clone();
    let answer = late.refresh().await;
    answer.expect_problem(401, "REFRESH_REUSED");
    assert_eq!(
        moved(&desk, &before).await,
        [
            VALID,
            "failed_attempts_total{credential=\"refresh_token\"} +1",
            "refresh_token_reuse_total +1",
            "refreshes_total{result=\"replay\"} +1",
            "refusals_total{code=\"REFRESH_REUSED\"} +1",
        ]
    );

    let before = samples(&desk).await;
    let answer = browser.refresh().await;
    answer.expect_problem(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(
        moved(&desk, &before).await,
        [
            VALID,
            "failed_attempts_total{credential=\"refresh_token\"} +1",
            "refreshes_total{result=\"revoked\"} +1",
            "refusals_total{code=\"INVALID_REFRESH_TOKEN\"} +1",
        ]
    );

    let before = samples(&desk).await;
    let answer = browser.post("/auth/refresh").send().await;
    answer.expect_problem(403, "CSRF_INVALID");
    assert_eq!(
        moved(&desk, &before).await,
        [
            "csrf_checks_total{result=\"invalid\"} +1",
            "failed_attempts_total{credential=\"csrf_token\"} +1",
            "refusals_total{code=\"CSRF_INVALID\"} +1",
        ]
    );

    let before = samples(&desk).await;
    let forged = browser.get("/auth/me").header("edgeward-proof", "no.proof");
    forged.send().await.expect(401);
    assert_eq!(
        moved(&desk, &before).await,
        [
            "failed_attempts_total{credential=\"edge_proof\"} +1",
            "refusals_total{code=\"EDGE_PROOF_INVALID\"} +1",
        ]
    );
    let all = samples(&desk).await;
    assert_eq!(all["refresh_seconds_count"], 6.0);
    assert_eq!(all["csrf_check_seconds_count"], 7.0);
}

#[tokio::test]
async fn a_refusal_that_is_shown_as_a_page_counts_too() {
    let (desk, mut browser) = Desk::with_ada().await;
    let before = samples(&desk).await;
    browser
        .post("/auth/login")
        .form(&[("email", EMAIL), ("password", "wrong")])
        .with_csrf()
        .send()
        .await
        .expect(401);
    assert_eq!(
        moved(&desk, &before).await,
        [
            VALID,
            "failed_attempts_total{credential=\"password\"} +1",
            "logins_total{result=\"refused\",reason=\"credentials\"} +1",
            "refusals_total{code=\"INVALID_CREDENTIALS\"} +1",
        ]
    );
}

#[tokio::test]
async fn a_failing_database_is_a_failure_of_its_kind() {
    let (desk, mut browser) = Desk::with_ada().await;
    desk.run("DROP TABLE audit_log").await;
    let before = samples(&desk).await;
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = browser.post("/auth/login").json(&right).send().await;
    answer.expect_problem(500, "INTERNAL");
    assert_eq!(
        moved(&desk, &before).await,
        [
            "failures_total{kind=\"database\"} +1",
            "logins_total{result=\"failed\",reason=\"internal\"} +1",
            "refusals_total{code=\"INTERNAL\"} +1",
        ]
    );
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
}

#[tokio::test]
async fn live_sessions_are_counted_when_somebody_asks_and_not_again_at_once() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut other = desk.browser();
    other.log_in(EMAIL).await;
    other.log_out().await;
    let first = samples(&desk).await;
    assert_eq!(first["active_sessions"], 1.0);
    assert!(first["active_sessions_counted_timestamp_seconds"] > 1.7e9);
    browser.log_out().await;
    assert_eq!(samples(&desk).await["active_sessions"], 1.0);
}

/// A sign-in ends in a task of its own, and a rotation is written by another's.
#[tokio::test]
async fn what_a_request_waits_for_the_database_counts_once_for_it() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    browser.refresh().await.expect(200);
    browser.get("/auth/me").send().await.expect(200);
    let mut stranger = desk.browser();
    stranger.get("/healthz").send().await.expect(200);
    let all = samples(&desk).await;
    for (route, count) in [
        ("/auth/login", Some(1.0)),
        ("/auth/refresh", Some(1.0)),
        ("/auth/me", Some(1.0)),
        ("/healthz", None),
    ] {
        let of = |series: &str| {
            let name = format!("{series}{{route=\"{route}\"}}");
            all.get(&name).copied()
        };
        assert_eq!(of("store_seconds_count"), count, "{route}");
        let whole = of("http_request_seconds_sum").unwrap();
        assert!(
            of("store_seconds_sum").unwrap_or_default() <= whole,
            "{route}"
        );
    }
}

/// Whatever is sent, the labels and their values are these.
#[tokio::test]
async fn no_label_holds_what_a_client_sent() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    browser.user_agent = "needle-agent";
    browser
        .get("/needle-path?needle=1")
        .send()
        .await
        .expect(404);
    browser
        .get("/auth/sessions/needle")
        .send()
        .await
        .expect(405);
    let needle = Method::from_bytes(b"NEEDLE").unwrap();
    browser.ask(needle, "/auth/login").send().await.expect(405);
    browser
        .delete("/auth/sessions/needle-session")
        .with_csrf()
        .send()
        .await
        .expect(404);
    let mut stranger = desk.browser();
    stranger
        .post("/auth/login")
        .json(&json!({ "email": "needle@example.test", "password": "needle" }))
        .header("x-request-id", "needle-id")
        .header("x-forwarded-for", "192.0.2.77")
        .send()
        .await
        .expect(401);
    stranger
        .get("/auth/me")
        .header("authorization", "Bearer needle")
        .send()
        .await
        .expect(401);
    stranger
        .post("/auth/login")
        .header("origin", "https://needle.example")
        .send()
        .await
        .expect(403);
    stranger.get("/auth/me").send().await.expect(401);

    let signs = desk
        .app
        .keyring
        .signing_key(desk.app.clock.now(), Instant::now());
    let signs = signs.unwrap();
    let text = text(&desk).await;
    assert!(!text.to_lowercase().contains("needle"), "{text}");
    assert!(!text.contains("192.0.2"), "{text}");

    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line
            .split_once('{')
            .and_then(|(_, rest)| rest.rsplit_once('}'))
            .map_or("", |(labels, _)| labels);
        // No value has a comma or a brace but the one route with a parameter, which has no comma.
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once('=').unwrap();
            found
                .entry(name.to_owned())
                .or_default()
                .insert(value.trim_matches('"').to_owned());
        }
    }
    let codes: BTreeSet<&str> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
    for code in found.remove("code").unwrap() {
        assert!(codes.contains(code.as_str()), "{code}");
    }
    found.remove("le").unwrap();
    let found: Vec<(String, String)> = found
        .into_iter()
        .map(|(name, values)| (name, values.into_iter().collect::<Vec<_>>().join(" ")))
        .collect();
    let expected = [
        ("alg", "ES256 EdDSA RS256"),
        ("check", "csrf_secret custody database origins redis signing_key"),
        (
            "credential",
            "access_token captcha csrf_token edge_proof mail_link password refresh_token",
        ),
        ("key_set", "at_hand awaited"),
        ("kid", signs.key_id()),
        (
            "kind",
            "account-locked database database_busy database_unreadable database_unwritable internal new-device password-changed password-reset refresh-reused registration signing_unavailable too_slow",
        ),
        ("method", "DELETE GET POST other"),
        ("place", "running waiting"),
        ("purpose", "csrf refresh"),
        (
            "reason",
            "captcha credentials database_busy internal limited locked none overloaded signing_unavailable",
        ),
        (
            "result",
            "answered busy conflict delivered dropped failed forbidden hashed invalid limited passed redirected refused repeat replay retried revoked success turned_away unauthenticated unclear unconfirmed untrusted valid",
        ),
        (
            "route",
            "/auth/csrf /auth/login /auth/me /auth/sessions/{id} none",
        ),
        (
            "state",
            "active generated published retired retiring revoked",
        ),
        ("status", "2xx 4xx"),
        ("use", "limits mutex news"),
        ("version", env!("CARGO_PKG_VERSION")),
    ]
    .map(|(name, values)| (name.to_owned(), values.to_owned()));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_numbers_are_not_among_the_resources_and_nothing_else_is_beside_them() {
    let desk = Desk::open().await;
    let mut browser = desk.browser();
    for path in ["/metrics", "/metrics/", "/auth/metrics", "//metrics"] {
        let answer = browser.get(path).send().await;
        answer.expect_problem(404, "NOT_FOUND");
    }
    for (method, path, status) in [
        ("GET", "/auth/login", 404),
        ("GET", "/healthz", 404),
        ("GET", "/", 404),
        ("POST", "/metrics", 405),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = endpoint::router(desk.app.clone())
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn the_queue_of_hashes_is_what_the_hasher_says() {
    let (desk, mut browser) = Desk::with_ada().await;
    let before = samples(&desk).await;
    browser.log_in(EMAIL).await;
    let after = samples(&desk).await;
    for (name, grown) in [
        ("password_hashes_total{result=\"hashed\"}", 1.0),
        ("password_hashes_total{result=\"turned_away\"}", 0.0),
        ("password_hash_queue{place=\"running\"}", 0.0),
        ("password_hash_queue{place=\"waiting\"}", 0.0),
    ] {
        assert!((after[name] - before[name] - grown).abs() < 0.5, "{name}");
    }
}

#[tokio::test]
async fn what_a_key_signed_is_counted_by_its_id() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    browser.refresh().await.expect(200);
    let now = desk.app.clock.now();
    let signs = desk.app.keyring.signing_key(now, Instant::now()).unwrap();
    let all = samples(&desk).await;
    let tokens = format!(
        "signing_key_tokens_total{{kid=\"{}\",alg=\"EdDSA\"}}",
        signs.key_id()
    );
    assert_eq!(all[&tokens], 2.0);
    assert_eq!(all["signing_keys{alg=\"EdDSA\",state=\"active\"}"], 1.0);
    assert_eq!(all["signing_keys{alg=\"EdDSA\",state=\"revoked\"}"], 0.0);
    assert_eq!(all["signing_keys{alg=\"ES256\",state=\"active\"}"], 0.0);
    assert_eq!(all["signing_keys_left_out"], 0.0);
}

/// What the page for operators names is what there is: every series, and every value of every label but the codes.
#[tokio::test]
async fn the_page_for_operators_names_every_series() {
    const PAGE: &str = include_str!("../../../docs/OPERATIONS.md");
    let (desk, _) = Desk::with_ada_signed_in().await;
    for name in samples(&desk).await.into_keys() {
        let (name, labels) = name.split_once('{').unwrap_or((&name, ""));
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
        for label in labels.trim_end_matches('}').split(',') {
            let (label, value) = label.split_once('=').unwrap_or(("le", ""));
            let open = ["le", "code", "route", "version", "method", "kid"];
            let value = value.trim_matches('"');
            assert!(
                open.contains(&label) || PAGE.contains(&format!("`{value}`")),
                "{name}: {label}={value}"
            );
        }
    }
}
