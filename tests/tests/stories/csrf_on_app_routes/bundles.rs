//! The bundle by which an edge judges tokens: when it is asked for, what counts as one, and what is done without.

use edgeward_core::token::TokenType;
use edgeward_tests::bundle::{answered, claims_of};
use edgeward_tests::http_server::{Reply, response};
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{GatedApp, minutes};
use serde_json::{Value, json};

use super::{
    AGENT, INVALID, POLICY, SESSION, app_with, hands_out, is_refused, key, pays_with, token,
};

const UNAVAILABLE: (u16, &str) = (503, "CSRF_UNAVAILABLE");
/// The longest wait after failures, with what lots add to it.
const LONGEST_BACKOFF_SECONDS: i64 = 80;

fn is_away(site: &GatedApp) {
    site.issuer
        .bundles(|_| Reply::Whole(response(500, &[], b"")));
}

#[tokio::test]
async fn it_is_asked_for_once_by_the_edge_itself_and_where_it_is_wanted() {
    let site = app_with(&[1]).await;
    let good = token(&site, 1, SESSION, AGENT, 0);
    let _ = site
        .ask("POST /app/x", &[("Cookie", &site.cookie())])
        .expect(200);
    // What is refused without a key asks for none.
    for bad in ["", "x", &token(&site, 1, SESSION, AGENT, 2)] {
        let _ = pays_with(&site, bad).expect_problem(403, "CSRF_INVALID");
    }
    assert_eq!(site.issuer.bundle_asked().len(), 0);
    for _ in 0..3 {
        let _ = pays_with(&site, &good).expect(200);
    }
    let asked = site.issuer.bundle_asked();
    let [ask] = asked.as_slice() else {
        panic!("asked once: {asked:?}")
    };
    assert_eq!(ask.proof["own"], json!(true));
    assert_eq!(ask.proof["htu"], json!("/.well-known/edgeward-edge"));

    site.edge.wait(minutes(6));
    let _ = pays_with(&site, &good).expect(200);
    site.issuer.bundle_is_asked(2).await;
}

