//! A refresh token that is repeated from another range of addresses: judged as its first use would be.

use edgeward_issuer::config::OnChange;
use serde_json::Value;

use crate::{
    desk::{Answer, Browser, Desk, EMAIL},
    step_up::claims,
};

const AT_HOME: &str = "192.0.2.1";
const NEXT_DOOR: &str = "192.0.2.200";
const ELSEWHERE: &str = "198.51.100.1";

/// A site, Ada's browser after a refresh, and the same browser as it was before that.
struct Repeated {
    desk: Desk,
    after: Browser,
    before: Browser,
}

impl Repeated {
    async fn under(on_address_change: OnChange) -> Self {
        let (desk, mut after) =
            Desk::with_ada_and(|config| config.refresh.on_address_change = on_address_change).await;
        after.address = Some(AT_HOME.parse().unwrap());
        after.log_in(EMAIL).await;
        desk.wait(60).await;
        let before = after.clone();
        after.refresh().await.expect(200);
        // Longer than the issuer says that another request is refreshing.
        desk.wait(2).await;
        Self {
            desk,
            after,
            before,
        }
    }

    /// The token of before once more, from there.
    async fn repeat(&self, address: &str) -> (Answer, Browser) {
        let mut browser = self.before.clone();
        browser.address = Some(address.parse().unwrap());
        (browser.refresh().await, browser)
    }

    /// The last act, and what it says has changed.
    async fn last(&self) -> (String, Value) {
        let entry = self.desk.audit().await.pop().unwrap();
        let act = self.desk.acts().await.pop().unwrap();
        (act, entry["details"]["changed"].clone())
    }
}

#[tokio::test]
async fn from_the_same_range_it_is_as_ever_whatever_is_configured() {
    for policy in [OnChange::Note, OnChange::StepUp, OnChange::Revoke] {
        let world = Repeated::under(policy).await;
        let (answer, browser) = world.repeat(NEXT_DOOR).await;
        answer.expect(200);
        assert_eq!(browser.cookie("refresh"), world.after.cookie("refresh"));
        assert_ne!(claims(&browser.cookie("access"))["acr"], "0");
        let expected = ("session.refresh-repeat done".to_owned(), Value::Null);
        assert_eq!(world.last().await, expected, "{policy:?}");
    }
}

#[tokio::test]
async fn from_another_range_it_is_noted() {
    let world = Repeated::under(OnChange::Note).await;
    let (answer, browser) = world.repeat(ELSEWHERE).await;
    answer.expect(200);
    assert_eq!(browser.cookie("refresh"), world.after.cookie("refresh"));
    let (act, changed) = world.last().await;
    assert_eq!(
        (act.as_str(), changed),
        ("session.refresh-repeat done", Value::from("address"))
    );
}

#[tokio::test]
async fn from_another_range_it_makes_the_session_doubtful_from_then_on() {
    let mut world = Repeated::under(OnChange::StepUp).await;
    let (answer, browser) = world.repeat(ELSEWHERE).await;
    answer.expect(200);
    assert_eq!(browser.cookie("refresh"), world.after.cookie("refresh"));
    let found = claims(&browser.cookie("access"));
    assert_eq!(found["acr"], "0");
    assert!(found.get("auth_time").is_none() && found.get("amr").is_none());
    let (act, changed) = world.last().await;
    assert_eq!(
        (act.as_str(), changed),
        ("session.demand-step-up done", Value::from("address"))
    );

    // Said once; from wherever it comes, the doubt stays.
    for address in [ELSEWHERE, AT_HOME] {
        let (answer, browser) = world.repeat(address).await;
        answer.expect(200);
        assert_eq!(claims(&browser.cookie("access"))["acr"], "0", "{address}");
        assert_eq!(world.last().await.0, "session.refresh-repeat done");
    }
    world.after.refresh().await.expect(200);
    assert_eq!(claims(&world.after.cookie("access"))["acr"], "0");
}

#[tokio::test]
async fn from_another_range_it_ends_the_session() {
    let mut world = Repeated::under(OnChange::Revoke).await;
    let (answer, _) = world.repeat(ELSEWHERE).await;
    answer.expect_problem(401, "INVALID_REFRESH_TOKEN");
    let (act, _) = world.last().await;
    assert_eq!(act, "session.refresh refused address-changed");
    let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'address-changed'";
    assert_eq!(world.desk.number(ended).await, 1);
    world
        .after
        .refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
}
