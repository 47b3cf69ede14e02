//! One browser, and what it asks for after a while.

use std::sync::{Arc, Mutex};

use edgeward_core::token::{SigningKey, TokenType};
use edgeward_tests::http_server::{Reply, response, serve};
use edgeward_tests::{Setup, World, days};
use reqwest::Method;
use serde_json::json;

use super::{HELD_SECONDS, OVER_SECONDS, cookies, generation, refreshes, set_and_removed};

/// The methods and bodies of what arrived at an app.
type Arrived = Vec<(String, Vec<u8>)>;

const NEW: [&str; 3] = ["edgeward-access", "edgeward-csrf", "edgeward-refresh"];

const REMOVED: [&str; 4] = [
    "edgeward-access",
    "edgeward-csrf",
    "edgeward-refresh",
    "edgeward-session",
];

#[tokio::test]
async fn a_page_that_is_opened_late_goes_on_and_the_browser_gets_every_new_cookie() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    for (seq, step) in ["a minute over", "the next morning"].iter().enumerate() {
        world.wait(if seq == 0 { OVER_SECONDS } else { days(1) });
        let page = ada.navigate("/app?tab=2").send().await.expect(200);
        assert!(page.body.contains("ada Example"), "{step}");
        assert_eq!(set_and_removed(&page), (NEW.to_vec(), vec![]), "{step}");
        assert_eq!(page.header("cache-control"), Some("private, no-store"));
        assert_eq!(generation(&ada), (seq + 1).to_string(), "{step}");
        assert_eq!(refreshes(&world), seq + 1, "{step}");
        // The new ones serve for everything: the app, verify-token, the issuer, and a refresh of the browser's own.
        let next = ada.get("/api/echo").send().await.expect(200);
        assert!(next.set_cookies().is_empty());
        let _ = ada.get("/auth/verify-token").send().await.expect(204);
        let _ = ada.get("/auth/me").send().await.expect(200);
    }
    let asked = world.to_issuer().seen();
    let asked = asked
        .iter()
        .find(|seen| seen.target == "/auth/refresh")
        .unwrap();
    let sent = asked.header("cookie").concat();
    let mut names: Vec<_> = sent
        .split("; ")
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["edgeward-device", "edgeward-refresh"]);
    assert_eq!(asked.header("user-agent"), ["Mozilla/5.0 (a story)"]);
    assert!(asked.header("x-csrf-token").is_empty() && asked.header("origin").is_empty());
    let _ = ada.refresh().await.expect(200);
    assert_eq!(generation(&ada), "3");
    let logs = world.logs();
    for secret in [ada.access_token(), ada.cookie("refresh").unwrap().value] {
        assert!(!logs.contains(&secret), "no token in a log");
    }
}

#[tokio::test]
async fn an_access_cookie_that_is_there_and_has_expired_is_as_good_as_none() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let kept = cookies(&ada, &world);
    world.wait(OVER_SECONDS);
    let asking = ada.get("/api/echo").without_cookies();
    let answer = asking.header("cookie", &kept).send().await.expect(200);
    assert_eq!(set_and_removed(&answer), (NEW.to_vec(), vec![]));
    // The app sees the identity, and none of the cookies.
    let last = world.to_app().seen().pop().unwrap();
    assert_eq!(last.header("edgeward-assertion").len(), 1);
    assert!(last.header("cookie").is_empty());
    // In `Authorization` the same token is somebody's own, who refreshes by themselves.
    let token = kept
        .split("; ")
        .find_map(|pair| pair.strip_prefix("edgeward-access="))
        .unwrap();
    let bearer = world.browser().get("/api/echo").bearer(token);
    let bearer = bearer.header("cookie", &kept).send().await;
    let _ = bearer.expect_problem(401, "TOKEN_EXPIRED");
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test]
async fn a_body_arrives_whole_whatever_comes_before_it() {
    let bodies: Arc<Mutex<Arrived>> = Arc::default();
    let notes = Arc::clone(&bodies);
    let app = serve(move |head, body| {
        let note = (head.method.clone(), body.to_vec());
        notes.lock().expect("nobody panicked").push(note);
        Reply::Whole(response(200, &[], b"the app"))
    });
    let world = World::with(Setup {
        app: Some(format!("http://{app}")),
        ..Setup::default()
    })
    .await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let body = json!({ "long": "b".repeat(200_000) });
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        world.wait(OVER_SECONDS);
        let origin = &world.site.origin;
        let asking = ada.ask(method.clone(), "/api/x").header("origin", origin);
        let answer = asking.json(&body).send().await.expect(200);
        assert_eq!(set_and_removed(&answer), (NEW.to_vec(), vec![]), "{method}");
        let arrived = std::mem::take(&mut *bodies.lock().expect("nobody panicked"));
        let expected = (method.to_string(), body.to_string().into_bytes());
        // The bodies are too long for a message.
        assert!(arrived == [expected], "{method} arrived otherwise");
    }
}

