//! What `[cookies]` says at the issuer, as browsers meet it behind the edge; and that the edge notices when it was not told.

use edgeward_tests::{Setup, World};
use serde_json::json;
use xtask::stack::Environment;

/// A site in production with these settings of the issuer and bindings of the Worker.
async fn world(
    issuer_settings: &'static str,
    edge_bindings: &'static [(&'static str, &'static str)],
) -> World {
    World::with(Setup {
        environment: Environment::Production,
        issuer_settings,
        edge_bindings,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn a_parent_domain_shares_the_cookies_and_costs_the_host_prefix() {
    let world = world(
        "[cookies]\nparent_domain = \"example.com\"\nsame_site = \"strict\"\n",
        &[("COOKIE_PARENT_DOMAIN", "example.com")],
    )
    .await;
    let ada = world.user("ada").await;
    let answer = ada.log_in().await;
    let lines = answer.set_cookies();
    for end in ["session", "access", "refresh", "csrf", "device"] {
        let name = format!("__Secure-edgeward-{end}=");
        let of_this_name = lines.iter().filter(|line| line.starts_with(&name));
        assert_eq!(of_this_name.count(), 1, "{name}: {lines:?}");
        let cookie = ada.cookie(end).unwrap();
        assert_eq!(cookie.domain.as_deref(), Some("example.com"), "{end}");
        assert_eq!(cookie.same_site.as_deref(), Some("Strict"), "{end}");
        assert!(
            cookie.secure && cookie.http_only && cookie.path == "/",
            "{end}"
        );
    }
    let _ = ada.navigate("/app").send().await.expect(200);
    let seen = world.to_app().seen().pop().unwrap();
    assert_eq!(seen.header("cookie"), Vec::<&str>::new());

    // What a sibling host may plant beside it is refused.
    let token = ada.access_token();
    let planted = format!("__Secure-edgeward-access={token}; __Secure-edgeward-access=x");
    let asking = ada.get("/api/echo").without_cookies();
    let _ = asking
        .header("cookie", &planted)
        .send()
        .await
        .expect_problem(400, "AMBIGUOUS_CREDENTIALS");

    let answer = ada.log_out().await.expect(204);
    for line in answer.set_cookies() {
        assert!(line.contains("; Domain=example.com; Max-Age=0;"), "{line}");
    }
    let _ = ada.get("/api/echo").send().await.expect(401);
}

#[tokio::test]
async fn same_site_is_what_the_issuer_is_told() {
    let world = world("[cookies]\nsame_site = \"none\"\n", &[]).await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    for end in ["session", "access", "refresh", "csrf", "device"] {
        let cookie = ada.cookie(end).unwrap();
        assert_eq!(cookie.same_site.as_deref(), Some("None"), "{end}");
        assert!(cookie.secure && cookie.domain.is_none(), "{end}");
    }
    // They go along with requests of any page now; what such a page may do with them is as before.
    let foreign = ada
        .post("/auth/logout")
        .with_csrf()
        .instead("origin", "https://evil.test")
        .instead("sec-fetch-site", "cross-site");
    let _ = foreign.send().await.expect_problem(403, "ORIGIN_REFUSED");
    let _ = ada.get("/auth/me").send().await.expect(200);
}

#[tokio::test]
async fn an_edge_that_knows_the_cookies_by_other_names_hands_none_out() {
    for (settings, bindings) in [
        ("[cookies]\nparent_domain = \"example.com\"\n", &[][..]),
        ("", &[("COOKIE_PARENT_DOMAIN", "example.com")]),
    ] {
        let world = world(settings, bindings).await;
        let ada = world.user("ada").await;
        let credentials = json!({ "email": ada.email, "password": ada.password });
        let answer = ada.post("/auth/login").json(&credentials).send().await;
        let answer = answer.expect_problem(503, "EDGE_MISCONFIGURED");
        assert_eq!(answer.set_cookies(), Vec::<&str>::new());
        let logs = world.logs();
        assert!(
            logs.contains("\"reason\":\"cookies-named-otherwise\""),
            "{logs}"
        );
    }
}
