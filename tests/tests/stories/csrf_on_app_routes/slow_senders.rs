//! Forms whose sender takes its time: the edge waits for the field in them, and not for ever.

use edgeward_tests::GatedApp;
use edgeward_tests::by_hand::Side;
use xtask::stack::Environment;

use super::{AGENT, POLICY, SESSION, app_with, cookies, hands_out, pays_with, token};

/// The head of a form of so many bytes that brings the token as a field.
fn head(site: &GatedApp, token: &str, length: usize) -> String {
    let lines = [
        format!("Cookie: {}", cookies(site, token)),
        format!("User-Agent: {AGENT}"),
        "Content-Type: application/x-www-form-urlencoded".to_owned(),
        format!("Content-Length: {length}"),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    site.edge.head_by_hand("POST /pay", &lines)
}

#[tokio::test]
async fn a_form_that_does_not_arrive_in_time_is_refused_and_holds_nobody_up() {
    let bindings = [("FORM_TIMEOUT_SECONDS", "1")];
    let site = GatedApp::bound(Environment::Development, POLICY, &bindings, &[]).await;
    hands_out(&site, &[1]);
    let good = token(&site, 1, SESSION, AGENT, 0);
    for begun in [
        format!("csrf_token={good}&to="),
        "to=".to_owned(),
        String::new(),
    ] {
        let mut slow = Side::towards(site.edge.address());
        slow.says(head(&site, &good, 1000) + &begun);
        assert_eq!(pays_with(&site, &good).status, 200, "others pass meanwhile");
        let answer = slow.head();
        assert_eq!(answer.status(), 408, "{begun}");
        assert_eq!(answer.each("content-type"), ["application/problem+json"]);
        let length = answer.each("content-length");
        let length = length.first().and_then(|length| length.parse().ok());
        let body = slow.bytes(length.expect("a length"));
        assert!(String::from_utf8_lossy(&body).contains("\"BODY_TOO_SLOW\""));
        assert_eq!(site.arrived().len(), 1, "only the other one");
    }
    let log = site.edge.log();
    assert!(log.contains("form-too-slow: /pay"));
    assert!(!log.contains(&good), "no token is logged");
}

#[tokio::test]
async fn a_form_in_pieces_goes_on_whole() {
    let site = app_with(&[1]).await;
    let good = token(&site, 1, SESSION, AGENT, 0);
    let form = format!("to=bob&csrf_token={good}&sum=1");
    let (first, second) = form.split_at(20);
    let mut sender = Side::towards(site.edge.address());
    sender.says(head(&site, &good, form.len()) + first);
    site.edge.has_read_everything().await;
    sender.says(second);
    assert_eq!(sender.head().status(), 200);
    assert_eq!(site.bodies(), [form.as_bytes()]);
}

#[tokio::test]
async fn a_sender_who_leaves_has_sent_nothing() {
    let site = app_with(&[1]).await;
    let good = token(&site, 1, SESSION, AGENT, 0);
    let mut leaving = Side::towards(site.edge.address());
    leaving.says(head(&site, &good, 1000) + "to=");
    site.edge.has_read_everything().await;
    drop(leaving);
    assert_eq!(pays_with(&site, &good).status, 200);
    assert_eq!(site.arrived().len(), 1);
}
