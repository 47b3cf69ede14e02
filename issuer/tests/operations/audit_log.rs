//! Nothing is done without its entry, and no entry is ever changed.

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    chores::audit_log::Walk,
    domain::{
        audit::ChainBreak,
        events::{EventType, Severity},
    },
    store::{Store, audit::ChainVerdict, events::EventFilter},
};
use serde_json::json;

use crate::desk::{Browser, Desk, EMAIL, PASSWORD};

#[tokio::test]
async fn the_database_refuses_every_change() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let entries = desk.audit().await;
    assert!(entries.len() >= 3, "{entries:?}");
    for statement in [
        "UPDATE audit_log SET entry = '{}' WHERE seq = 1",
        "UPDATE audit_log SET seq = seq + 100",
        "UPDATE audit_log SET hash = zeroblob(32) WHERE seq = 1",
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log (seq, entry, previous_hash, hash) VALUES (1, '{}', zeroblob(32), zeroblob(32))",
        "REPLACE INTO audit_log (seq, entry, previous_hash, hash) SELECT seq, '{}', previous_hash, hash FROM audit_log",
        "INSERT INTO audit_log (seq, entry, previous_hash, hash) VALUES (1000, '{}', zeroblob(32), randomblob(32))",
        "INSERT INTO audit_log (seq, entry, previous_hash, hash)
         SELECT max(seq) + 1, '{}', randomblob(32), randomblob(32) FROM audit_log",
        // At the end, but after another than the last.
        "INSERT OR REPLACE INTO audit_log (seq, entry, previous_hash, hash)
         SELECT max(seq) + 1, '{}', (SELECT hash FROM audit_log WHERE seq = 2), randomblob(32) FROM audit_log",
    ] {
        let refused = sqlx::raw_sql(statement)
            .execute(&mut desk.sql().await)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("append-only"),
            "{statement}: {refused}"
        );
    }
    assert_eq!(desk.audit().await, entries);
}

/// In its place at the end anything can be written by who may write to the file; it replaces nothing, and whoever checks the
/// chain is told.
#[tokio::test]
async fn a_hash_that_is_there_replaces_nothing() {
    for statement in [
        "INSERT OR REPLACE INTO audit_log (seq, entry, previous_hash, hash)
         SELECT seq + 1, entry, hash, hash FROM audit_log ORDER BY seq DESC LIMIT 1",
        "INSERT OR REPLACE INTO audit_log (seq, entry, previous_hash, hash)
         SELECT seq + 1, entry, hash, (SELECT hash FROM audit_log WHERE seq = 2) FROM audit_log ORDER BY seq DESC LIMIT 1",
    ] {
        let (desk, _browser) = Desk::with_ada_signed_in().await;
        let before = desk.audit().await;
        desk.run(statement).await;
        let after = desk.audit().await;
        assert_eq!(after.len(), before.len() + 1);
        assert!(after.starts_with(&before), "{statement}");
        let verdict = desk.app.store.verify_audit_chain().await.unwrap();
        let seq = u64::try_from(after.len()).unwrap();
        assert_eq!(verdict, ChainVerdict::Broken(ChainBreak::Changed(seq)), "{statement}");
    }
}

/// Makes every later entry fail.
async fn break_log(desk: &Desk) {
    desk.run("CREATE TRIGGER broken BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'no space'); END").await;
}

async fn ask(browser: &mut Browser, path: &str) -> u16 {
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = browser
        .post(path)
        .json(&credentials)
        .with_csrf()
        .send()
        .await;
    assert!(!answer.body.contains("no space"), "{}", answer.body);
    if answer.status >= 400 {
        let csrf_only = answer
            .set_cookies()
            .iter()
            .all(|cookie| cookie.contains("csrf"));
        assert!(csrf_only, "{:?}", answer.headers);
    }
    answer.status
}

