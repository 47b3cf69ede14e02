//! A refresh that an edge makes for a browser: without a CSRF token, and for nobody else.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::token::{SigningKey, TokenType};
use edgeward_issuer::domain::edges::{self, EdgeName};
use serde_json::{Value, json};

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD, patience::wait_long};

const OF_A_SIGN_IN: [&str; 4] = [
    "edgeward-session",
    "edgeward-access",
    "edgeward-refresh",
    "edgeward-csrf",
];

async fn edge(desk: &Desk) -> SigningKey {
    let name = EdgeName::parse("edge-1").unwrap();
    let (store, now) = (&desk.app.store, desk.app.clock.now());
    let secret = edges::enroll(store, name, now).await.unwrap();
    let seed = Base64UrlUnpadded::decode_vec(secret.rsplit('.').next().unwrap()).unwrap();
    SigningKey::from_seed(&seed.try_into().unwrap()).unwrap()
}

/// A proof for `POST /auth/refresh` in the name of a client, that says this besides.
fn proof(desk: &Desk, key: &SigningKey, besides: &Value) -> String {
    let (now, issuer) = (desk.app.clock.now().seconds(), &desk.app.config.issuer.url);
    let mut claims = json!({
        "iss": "edge-1", "sub": "edge-1", "aud": issuer, "iat": now, "exp": now + 30, "jti": "j-1",
        "htm": "POST", "htu": "/auth/refresh", "cip": "203.0.113.9", "rid": "r-1",
    });
    for (name, value) in besides.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    key.sign(&TokenType::EdgeProof, &claims).unwrap()
}

/// Asks with what the browser has, and without a CSRF token.
async fn ask(browser: &mut Browser, path: &str, proof: &str) -> Answer {
    let asking = browser.post(path).header("edgeward-proof", proof);
    asking.send().await
}

fn is_cleared(answer: &Answer) -> bool {
    let cleared = |name: &&str| {
        let removal = format!("{name}=;");
        let mut set = answer.headers.get_all("set-cookie").iter();
        set.any(|set| set.to_str().unwrap().starts_with(&removal))
    };
    OF_A_SIGN_IN.iter().all(cleared)
}

#[tokio::test]
async fn an_edge_refreshes_without_a_csrf_token_and_only_with_the_claim() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let key = edge(&desk).await;
    let first = browser.cookie("refresh");
    for besides in [json!({}), json!({ "own": true, "cip": null })] {
        let proof = proof(&desk, &key, &besides);
        let refused = ask(&mut browser, "/auth/refresh", &proof).await;
        assert_eq!(
            refused.expect(403).json()["code"],
            "CSRF_INVALID",
            "{besides}"
        );
    }
    for refresh in [json!(false), json!("true"), json!(1), json!([])] {
        let proof = proof(&desk, &key, &json!({ "refresh": refresh }));
        let refused = ask(&mut browser, "/auth/refresh", &proof).await;
        assert_eq!(refused.expect(401).json()["code"], "EDGE_PROOF_INVALID");
    }
    // An edge refreshes for somebody, and never for itself.
    let nobody = json!({ "refresh": true, "own": true, "cip": null });
    let refused = ask(&mut browser, "/auth/refresh", &proof(&desk, &key, &nobody)).await;
    assert_eq!(refused.expect(401).json()["code"], "EDGE_PROOF_INVALID");
    assert_eq!(browser.cookie("refresh"), first);

    let good = proof(&desk, &key, &json!({ "refresh": true }));
    let answer = ask(&mut browser, "/auth/refresh", &good).await.expect(200);
    assert!(answer.json().get("accessToken").is_none());
    assert_ne!(browser.cookie("refresh"), first);
    // The CSRF token that came along is good.
    let _ = browser.refresh().await.expect(200);
    // Another origin is another origin, whoever says it.
    let foreign = browser
        .post("/auth/refresh")
        .header("edgeward-proof", &good)
        .header("origin", "https://evil.example");
    assert_eq!(
        foreign.send().await.expect(403).json()["code"],
        "ORIGIN_REFUSED"
    );
}

#[tokio::test]
async fn the_claim_is_good_for_a_refresh_and_nothing_else() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let key = edge(&desk).await;
    for path in [
        "/auth/logout",
        "/auth/logout-all",
        "/auth/login",
        "/auth/password",
        "/auth/refresh?x=1",
    ] {
        let claims = json!({ "refresh": true, "htu": path });
        let refused = ask(&mut browser, path, &proof(&desk, &key, &claims)).await;
        assert_eq!(
            refused.expect(401).json()["code"],
            "EDGE_PROOF_INVALID",
            "{path}"
        );
    }
    let _ = browser.refresh().await.expect(200);
}

#[tokio::test]
async fn what_ended_is_taken_from_the_browser_where_an_edge_asks() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let key = edge(&desk).await;
    let good = proof(&desk, &key, &json!({ "refresh": true }));
    let mut thief = browser.clone();
    thief.forget("device");
    let _ = browser.refresh().await.expect(200);
    desk.wait(2).await;
    let reused = ask(&mut thief, "/auth/refresh", &good).await.expect(401);
    assert_eq!(reused.json()["code"], "REFRESH_REUSED");
    assert!(is_cleared(&reused) && thief.jar.is_empty());

    let ended = ask(&mut browser, "/auth/refresh", &good).await.expect(401);
    assert_eq!(ended.json()["code"], "INVALID_REFRESH_TOKEN");
    assert!(is_cleared(&ended) && browser.is_signed_out());
    let none = ask(&mut browser, "/auth/refresh", &good).await.expect(401);
    assert_eq!(none.json()["code"], "NO_REFRESH_TOKEN");
    assert!(is_cleared(&none));
}

#[tokio::test]
async fn an_edge_is_asked_to_repeat_only_where_the_same_token_would_do() {
    for (strict, retry_after) in [(false, Some("10")), (true, None)] {
        let (desk, mut browser) = Desk::with_ada_and(|config| {
            config.refresh.strict = strict;
            wait_long(config);
        })
        .await;
        let credentials = json!({ "email": EMAIL, "password": PASSWORD });
        let login = browser.post("/auth/login").json(&credentials).with_csrf();
        let _ = login.send().await.expect(200);
        let key = edge(&desk).await;
        let good = proof(&desk, &key, &json!({ "refresh": true }));
        let mut slower = browser.clone();
        let _ = ask(&mut browser, "/auth/refresh", &good).await.expect(200);
        let late = ask(&mut slower, "/auth/refresh", &good).await.expect(409);
        let said = late.headers.get("retry-after");
        assert_eq!(
            said.map(|said| said.to_str().unwrap()),
            retry_after,
            "strict: {strict}"
        );
        assert!(!is_cleared(&late));
    }
}
