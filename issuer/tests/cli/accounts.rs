//! What an operator does about accounts and sessions.

use std::process::Command;

use serde_json::json;

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    program::{Ran, run},
};

/// The program over the data of a desk.
pub(super) fn command(desk: &Desk, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeward"));
    command
        .env_clear()
        .current_dir(desk.data())
        .env("EDGEWARD__LOG__LEVEL", "error")
        .arg("--data")
        .arg(desk.data())
        .args(args);
    command
}

pub(super) fn edgeward(desk: &Desk, args: &[&str]) -> Ran {
    run(&mut command(desk, args), b"")
}

#[track_caller]
fn check(ran: &Ran, code: i32, out: &str, err: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert_eq!(ran.out.trim_end(), out, "{ran:?}");
    assert!(ran.err.contains(err), "{ran:?}");
}

#[tokio::test]
async fn an_operator_ends_a_lock() {
    let (desk, mut browser) = Desk::with_ada().await;
    check(
        &edgeward(&desk, &["user", "unlock", EMAIL]),
        1,
        "",
        "no failures",
    );
    desk.lock(EMAIL).await;
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    browser
        .post("/auth/login")
        .json(&right)
        .send()
        .await
        .expect(423);
    check(
        &edgeward(&desk, &["user", "unlock", " Ada@example.test"]),
        0,
        "",
        "",
    );
    browser.log_in(EMAIL).await;
    check(
        &edgeward(&desk, &["user", "unlock", "nobody@example.test"]),
        1,
        "",
        "no account",
    );
    check(
        &edgeward(&desk, &["user", "unlock", "nobody"]),
        2,
        "",
        "email must be",
    );
    let last = desk.audit().await;
    let unlocked = last
        .iter()
        .find(|entry| entry["action"] == "account.unlock")
        .unwrap();
    assert_eq!(unlocked["actor"], "operator");
    assert!(unlocked["subject"].as_str().unwrap().starts_with("user:"));
}

#[tokio::test]
async fn a_changed_role_ends_the_sessions_and_is_in_the_next_ones() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut elsewhere = desk.browser();
    elsewhere.log_in(EMAIL).await;
    check(
        &edgeward(&desk, &["user", "role", "add", EMAIL, "admin"]),
        0,
        "sessions ended: 2",
        "",
    );
    for signed_in in [&mut browser, &mut elsewhere] {
        signed_in
            .get("/auth/me")
            .send()
            .await
            .expect_problem(401, "NOT_SIGNED_IN");
        signed_in
            .refresh()
            .await
            .expect_problem(401, "INVALID_REFRESH_TOKEN");
    }
    let me = browser.log_in(EMAIL).await.json();
    assert_eq!(me["user"]["roles"], json!(["admin", "editor"]));
    check(
        &edgeward(&desk, &["user", "role", "add", EMAIL, "admin"]),
        1,
        "",
        "already",
    );
    browser.get("/auth/me").send().await.expect(200);
    check(
        &edgeward(&desk, &["user", "role", "remove", EMAIL, "editor"]),
        0,
        "sessions ended: 1",
        "",
    );
    check(
        &edgeward(&desk, &["user", "role", "remove", EMAIL, "editor"]),
        1,
        "",
        "does not have",
    );
    check(
        &edgeward(&desk, &["user", "role", "add", EMAIL, "a,b"]),
        2,
        "",
        "a role is",
    );
    check(
        &edgeward(
            &desk,
            &["user", "role", "add", "nobody@example.test", "admin"],
        ),
        1,
        "",
        "no account",
    );
    let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'roles-changed'";
    assert_eq!(desk.number(ended).await, 3);
    let acts = desk.acts().await;
    let roles: Vec<_> = acts.iter().filter(|act| act.contains("-role")).collect();
    assert_eq!(roles, ["account.give-role done", "account.take-role done"]);
}

#[tokio::test]
async fn a_role_whose_entry_cannot_be_written_is_not_changed() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    desk.run("CREATE TRIGGER broken BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'no space'); END")
        .await;
    check(
        &edgeward(&desk, &["user", "role", "add", EMAIL, "admin"]),
        2,
        "",
        "no space",
    );
    let me = browser.get("/auth/me").send().await.expect(200).json();
    assert_eq!(me["user"]["roles"], json!(["editor"]));
}

#[tokio::test]
async fn more_roles_than_a_token_holds_are_refused() {
    let (desk, _browser) = Desk::with_ada().await;
    for n in 0..15 {
        let role = format!("{n:0>61}");
        check(
            &edgeward(&desk, &["user", "role", "add", EMAIL, &role]),
            0,
            "sessions ended: 0",
            "",
        );
    }
    let role = "r".repeat(61);
    check(
        &edgeward(&desk, &["user", "role", "add", EMAIL, &role]),
        2,
        "",
        "more than 1024",
    );
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut elsewhere = desk.browser();
    elsewhere.log_in(EMAIL).await;
    let listed = edgeward(&desk, &["session", "list", EMAIL]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let lines: Vec<Vec<&str>> = listed
        .out
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(lines.len(), 2, "{listed:?}");
    assert_eq!(lines[0].len(), 5);
    assert_eq!(lines[0][3..], ["0.0.0.0/24", "Firefox on Linux"]);
    let own = browser
        .cookie("refresh")
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    check(&edgeward(&desk, &["session", "revoke", &own]), 0, "", "");
    check(
        &edgeward(&desk, &["session", "revoke", &own]),
        1,
        "",
        "no such live session",
    );
    check(
        &edgeward(&desk, &["session", "revoke", "x"]),
        1,
        "",
        "no such live session",
    );
    browser.get("/auth/me").send().await.expect(401);
    elsewhere.get("/auth/me").send().await.expect(200);
    check(
        &edgeward(&desk, &["session", "revoke", "--user", EMAIL]),
        0,
        "sessions ended: 1",
        "",
    );
    elsewhere.get("/auth/me").send().await.expect(401);
    check(&edgeward(&desk, &["session", "list", EMAIL]), 0, "", "");
    check(
        &edgeward(&desk, &["session", "list", "nobody@example.test"]),
        1,
        "",
        "no account",
    );
    assert_eq!(edgeward(&desk, &["session", "revoke"]).code, Some(2));
}