#[tokio::test]
async fn an_act_whose_entry_fails_is_not_done() {
    let counts = "SELECT (SELECT count(*) FROM users) * 100 + (SELECT count(*) FROM families) * 10
         + (SELECT count(*) FROM browser_sessions)";
    let desk = Desk::open().await;
    break_log(&desk).await;
    assert_eq!(ask(&mut desk.browser(), "/auth/register").await, 500);
    assert_eq!(desk.number(counts).await, 0);
    desk.run("DROP TRIGGER broken").await;

    desk.add(EMAIL, &[]).await;
    break_log(&desk).await;
    let mut browser = desk.browser();
    assert_eq!(ask(&mut browser, "/auth/login").await, 500);
    assert_eq!(desk.number(counts).await, 100, "no family, no session");
    assert!(!browser.jar.contains_key("edgeward-access"));
    desk.run("DROP TRIGGER broken").await;

    assert_eq!(ask(&mut browser, "/auth/login").await, 200);
    break_log(&desk).await;
    for path in ["/auth/refresh", "/auth/logout", "/auth/logout-all"] {
        let answer = browser.post(path).with_csrf().send().await;
        answer.expect_problem(500, "INTERNAL");
    }
    assert_eq!(
        desk.number("SELECT seq FROM families").await,
        0,
        "not moved"
    );
    assert_eq!(
        desk.number("SELECT count(*) FROM families WHERE revoked_at IS NULL")
            .await,
        1,
        "not ended"
    );
    desk.run("DROP TRIGGER broken").await;
    browser.refresh().await.expect(200);
    browser.get("/auth/me").send().await.expect(200);
}

#[tokio::test]
async fn a_refusal_is_written_down_too() {
    let (desk, mut browser) = Desk::with_ada().await;
    let wrong = json!({ "email": EMAIL, "password": "Wrong-Horse-7" });
    let answer = browser
        .post("/auth/login")
        .json(&wrong)
        .send()
        .await
        .expect(401);
    let request_id = answer.header("x-request-id").to_owned();
    let entry = desk.audit().await.pop().unwrap();
    let user: String = sqlx::query_scalar("SELECT id FROM users")
        .fetch_one(&mut desk.sql().await)
        .await
        .unwrap();
    assert_eq!(
        entry,
        json!({ "v": 1, "at": entry["at"], "actor": "anonymous", "action": "session.sign-in", "outcome": "refused",
            "reason": "wrong-password", "subject": format!("user:{user}"), "requestId": request_id,
            "address": "0.0.0.0/24" })
    );
    // The columns that are searched say what the entry says.
    let found = desk
        .number("SELECT count(*) FROM audit_log WHERE action = 'session.sign-in' AND outcome = 'refused' AND actor = 'anonymous'")
        .await;
    assert_eq!(found, 1);
}

/// A story with every act that exists.
async fn story() -> Desk {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    browser.refresh().await.expect(200);
    browser.log_out().await;
    ask(&mut browser, "/auth/register").await;
    ask(&mut browser, "/auth/login").await;
    browser
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect(204);
    desk
}

#[tokio::test]
async fn the_log_names_nobody_and_holds_no_secret() {
    let desk = story().await;
    for entry in desk.audit().await {
        let text = entry.to_string();
        for personal in [EMAIL, PASSWORD, "Ada", "Lovelace", "rt1.", "eyJ"] {
            assert!(!text.contains(personal), "{text}");
        }
    }
}

