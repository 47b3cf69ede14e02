//! Spellings of a protected path. Whatever a library would tidy up is sent by hand.

use edgeward_tests::client::TEST_CLOCK;
use edgeward_tests::{World, raw};

/// Ways to write `/admin` that some server somewhere takes for it.
const SPELLINGS: &[&str] = &[
    "/admin",
    "/admin/",
    "/admin?x=1",
    "/admin/.",
    "/./admin",
    "/app/../admin",
    "/app/../../admin",
    "//admin",
    "/admin//",
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/%2561dmin",
    "/admin%2f",
    "/%2fadmin",
    "/%2e/admin",
    "/app/%2e%2e/admin",
    "/app/..%2fadmin",
    "/app/..%5cadmin",
    "/app\\..\\admin",
    "/\\admin",
    "/admin;x=1",
    "/;/admin",
    "/admin%3b",
    "/admin%00",
    "/admin%20",
    "/admin%09",
    "/admin.",
    "/ADMIN",
    "/Admin",
    "/admin%c0%af",
    "/adm%u0069n",
    "/admin%",
    "/app/%2e%2e%2fadmin",
    "/app/.%2e/admin",
    "/app/....//admin",
    "/admin%23",
    "/admin%3fx",
    "/\u{ff0f}admin",
    "http://127.0.0.1/admin",
];

#[tokio::test]
async fn no_spelling_of_the_admin_path_lets_a_user_in() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let cookie = format!("edgeward-access={}", ada.access_token());
    let now = world.now().to_string();
    for spelling in SPELLINGS {
        for accept in ["text/html", "application/json"] {
            let headers = [
                ("Cookie", cookie.as_str()),
                (TEST_CLOCK, &now),
                ("Accept", accept),
            ];
            // A connection that is closed without an answer refuses as well.
            let Some(answer) = raw::get(world.site.address, spelling, &headers) else {
                continue;
            };
            assert!(
                !answer.body.contains("Admin area"),
                "{spelling} let a user in: {answer:?}"
            );
            assert!(
                matches!(answer.status, 303 | 400 | 403 | 404),
                "{spelling}: {answer:?}"
            );
        }
    }
    for seen in world.to_app().seen() {
        assert!(
            !seen.target.to_ascii_lowercase().contains("admin"),
            "the app was asked for {}",
            seen.target
        );
    }
}

#[tokio::test]
async fn no_spelling_of_a_protected_path_lets_a_stranger_in() {
    let world = World::start().await;
    for spelling in SPELLINGS
        .iter()
        .map(|path| path.replace("admin", "api/echo"))
    {
        let Some(answer) = raw::get(
            world.site.address,
            &spelling,
            &[("Accept", "application/json")],
        ) else {
            continue;
        };
        assert!(
            matches!(answer.status, 303 | 400 | 401 | 403 | 404),
            "{spelling}: {answer:?}"
        );
        assert!(!answer.body.contains("headers"), "{spelling}: {answer:?}");
    }
    let asked: Vec<_> = world.to_app().lines();
    assert!(asked.iter().all(|line| !line.contains("echo")), "{asked:?}");
}

#[tokio::test]
async fn the_path_that_was_judged_is_the_path_that_is_forwarded() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let cookie = format!("edgeward-access={}", ada.access_token());
    let now = world.now().to_string();
    for (sent, forwarded) in [
        ("/api/./echo?a=%2F..%2F&b=1", "/api/echo?a=%2F..%2F&b=1"),
        ("/api/x/../echo", "/api/echo"),
        ("/api/%65cho", "/api/echo"),
        ("/app/%c3%a9", "/app/%C3%A9"),
    ] {
        let headers = [("Cookie", cookie.as_str()), (TEST_CLOCK, now.as_str())];
        let answer = raw::get(world.site.address, sent, &headers).unwrap();
        assert!(matches!(answer.status, 200 | 404), "{sent}: {answer:?}");
        let last = world.to_app().seen().pop().map(|seen| seen.target);
        assert_eq!(last.as_deref(), Some(forwarded), "{sent}");
    }
}

#[tokio::test]
async fn an_ambiguous_path_is_400_for_everybody() {
    let world = World::start().await;
    let admin = world.admin("root").await;
    admin.log_in().await;
    let cookie = format!("edgeward-access={}", admin.access_token());
    let now = world.now().to_string();
    for spelling in [
        "//admin",
        "/admin%2f",
        "/admin%5c",
        "/admin%00",
        "/admin;x",
        "/%2561dmin",
        "/app/%2e%2e/admin",
    ] {
        let headers = [
            ("Cookie", cookie.as_str()),
            (TEST_CLOCK, now.as_str()),
            ("Accept", "application/json"),
        ];
        let answer = raw::get(world.site.address, spelling, &headers).unwrap();
        let _ = answer.expect_problem(400, "AMBIGUOUS_PATH");
    }
}