#[tokio::test]
async fn nothing_else_causes_a_refresh() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    world.wait(OVER_SECONDS);
    let public = ada.navigate("/").send().await.expect(200);
    assert!(!public.body.contains(&ada.email));
    let _ = ada.get("/auth/verify-token").send().await.expect(401);
    let _ = ada.navigate("/login").send().await.expect(200);
    let _ = ada.get("/auth/csrf").send().await.expect(200);
    let _ = ada.get("/nowhere").send().await.expect(403);
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
        ("next-router-prefetch", "1"),
    ] {
        // A refusal, because a redirect would be kept for the visit.
        let ahead = ada.navigate("/app").header(name, value).send().await;
        assert_eq!((ahead.status, ahead.set_cookies()), (401, vec![]), "{name}");
    }
    for garbage in ["x", "rt1.a", "rt1..x", "rt1.a.b,c"] {
        let cookie = format!("edgeward-refresh={garbage}");
        let asking = world.browser().get("/api/echo").header("cookie", &cookie);
        let _ = asking.send().await.expect_problem(401, "NOT_SIGNED_IN");
    }
    assert_eq!(refreshes(&world), 0);
    assert_eq!(generation(&ada), "0");
    // The visit itself does it.
    let _ = ada.navigate("/app").send().await.expect(200);
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test]
async fn cookies_come_with_refusals_and_redirects_too() {
    let policy = "version = 1\n[gate]\nmissing_role = \"/\"\n\
        [[route]]\npath = \"/\"\nallow = \"public\"\n\
        [[route]]\npath = \"/api/echo\"\nroles = [\"admin\"]\n";
    let mut world = World::with(Setup {
        policy: Some(policy.to_owned()),
        ..Setup::default()
    })
    .await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    world.wait(OVER_SECONDS);
    let refused = ada.get("/api/echo").send().await;
    let refused = refused.expect_problem(403, "INSUFFICIENT_ROLE");
    assert_eq!(set_and_removed(&refused), (NEW.to_vec(), vec![]));
    world.wait(OVER_SECONDS);
    let led = ada.navigate("/api/echo").send().await;
    let led = led.expect_redirect("/");
    assert_eq!(set_and_removed(&led), (NEW.to_vec(), vec![]));

    let grace = world.admin("grace").await;
    grace.log_in().await;
    world.wait(OVER_SECONDS);
    world.stack.app.stop();
    let without_app = grace.get("/api/echo").send().await.expect(502);
    assert_eq!(set_and_removed(&without_app), (NEW.to_vec(), vec![]));
}

#[tokio::test]
async fn an_ended_session_is_cleared_away_and_asks_for_a_sign_in() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    // Signed out elsewhere; not used for too long; forged.
    ada.log_in().await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    let all = elsewhere.post("/auth/logout-all").with_csrf().send().await;
    let _ = all.expect(204);
    world.wait(OVER_SECONDS);
    let refused = ada.get("/api/echo").send().await;
    let refused = refused.expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(set_and_removed(&refused), (vec![], REMOVED.to_vec()));
    assert_eq!(ada.jar().names(), ["edgeward-device"]);

    ada.log_in().await;
    let kept = cookies(&ada, &world);
    world.wait(days(15));
    // A browser has let go of them by then, and is told of nothing; who keeps them is.
    let led = ada.navigate("/app?x=1").send().await;
    let led = led.expect_redirect("/login?returnTo=%2Fapp%3Fx%3D1");
    assert_eq!(set_and_removed(&led), (vec![], vec![]));
    let keeper = world.browser().navigate("/app?x=1");
    let led = keeper.header("cookie", &kept).send().await;
    let led = led.expect_redirect("/login?returnTo=%2Fapp%3Fx%3D1");
    assert_eq!(set_and_removed(&led), (vec![], REMOVED.to_vec()));

    let forged = world.browser().get("/api/echo");
    let forged = forged.header("cookie", "edgeward-refresh=rt1.a.0.b.c");
    let refused = forged.send().await.expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(set_and_removed(&refused), (vec![], REMOVED.to_vec()));
}

