//! What a form costs the edge that looks for the token in it.

use edgeward_tests::by_hand::Side;

use super::*;
use crate::proxying::{peak_of, runtime_of};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
/// As long as a form may be.
const LONGEST: usize = 64 * 1024;
/// What the runtime may grow by. It has a few kilobytes behind each piece that arrives: kept, those of this form would be over 200 MiB.
const LITTLE: u64 = 96 * 1024 * 1024;

#[tokio::test]
async fn nobody_is_waited_for_whose_cookie_would_not_do() {
    let site = app_with(&[1]).await;
    let expired = token(&site, 1, SESSION, AGENT, 40);
    for cookies in [site.cookie(), cookies(&site, "x"), cookies(&site, &expired)] {
        let headers = [
            ("Cookie", &*cookies),
            ("User-Agent", AGENT),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "65536"),
        ];
        // No byte of the form is sent.
        let answer = site.ask("POST /pay", &headers);
        is_refused(&site, answer, INVALID);
    }
}

#[tokio::test]
async fn a_form_that_comes_byte_by_byte_is_kept_once() {
    let site = app_with(&[1]).await;
    let process = runtime_of(&site.edge.log_file());
    let good = token(&site, 1, SESSION, AGENT, 0);
    let mut form = format!("csrf_token={good}&long=");
    form.push_str(&"x".repeat(LONGEST - form.len()));
    let lines = [
        &format!("Cookie: {}", cookies(&site, &good)),
        &format!("User-Agent: {AGENT}"),
        FORM,
        &format!("Content-Length: {LONGEST}"),
        "Connection: close",
    ];
    let head = site.edge.head_by_hand("POST /pay", &lines);
    let before = peak_of(&process);
    let mut client = Side::towards(site.edge.address());
    client.says(&head);
    for byte in form.as_bytes() {
        client.says([*byte]);
    }
    assert_eq!(client.head().status(), 200);
    assert_eq!(site.bodies(), [form.as_bytes()]);
    let grown = peak_of(&process) - before;
    println!("the peak grew by {} KiB", grown / 1024);
    assert!(grown < LITTLE, "{grown} bytes");
}
