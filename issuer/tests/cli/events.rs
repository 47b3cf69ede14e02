//! `edgeward events` as an operator types it.

use serde_json::Value;
use sqlx::raw_sql;

use crate::{desk::connect, program::shell::Shell};

/// With a schema, a user, and these rows.
async fn shell(rows: &'static str) -> Shell {
    let shell = Shell::new();
    shell.done(&["user", "add", "--email", "ada@example.test"]);
    let database = shell.path().join("data/edgeward.db");
    let mut sql = connect(&database).await;
    raw_sql(rows).execute(&mut sql).await.unwrap();
    shell
}

fn json(shell: &Shell, args: &[&str]) -> Vec<Value> {
    let text = shell.done(&[args, &["--json"]].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const GUESSING: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6)
    INSERT INTO security_events (at, type, category, severity, email, address, user_agent, success, message, metadata)
    SELECT unixepoch() - i, 'login.failed', 'authentication', 'warning', 'bob@example.test', '192.0.2.' || (i = 6),
        'x' || char(27) || '[31m', 0, 'A sign-in failed.', '{\"reason\":\"unknown-user\"}' FROM n";

#[tokio::test]
async fn lists_are_tables_for_people_and_json_lines_for_programs() {
    let shell = shell(GUESSING).await;
    let table = shell.done(&["events", "failures"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[0].starts_with("failures  email             address    firstAt"),
        "{table}"
    );
    assert!(
        lines[1].starts_with("5         bob@example.test  192.0.2.0  20"),
        "{table}"
    );
    let rows = json(&shell, &["events", "failures"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["failures"], 5);
    assert_eq!(rows[0]["email"], "bob@example.test");

    let listed = json(&shell, &["events", "list", "--type", "login.failed"]);
    assert_eq!(listed.len(), 6);
    assert_eq!(listed[0]["metadata"]["reason"], "unknown-user");
    assert_eq!(listed[0]["success"], false);
    assert_eq!(listed[0]["auditSeq"], Value::Null);
    assert!(listed[0]["at"].as_str().unwrap() > listed[5]["at"].as_str().unwrap());
    let listed = json(&shell, &["events", "list", "--email", "Ada@example.test"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["type"], "account.registered");
    assert_eq!(listed[0]["metadata"]["actor"], "operator");
    assert_eq!(json(&shell, &["events", "list", "--limit", "3"]).len(), 3);
    let table = shell.done(&["events", "list"]);
    assert!(!table.contains('\u{1b}'), "{table}");
    assert_eq!(shell.done(&["events", "lockouts"]), "");
    assert_eq!(shell.done(&["events", "reuse"]), "");
    assert!(
        shell
            .done(&["events", "storage"])
            .contains("security_events")
    );
}

#[tokio::test]
async fn a_session_in_a_loop_is_told_and_a_busy_one_is_not() {
    let shell = shell(
        "INSERT INTO families (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
            absolute_expires_at, auth_time, amr, acr, device_digest, device_name, user_agent, created_at, last_used_at)
         SELECT sid, id, 'w', seq, zeroblob(32), 0, 0, 4e9, 4e9, 0, 'pwd', 'aal1', zeroblob(32), 'Firefox on Linux', '',
            unixepoch() - 3600 - age, unixepoch() - age
         FROM users, (SELECT 'busy' AS sid, 14 AS seq, 0 AS age UNION ALL SELECT 'loop', 15, 0
                      UNION ALL SELECT 'long ago', 500, 90000)",
    )
    .await;
    let rows = json(&shell, &["events", "refreshes"]);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (&row["session"], &row["expected"]))
        .collect();
    assert_eq!(told, [(&Value::from("loop"), &Value::from(7))]);
}

#[tokio::test]
async fn what_is_too_old_is_purged_and_what_is_asked_wrongly_is_told() {
    let shell = shell(GUESSING).await;
    let database = shell.path().join("data/edgeward.db");
    let mut sql = connect(&database).await;
    raw_sql("UPDATE security_events SET at = at - 90 * 86400 WHERE email = 'bob@example.test' AND address = '192.0.2.1'")
        .execute(&mut sql)
        .await
        .unwrap();
    assert_eq!(shell.done(&["events", "purge"]), "1 ended\n");
    assert_eq!(shell.done(&["events", "purge"]), "0 ended\n");
    for wrong in [
        &["events", "list", "--since", "yesterday"][..],
        &["events", "list", "--type", "login"],
        &["events", "list", "--severity", "loud"],
        &["events", "list", "--limit", "0"],
    ] {
        let ran = shell.run(wrong);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran:?}");
    }
}
