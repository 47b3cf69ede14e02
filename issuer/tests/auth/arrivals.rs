//! Refreshes that edges saw arrive: from then on a parent that comes back late is a stolen one. Who is no edge says nothing by it.

use edgeward_core::token::{ARRIVALS_HEADER, MAX_ARRIVALS_BYTES, SigningKey};
use serde_json::json;

use crate::desk::{Browser, Desk};
use crate::revocations::{Edge, FEED};

const UNCONFIRMED: &str = "SELECT count(*) FROM families WHERE confirmed = 0";

/// Ada, whose last refresh the issuer answered and nobody is known to have got; how an edge would tell that it arrived.
async fn refreshed() -> (Desk, Browser, String) {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let mut lost = browser.clone();
    lost.refresh().await.expect(200);
    let token = lost.cookie("refresh");
    let sid = token.split('.').nth(1).unwrap();
    (desk, browser, format!("{sid}.1;"))
}

/// Writes down what edges told, as the serving issuer does behind its answers.
async fn write(desk: &Desk) -> u64 {
    desk.app.arrivals.write(&desk.app.store).await.unwrap()
}

#[tokio::test]
async fn what_an_edge_saw_arrive_makes_a_late_parent_a_stolen_one() {
    for (tells, answer) in [(false, 200), (true, 401)] {
        let (desk, mut browser, arrived) = refreshed().await;
        let mut edge = Edge::enrolled_at(&desk).await;
        edge.arrived = tells.then_some(arrived);
        edge.page(&desk, 0).await;
        assert_eq!(write(&desk).await, u64::from(tells));
        desk.wait(31).await;
        let late = browser.refresh().await.expect(answer);
        if tells {
            late.expect_problem(401, "REFRESH_REUSED");
            let act = desk.acts().await.pop().unwrap();
            assert_eq!(act, "session.refresh-reuse refused parent-late");
        }
    }
}

#[tokio::test]
async fn within_the_grace_a_second_tab_still_gets_the_same_successor() {
    let (desk, mut browser, arrived) = refreshed().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    edge.arrived = Some(arrived);
    edge.page(&desk, 0).await;
    assert_eq!(write(&desk).await, 1);
    desk.wait(20).await;
    browser.refresh().await.expect(200);
}

#[tokio::test]
async fn nothing_is_believed_that_no_edge_proved() {
    let (desk, mut browser, arrived) = refreshed().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let stranger = browser.get(FEED).header(ARRIVALS_HEADER, &arrived);
    let refused = stranger.send().await;
    refused.expect_problem(401, "EDGE_PROOF_REQUIRED");
    edge.arrived = Some(arrived.clone());
    // What an edge passes on for somebody else is not said by it.
    let passed_on = edge.ask(&desk, FEED, json!({ "cip": "203.0.113.9" })).await;
    passed_on.expect_problem(401, "EDGE_PROOF_REQUIRED");
    let own = std::mem::replace(&mut edge.key, SigningKey::from_seed(&[8; 32]).unwrap());
    let foreign = edge.ask(&desk, FEED, json!({ "own": true })).await;
    foreign.expect_problem(401, "EDGE_PROOF_INVALID");
    assert_eq!(write(&desk).await, 0);
    assert_eq!(desk.number(UNCONFIRMED).await, 1);
    edge.key = own;
    edge.page(&desk, 0).await;
    assert_eq!(write(&desk).await, 1);
}

#[tokio::test]
async fn the_feed_is_answered_whatever_is_told() {
    let (desk, _browser, arrived) = refreshed().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let (sid, _) = arrived.split_once('.').unwrap();
    let too_long = arrived.repeat(MAX_ARRIVALS_BYTES / arrived.len() + 1);
    for told in [
        "",
        ";;;",
        "x",
        sid,
        &format!("{sid}."),
        &format!("{sid}.+1;"),
        &format!("{sid}.-1;"),
        &format!("{sid}.1.0;"),
        &format!("{sid}.2;"),
        &format!("{sid}.0;"),
        &format!("{sid}.99999999999999999999;"),
        &format!("{sid}.18446744073709551615;"),
        &format!("{}.1;", sid.to_uppercase()),
        &arrived.replace('-', ""),
        "' OR 1=1 --.1;",
        &too_long,
    ] {
        edge.arrived = Some(told.to_owned());
        edge.page(&desk, 0).await;
        assert_eq!(write(&desk).await, 0, "{told}");
        assert_eq!(desk.number(UNCONFIRMED).await, 1, "{told}");
    }
    // The database is away: the feed has its page at hand, and what was told is written when it is back.
    edge.arrived = Some(format!("nobody.1;{arrived}{arrived}"));
    desk.run("ALTER TABLE families RENAME TO gone").await;
    edge.page(&desk, 0).await;
    assert!(desk.app.arrivals.write(&desk.app.store).await.is_err());
    desk.run("ALTER TABLE gone RENAME TO families").await;
    assert_eq!(write(&desk).await, 1);
    assert_eq!(desk.number(UNCONFIRMED).await, 0);
}
