//! How SQLite means to answer statements about many rows: by looking each up, and never by going through a table. A table of a million
//! rows would make of each refresh that waits a second, and no table of a test shows it.

use super::{Store, attempts, ends, families, many_rows::MOST_ROWS, sql::sql};
use crate::custody::tests::Folder;

#[tokio::test]
async fn rows_are_looked_up_by_their_names() {
    let folder = Folder::new();
    let store = Store::open(&folder.path().join("edgeward.db"))
        .await
        .unwrap();
    store.migrate_up().await.unwrap();
    for (statement, tables) in [
        (&families::ROTATIONS, &["families"][..]),
        (&families::CONFIRMATIONS, &["families"]),
        (&ends::COOKIES, &["browser_sessions"]),
        (&attempts::LOCKS, &["attempt_counters"]),
    ] {
        for rows in [1, 2, 3, 32, MOST_ROWS] {
            let text = statement.for_rows(rows);
            let asks: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {text}").into());
            let plan = sql(asks).all(store.readers()).await.unwrap();
            let steps: Vec<&str> = plan.iter().map(|row| row.get("detail").unwrap()).collect();
            let is_of = |step: &&str, how: &str| {
                let names = |table: &&str| step.starts_with(&format!("{how} {table} "));
                tables.iter().any(names) || tables.iter().any(|one| *step == format!("{how} {one}"))
            };
            assert!(
                steps.iter().any(|step| is_of(step, "SEARCH")),
                "{rows} rows: {steps:?}"
            );
            assert!(
                !steps.iter().any(|step| is_of(step, "SCAN")),
                "{rows} rows: {steps:?}"
            );
        }
    }
}