#[tokio::test]
async fn the_chain_is_whole_and_an_edited_copy_is_found_out() {
    let desk = story().await;
    let ChainVerdict::Whole(walk) = desk.app.store.verify_audit_chain().await.unwrap() else {
        panic!("the chain is broken");
    };
    let entries = desk.number("SELECT count(*) FROM audit_log").await;
    assert_eq!(i64::try_from(walk.entries()), Ok(entries));

    type Row = (&'static str, &'static str, ChainBreak);
    let rows: [Row; 4] = [
        ("an edit", "UPDATE audit_log SET entry = replace(entry, 'done', 'refused') WHERE seq = 3", ChainBreak::Changed(3)),
        ("a removal", "DELETE FROM audit_log WHERE seq = 3", ChainBreak::Gap { expected: 3, found: 4 }),
        (
            "a removal with new numbers",
            "DELETE FROM audit_log WHERE seq = 3; UPDATE audit_log SET seq = seq - 1 WHERE seq > 3",
            ChainBreak::Unlinked(3),
        ),
        (
            "two swapped texts",
            "UPDATE audit_log SET entry = (SELECT entry FROM audit_log AS other WHERE other.seq = 7 - audit_log.seq)
             WHERE seq IN (3, 4)",
            ChainBreak::Changed(3),
        ),
    ];
    for (index, (what, statement, expected)) in rows.into_iter().enumerate() {
        let copy =
            std::path::Path::new(desk.app.store.place()).with_file_name(format!("copy-{index}.db"));
        sqlx::query("VACUUM INTO $1")
            .bind(copy.to_str().unwrap())
            .execute(&mut desk.sql().await)
            .await
            .unwrap();
        let store = Store::open(&copy).await.unwrap();
        let mut sql = crate::desk::connect(&copy).await;
        sqlx::raw_sql(
            "DROP TRIGGER audit_log_refuses_update; DROP TRIGGER audit_log_refuses_delete",
        )
        .execute(&mut sql)
        .await
        .unwrap();
        sqlx::raw_sql(statement).execute(&mut sql).await.unwrap();
        let verdict = store.verify_audit_chain().await.unwrap();
        assert_eq!(verdict, ChainVerdict::Broken(expected), "{what}");
    }
}

/// What the events say that a process found.
async fn found(desk: &Desk) -> Vec<String> {
    let filter = EventFilter {
        since: UnixTime::from_seconds(0),
        kind: Some(EventType::AuditLogBroken),
        severity: Severity::Critical,
        email: None,
        limit: 100,
    };
    let events = desk.app.store.events(&filter).await.unwrap();
    events.iter().map(|event| event.metadata.clone()).collect()
}

#[tokio::test]
async fn a_process_that_serves_finds_out_what_is_done_to_the_log_and_that_its_end_is_another() {
    const OPEN: &str =
        "DROP TRIGGER audit_log_refuses_update; DROP TRIGGER audit_log_refuses_delete";
    let gone = |seq: i64| format!("entry {seq} is not the one that stood there before");
    for (what, statement, expected) in [
        ("nothing", "", None),
        (
            "an edit behind the walk",
            "UPDATE audit_log SET entry = '{}' WHERE seq = 2",
            None,
        ),
        (
            "a cut end",
            "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
            Some(gone as fn(i64) -> String),
        ),
        (
            "another end",
            "UPDATE audit_log SET hash = zeroblob(32) WHERE seq = (SELECT max(seq) FROM audit_log)",
            Some(gone),
        ),
        ("no log", "DELETE FROM audit_log", Some(gone)),
    ] {
        let desk = story().await;
        let mut walk = Walk::new();
        walk.go_on(&desk.app).await;
        let end = desk.number("SELECT max(seq) FROM audit_log").await;
        desk.run(OPEN).await;
        desk.run(statement).await;
        for looks in 1..=2 {
            walk.go_on(&desk.app).await;
            let found = found(&desk).await;
            let count = if expected.is_some() { looks } else { 0 };
            assert_eq!(found.len(), count, "{what}: {found:?}");
            let says = expected.map(|said| said(end)).unwrap_or_default();
            assert!(
                found.iter().all(|text| text.contains(&says)),
                "{what}: {found:?}"
            );
        }
        // Who begins anew sees what the chain shows.
        let anew = desk.app.store.verify_audit_chain().await.unwrap();
        let shows = matches!(anew, ChainVerdict::Broken(_));
        assert_eq!(shows, statement.starts_with("UPDATE"), "{what}");
    }
}
