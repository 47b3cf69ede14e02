//! What is counted of sign-ins and refreshes that end before their credential is looked at.

use std::num::NonZeroU32;

use serde_json::json;

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    metrics::{VALID, moved, samples},
};

#[tokio::test]
async fn what_ends_before_the_credential_is_looked_at_counts_too() {
    let (desk, mut browser) = Desk::with_ada_and(|config| {
        config.limits.reads_burst = NonZeroU32::MIN;
        // Nobody regains one while the test runs.
        config.limits.reads_per_minute = NonZeroU32::MIN;
        config.limits.guesses_per_minute = NonZeroU32::MIN;
    })
    .await;
    browser.log_in(EMAIL).await;
    let token = browser.csrf_token().await;
    let refresh = browser.post("/auth/refresh").header("x-csrf-token", &token);
    refresh.from("192.0.2.1").send().await.expect(200);
    let before = samples(&desk).await;
    let token = browser.cookie("csrf");
    let refresh = browser.post("/auth/refresh").header("x-csrf-token", &token);
    let refused = refresh.from("192.0.2.1").send().await;
    refused.expect_problem(429, "RATE_LIMITED");
    assert_eq!(
        moved(&desk, &before).await,
        [
            VALID,
            "refreshes_total{result=\"limited\"} +1",
            "refusals_total{code=\"RATE_LIMITED\"} +1",
        ]
    );

    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let mut stranger = desk.browser();
    stranger.address = Some("192.0.2.9".parse().unwrap());
    for _ in 0..5 {
        let sign_in = stranger
            .clone()
            .post("/auth/login")
            .json(&right)
            .send()
            .await;
        sign_in.expect(200);
    }
    let before = samples(&desk).await;
    let refused = stranger.post("/auth/login").json(&right).send().await;
    refused.expect_problem(429, "RATE_LIMITED");
    assert_eq!(
        moved(&desk, &before).await,
        [
            "logins_total{result=\"refused\",reason=\"limited\"} +1",
            "refusals_total{code=\"RATE_LIMITED\"} +1",
        ]
    );

    // Whether the browser is known cannot be looked up.
    desk.run("ALTER TABLE families RENAME TO elsewhere").await;
    let before = samples(&desk).await;
    for purpose in ["session", "access", "refresh"] {
        browser.forget(purpose);
    }
    let refused = browser.post("/auth/login").json(&right).send().await;
    refused.expect_problem(500, "INTERNAL");
    assert_eq!(
        moved(&desk, &before).await,
        [
            "failures_total{kind=\"database\"} +1",
            "logins_total{result=\"failed\",reason=\"internal\"} +1",
            "refusals_total{code=\"INTERNAL\"} +1",
        ]
    );
}
