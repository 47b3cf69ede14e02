//! What nginx itself limits: how often, and from where.

use std::net::Ipv4Addr;

use edgeward_tests::NginxSite;
use serde_json::json;

use super::POLICY;

/// The burst of the shipped file, and the one that it counts from.
const AT_ONCE: usize = 11;

#[tokio::test]
async fn guessing_is_slowed_down_before_the_issuer_is_reached() {
    let site = NginxSite::start(POLICY).await;
    let browser = site.browser();
    let mut statuses = Vec::new();
    // The first one: on a busy machine a turn may come back before the last guess.
    let mut limited = None;
    for guess in 0..AT_ONCE * 2 {
        let credentials = json!({ "email": format!("n{guess}@example.test"), "password": "Wrong-Horse-7-Battery" });
        let answer = browser.post("/auth/login").json(&credentials).send().await;
        statuses.push(answer.status);
        if answer.status == 429 {
            limited.get_or_insert(answer);
        }
    }
    assert!(
        statuses.iter().take(AT_ONCE).all(|status| *status == 401),
        "{statuses:?}"
    );
    let limited = limited.unwrap_or_else(|| panic!("{statuses:?}"));
    let limited = limited.expect_problem(429, "RATE_LIMITED");
    assert_eq!(limited.header("retry-after"), Some("6"));
    assert_eq!(limited.header("cache-control"), Some("no-store"));
    let _ = browser.get("/").send().await.expect(200);
}

#[tokio::test]
async fn administration_is_for_the_listed_networks() {
    // Everything that the policy may call a locale.
    let locales = r#"locales = ["de", "es-419", "zh-Hant-TW", "english", "1996"]"#;
    let policy = POLICY.replace(r#"locales = ["de"]"#, locales);
    let site = NginxSite::start(&policy).await;
    let root = site.person("root", &["admin"]).await;
    let cookie = format!("edgeward-access={}", root.access_token());
    let (listed, other) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2));
    for (target, from, status) in [
        ("/admin", listed, 200),
        ("/admin/users", other, 403),
        ("/admin", other, 403),
        ("/%61dmin", other, 403),
        ("/de/admin", other, 403),
        ("/es-419/admin", other, 403),
        ("/es-419/admin/users", other, 403),
        ("/%65s%2D419/%61dmin", other, 403),
        ("/zh-Hant-TW/admin", other, 403),
        ("/english/admin/", other, 403),
        ("/1996/admin", other, 403),
        ("/ES-419/Admin", other, 403),
        ("/app/../es-419/admin", other, 403),
        ("/es-419/admin", listed, 200),
        ("/zh-Hant-TW/admin/", listed, 200),
        ("/app/../admin", other, 403),
        ("/auth/admin/users", other, 403),
        // Answered by the issuer, which wants more than this cookie; as a page of the app's behind a locale it would be 403.
        ("/auth/admin/users", listed, 401),
        ("/files/admin", other, 404),
        ("/app", other, 200),
        ("/es-419/app", other, 200),
    ] {
        assert_eq!(
            site.status_from(from, target, &cookie).await,
            status,
            "{target} from {from}"
        );
    }
    let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.target).collect();
    let expected = [
        "/admin",
        "/es-419/admin",
        "/zh-Hant-TW/admin/",
        "/app",
        "/es-419/app",
    ];
    assert_eq!(arrived, expected);
}