#[tokio::test]
async fn without_one_the_routes_that_ask_are_closed_and_the_others_open() {
    let site = GatedApp::start(POLICY).await;
    is_away(&site);
    let good = token(&site, 1, SESSION, AGENT, 0);
    let refused = pays_with(&site, &good).expect_problem(503, "CSRF_UNAVAILABLE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(site.arrived(), []);
    let cookie = site.cookie();
    let _ = site.ask("POST /app/x", &[("Cookie", &cookie)]).expect(200);
    let _ = site.ask("GET /pay", &[("Cookie", &cookie)]).expect(200);
    let _ = site.arrived();
    hands_out(&site, &[1]);
    site.edge.wait(2);
    let _ = pays_with(&site, &good).expect(200);
}

#[tokio::test]
async fn the_last_good_one_serves_for_a_day_and_no_longer() {
    let site = app_with(&[1]).await;
    let good = || token(&site, 1, SESSION, AGENT, 0);
    let _ = pays_with(&site, &good()).expect(200);
    is_away(&site);
    for _ in 0..3 {
        site.edge.wait(minutes(7 * 60));
        let _ = pays_with(&site, &good()).expect(200);
    }
    let _ = site.arrived();
    site.edge.wait(minutes(4 * 60));
    is_refused(&site, pays_with(&site, &good()), UNAVAILABLE);
    hands_out(&site, &[1]);
    site.edge.wait(LONGEST_BACKOFF_SECONDS);
    let _ = pays_with(&site, &good()).expect(200);
}

#[tokio::test]
async fn a_key_of_a_moment_ago_is_learnt_at_once_and_forged_tokens_cause_few_fetches() {
    let site = app_with(&[1]).await;
    let _ = pays_with(&site, &token(&site, 1, SESSION, AGENT, 0)).expect(200);
    hands_out(&site, &[2, 1]);
    let _ = pays_with(&site, &token(&site, 2, SESSION, AGENT, 0)).expect(200);
    let _ = pays_with(&site, &token(&site, 1, SESSION, AGENT, 0)).expect(200);
    let _ = site.arrived();
    assert_eq!(site.issuer.bundle_asked().len(), 2);
    for _ in 0..5 {
        is_refused(
            &site,
            pays_with(&site, &token(&site, 9, SESSION, AGENT, 0)),
            INVALID,
        );
    }
    assert_eq!(site.issuer.bundle_asked().len(), 2, "within the cooldown");
    // A key that the issuer let go of counts no more.
    hands_out(&site, &[2]);
    site.edge.wait(minutes(20));
    is_refused(
        &site,
        pays_with(&site, &token(&site, 1, SESSION, AGENT, 0)),
        INVALID,
    );
}

type Spoil = fn(&mut Value, i64);

#[tokio::test]
async fn a_bad_answer_is_none_and_is_named() {
    let site = GatedApp::start(POLICY).await;
    let rows: [(&str, Spoil); 6] = [
        ("bundle-of-another-request", |claims, _| {
            claims["rid"] = json!("r")
        }),
        ("audience-mismatch", |claims, _| {
            claims["aud"] = json!("https://o.example")
        }),
        ("expired", |claims, now| claims["exp"] = json!(now - 61)),
        ("bundle-claims", |claims, _| claims["csrf"] = json!([])),
        ("bundle-claims", |claims, _| {
            claims["csrf"] = json!(["AAAA"])
        }),
        ("bundle-claims", |claims, _| claims["life"] = json!(90_000)),
    ];
    let origin = site.edge.origin().to_owned();
    let mut expected = Vec::new();
    let mut check = |reason: &str| {
        site.edge.wait(LONGEST_BACKOFF_SECONDS);
        let good = token(&site, 1, SESSION, AGENT, 0);
        is_refused(&site, pays_with(&site, &good), UNAVAILABLE);
        expected.push(reason.to_owned());
        assert_eq!(site.edge.reasons("bundle-not-loaded"), expected, "{reason}");
    };
    for (reason, spoil) in rows {
        let origin = origin.clone();
        site.issuer.bundles(move |ask| {
            let mut claims = claims_of(&origin, ask, &[&key(1)]);
            spoil(&mut claims, ask.now);
            answered(&claims, &signing_key(1))
        });
        check(reason);
    }
    let own = origin.clone();
    site.issuer
        .bundles(move |ask| answered(&claims_of(&own, ask, &[&key(1)]), &signing_key(2)));
    check("unknown-key");
    let own = origin.clone();
    site.issuer.bundles(move |ask| {
        let claims = claims_of(&own, ask, &[&key(1)]);
        let token = signing_key(1).sign(&TokenType::Access, &claims);
        let body = token.expect("small claims");
        Reply::Whole(response(200, &[], body.as_bytes()))
    });
    check("typ-mismatch");
    site.issuer
        .bundles(|_| Reply::Whole(response(302, &[("Location", "/x")], b"")));
    check("status-not-200");
    site.issuer
        .bundles(|_| Reply::Whole(response(200, &[], &[b'x'; 9_000])));
    check("body-too-large");
}

#[tokio::test]
async fn cookies_of_other_names_are_told_in_the_log() {
    let site = GatedApp::start(POLICY).await;
    let origin = site.edge.origin().to_owned();
    site.issuer.bundles(move |ask| {
        let mut claims = claims_of(&origin, ask, &[&key(1)]);
        claims["cookies"]["csrf"] = json!("__Host-edgeward-csrf");
        answered(&claims, &signing_key(1))
    });
    let _ = pays_with(&site, &token(&site, 1, SESSION, AGENT, 0)).expect(200);
    assert!(site.edge.log().contains("cookies-named-otherwise"));
}
