//! A computer that several people use: what one leaves behind there makes nobody else's device.

use serde_json::json;

use crate::desk::{Browser, Desk, EMAIL, PASSWORD};

const GRACE: &str = "grace@example.test";

async fn try_to_log_in(browser: &mut Browser, password: &str) -> u16 {
    let body = json!({ "email": EMAIL, "password": password });
    let ask = browser.post("/auth/login").json(&body).with_csrf();
    ask.send().await.status
}

#[tokio::test]
async fn a_device_cookie_from_before_is_not_the_next_ones() {
    let (desk, mut shared) = Desk::with_ada().await;
    desk.add(GRACE, &[]).await;
    shared.log_in(GRACE).await;
    let fixed = shared.cookie("device");
    shared.log_out().await;
    shared.log_in(EMAIL).await;
    let own = shared.cookie("device");
    assert_ne!(own, fixed, "Grace knows it");
    // What the account knows stays, through signing out and in and proving the password again.
    shared.log_out().await;
    shared.log_in(EMAIL).await;
    assert_eq!(shared.cookie("device"), own);
    let body = json!({ "password": PASSWORD });
    let step_up = shared.post("/auth/step-up").json(&body).with_csrf();
    step_up.send().await.expect(200);
    assert_eq!(shared.cookie("device"), own);

    // Strangers lock the account: Ada's browser passes, Grace with the cookie of before does not.
    let mut stranger = desk.browser();
    for _ in 0..5 {
        assert_eq!(try_to_log_in(&mut stranger, "Wrong-Horse-7").await, 401);
    }
    let mut grace = desk.browser();
    grace.set_cookie("device", &fixed);
    assert_eq!(try_to_log_in(&mut grace, PASSWORD).await, 423);
    assert_eq!(try_to_log_in(&mut shared, PASSWORD).await, 200);
}

/// What nobody has had before is planted by whoever used the browser, or by a sibling host.
#[tokio::test]
async fn a_planted_device_cookie_is_replaced() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let planted = "A".repeat(43);
    browser.set_cookie("device", &planted);
    browser.log_in(EMAIL).await;
    assert_ne!(browser.cookie("device"), planted);
    let body = json!({ "email": GRACE, "password": PASSWORD });
    browser.set_cookie("device", &planted);
    let register = browser.post("/auth/register").json(&body).with_csrf();
    register.send().await.expect(201);
    assert_ne!(browser.cookie("device"), planted);
}
