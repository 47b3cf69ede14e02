//! `edgeward audit verify` as an operator types it.

use super::accounts::edgeward;
use crate::desk::Desk;

#[tokio::test]
async fn the_log_is_walked_and_its_first_break_is_named() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let entries = desk.number("SELECT count(*) FROM audit_log").await;
    let head = "SELECT lower(hex(hash)) FROM audit_log ORDER BY seq DESC LIMIT 1";
    let head: String = sqlx::query_scalar(head)
        .fetch_one(&mut desk.sql().await)
        .await
        .unwrap();
    let ran = edgeward(&desk, &["audit", "verify"]);
    let whole = format!("the audit log is whole: {entries} entries, the last is {head}\n");
    assert_eq!((ran.code, ran.out), (Some(0), whole), "{}", ran.err);

    desk.run(
        "DROP TRIGGER audit_log_refuses_update; UPDATE audit_log SET entry = '{}' WHERE seq = 2",
    )
    .await;
    let ran = edgeward(&desk, &["audit", "verify"]);
    let broken = "the audit log is broken: entry 2 was changed\n";
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(1), broken),
        "{}",
        ran.err
    );
}