#[tokio::test]
async fn a_stolen_token_that_comes_back_ends_the_session() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    world.wait(OVER_SECONDS);
    let stolen = ada.cookie("refresh").unwrap().value;
    let _ = ada.get("/api/echo").send().await.expect(200);
    world.wait(HELD_SECONDS);
    let thief = world.browser().get("/api/echo");
    let thief = thief.header(
        "cookie",
        &format!("edgeward-refresh={stolen}; edgeward-device=x"),
    );
    let refused = thief.send().await.expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(set_and_removed(&refused), (vec![], REMOVED.to_vec()));
    // And for the one it was stolen from too, as the feed says.
    let refused = world.confirmed(ada.get("/api/echo")).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    world.wait(OVER_SECONDS);
    let page = ada.navigate("/app").send().await;
    let _ = page.expect_redirect("/login?returnTo=%2Fapp");
    assert!(world.logs().contains("refresh-reuse"));
}

#[tokio::test]
async fn without_the_issuer_who_needs_a_refresh_waits_and_nobody_else() {
    let mut world = World::with(Setup {
        taps: false,
        ..Setup::default()
    })
    .await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);
    world.wait(OVER_SECONDS);
    world.stack.issuer.stop();
    let refused = ada.get("/api/echo").send().await;
    let refused = refused.expect_problem(503, "ISSUER_UNAVAILABLE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let page = ada.navigate("/app").send().await.expect(503);
    assert_eq!(page.header("retry-after"), Some("1"));
    assert!(page.set_cookies().is_empty(), "the session may well go on");
    let _ = ada.navigate("/").send().await.expect(200);
    let _ = world.browser().get("/api/echo").send().await.expect(401);

    world.stack.issuer.start().unwrap();
    world.wait(HELD_SECONDS);
    let _ = ada.get("/api/echo").send().await.expect(200);
    assert_eq!(generation(&ada), "1");
}

#[tokio::test]
async fn only_the_edge_itself_needs_no_csrf_token() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let now = world.now();
    let claims = json!({
        "iss": "dev", "sub": "dev", "aud": world.site.origin, "iat": now, "exp": now + 30, "jti": "1",
        "htm": "POST", "htu": "/auth/refresh", "cip": "203.0.113.7", "rid": "r", "refresh": true,
    });
    let stranger = SigningKey::from_seed(&[7; 32]).unwrap();
    let forged = stranger.sign(&TokenType::EdgeProof, &claims).unwrap();
    let own = cookies(&ada, &world);

    // Through the edge: its proof says nothing of the kind, whatever the client sends along.
    let through = ada.post("/auth/refresh").header("edgeward-proof", &forged);
    let _ = through.send().await.expect_problem(403, "CSRF_INVALID");
    let plain = ada.post("/auth/refresh").header("sec-purpose", "prefetch");
    let _ = plain.send().await.expect_problem(403, "CSRF_INVALID");
    let asked = world.to_issuer().seen();
    for seen in asked.iter().filter(|seen| seen.target == "/auth/refresh") {
        assert_ne!(seen.header("edgeward-proof"), [forged.as_str()]);
    }

    // Past the edge: nobody's proof, and an edge's proof for another request.
    let past = world.stranger_at_the_issuer();
    let proof = asked.last().unwrap().header("edgeward-proof").concat();
    for (proof, status, code) in [
        (forged.as_str(), 401, "EDGE_PROOF_INVALID"),
        (proof.as_str(), 403, "CSRF_INVALID"),
    ] {
        let refresh = past
            .ask(Method::POST, "/auth/refresh")
            .header("cookie", &own);
        let refused = refresh.header("edgeward-proof", proof).send().await;
        let _ = refused.expect_problem(status, code);
    }
    assert_eq!(generation(&ada), "0");
    let _ = ada.refresh().await.expect(200);

    // The proof of a refresh by the edge is good for nothing else.
    world.wait(OVER_SECONDS);
    let _ = ada.get("/api/echo").send().await.expect(200);
    let asked = world.to_issuer().seen();
    let refresh = asked.iter().rfind(|seen| seen.target == "/auth/refresh");
    let proof = refresh.unwrap().header("edgeward-proof").concat();
    for path in ["/auth/logout", "/auth/refresh?x", "/auth/password"] {
        let other = past.ask(Method::POST, path).header("cookie", &own);
        let refused = other.header("edgeward-proof", &proof).send().await;
        let _ = refused.expect_problem(401, "EDGE_PROOF_INVALID");
    }
}
