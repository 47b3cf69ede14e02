//! `HEAD` and `GET /auth/verify-token`: the edge's own answer, without a word to the issuer about the token.

use edgeward_tests::{World, minutes};
use reqwest::Method;

#[tokio::test]
async fn a_good_token_is_204_and_the_issuer_is_asked_for_nothing_but_the_feed() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let token = ada.access_token();
    // The key set may be fetched once, before.
    let _ = ada.get("/auth/verify-token").send().await.expect(204);

    let asked = || {
        let lines = world.to_issuer().lines().into_iter();
        let (of_the_feed, others): (Vec<_>, Vec<_>) =
            lines.partition(|line| line.starts_with("GET /.well-known/edgeward-revocations"));
        (of_the_feed.len(), others)
    };
    let (feed, before) = asked();
    for method in [Method::HEAD, Method::GET] {
        let answer = ada
            .ask(method.clone(), "/auth/verify-token")
            .bearer(&token)
            .send()
            .await
            .expect(204);
        assert_eq!(answer.body, "");
        let _ = ada
            .ask(method, "/auth/verify-token")
            .send()
            .await
            .expect(204);
    }
    for bad in [
        token.replace('.', "_"),
        format!("{token}x"),
        "x".to_owned(),
        "a.b.c".to_owned(),
    ] {
        let _ = ada
            .ask(Method::HEAD, "/auth/verify-token")
            .bearer(&bad)
            .send()
            .await
            .expect(401);
    }
    world.wait(minutes(3));
    let _ = ada
        .ask(Method::HEAD, "/auth/verify-token")
        .bearer(&token)
        .send()
        .await
        .expect(204);
    assert_eq!(asked(), (feed + 1, before), "for the feed alone");
}

#[tokio::test]
async fn anything_else_is_401_with_a_challenge() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let token = ada.access_token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let flipped: String = signature
        .chars()
        .map(|c| if c == 'A' { 'B' } else { 'A' })
        .collect();
    let refresh = ada.cookie("refresh").unwrap().value;

    let browser = world.browser();
    let answer = browser
        .ask(Method::HEAD, "/auth/verify-token")
        .send()
        .await
        .expect(401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer"),
        "no credential, no error (RFC 6750, 3.1)"
    );
    for bad in [
        "garbage".to_owned(),
        format!("{head}.{flipped}"),
        format!("{head}."),
        head.to_owned(),
        refresh,
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "x".repeat(9000),
    ] {
        for method in [Method::HEAD, Method::GET] {
            let answer = browser
                .ask(method, "/auth/verify-token")
                .bearer(&bad)
                .send()
                .await
                .expect(401);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(
                challenge.starts_with("Bearer error=\"invalid_token\""),
                "{bad:.40}: {challenge}"
            );
            assert!(!answer.body.contains(&bad), "the token is not repeated");
        }
    }
    world.wait(minutes(12));
    let late = browser
        .get("/auth/verify-token")
        .bearer(&token)
        .send()
        .await;
    let _ = late.expect_problem(401, "TOKEN_EXPIRED");
    assert!(!world.logs().contains(&token), "no token in a log");
}

#[tokio::test]
async fn other_methods_are_told_which_ones_there_are() {
    let world = World::start().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = world
            .browser()
            .ask(method, "/auth/verify-token")
            .send()
            .await;
        assert_eq!(
            answer
                .expect_problem(405, "METHOD_NOT_ALLOWED")
                .header("allow"),
            Some("GET, HEAD")
        );
    }
    assert!(
        world
            .to_issuer()
            .lines()
            .iter()
            .all(|line| !line.contains("verify-token"))
    );
}

#[tokio::test]
async fn two_credentials_are_ambiguous_whichever_is_good() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let token = ada.access_token();
    let cookie = |value: &str| format!("edgeward-access={value}");
    let ask = || world.browser().get("/auth/verify-token");
    let bearer = format!("Bearer {token}");
    for (what, asking) in [
        (
            "two tokens",
            ask()
                .header("authorization", &bearer)
                .header("cookie", &cookie("other.token.here")),
        ),
        (
            "two headers",
            ask()
                .header("authorization", &bearer)
                .header("authorization", "Bearer other"),
        ),
        (
            "two cookies",
            ask().header("cookie", &format!("{}; {}", cookie(&token), cookie("x"))),
        ),
        (
            "two cookie headers",
            ask()
                .header("cookie", &cookie(&token))
                .header("cookie", &cookie("x")),
        ),
        (
            "two cookies behind a comma",
            ask().header("cookie", &format!("{}, {}", cookie(&token), cookie("x"))),
        ),
    ] {
        let answer = asking.send().await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        let _ = answer.expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    }
    let same = ask()
        .header("authorization", &bearer)
        .header("cookie", &cookie(&token))
        .send()
        .await;
    let _ = same.expect(204);
}
