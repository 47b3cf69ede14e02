//! The production environment: behind TLS, under a host name, with the cookies that go with it.

use edgeward_tests::{Setup, World, minutes};
use xtask::stack::Environment;

async fn world() -> World {
    World::with(Setup {
        environment: Environment::Production,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn a_whole_visit_with_cookies_that_only_https_and_only_this_host_gets() {
    let world = world().await;
    let ada = world.user("ada").await;
    let _ = ada
        .navigate("/app")
        .send()
        .await
        .expect_redirect("/login?returnTo=%2Fapp");
    let answer = ada.log_in().await;
    for end in ["session", "access", "refresh", "csrf"] {
        let name = format!("__Host-edgeward-{end}");
        let fields: Vec<_> = answer
            .set_cookies()
            .into_iter()
            .filter(|field| field.starts_with(&format!("{name}=")))
            .collect();
        assert_eq!(fields.len(), 1, "{name}: {:?}", answer.set_cookies());
        // The jar has checked what `__Host-` asks for; the rest is ours.
        let cookie = ada.cookie(end).unwrap();
        assert!(
            cookie.secure && cookie.domain.is_none() && cookie.path == "/",
            "{cookie:?}"
        );
        assert_eq!(cookie.same_site.as_deref(), Some("Lax"), "{name}");
        assert!(cookie.http_only || end == "csrf", "{name}");
    }
    assert!(
        answer
            .header("strict-transport-security")
            .is_some_and(|value| value.contains("max-age=")),
        "{answer:?}"
    );

    let page = ada.navigate("/app").send().await.expect(200);
    assert!(page.body.contains("ada Example"));
    let seen = world.to_app().seen().pop().unwrap();
    assert_eq!(seen.header("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.header("x-forwarded-host"), ["app.example.com"]);
    assert_eq!(seen.header("cookie"), Vec::<&str>::new());

    world.wait(minutes(11));
    let _ = ada.get("/auth/verify-token").send().await.expect(401);
    // The edge refreshes, and the new cookies are ones that a browser keeps.
    let refreshed = ada.get("/api/echo").send().await.expect(200);
    assert_eq!(refreshed.set_cookies().len(), 3, "{refreshed:?}");
    let _ = ada.refresh().await.expect(200);
    let _ = ada.get("/api/echo").send().await.expect(200);
    let answer = ada.log_out().await;
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    let _ = ada.get("/api/echo").send().await.expect(401);
}

#[tokio::test]
async fn development_cookies_mean_nothing_here() {
    let world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let token = ada.access_token();
    let asking = ada
        .get("/api/echo")
        .without_cookies()
        .header("cookie", &format!("edgeward-access={token}"));
    let _ = asking.send().await.expect_problem(401, "NOT_SIGNED_IN");
    let asking = ada
        .get("/api/echo")
        .without_cookies()
        .header("cookie", &format!("__Host-edgeward-access={token}"));
    let _ = asking.send().await.expect(200);
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_out() {
    let world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    for (origin, site) in [
        ("https://evil.test", "cross-site"),
        ("null", "cross-site"),
        ("https://app.example.com.evil.test", "same-site"),
    ] {
        let foreign = ada
            .post("/auth/logout")
            .with_csrf()
            .instead("origin", origin)
            .instead("sec-fetch-site", site);
        assert_eq!(foreign.send().await.status, 403, "{origin}");
    }
    let _ = ada.get("/auth/me").send().await.expect(200);
}
