//! What is filled into older rows after an upgrade: in batches, by whoever comes, however often somebody is stopped.

use std::process::{Child, Command, Stdio};

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    chores,
    clock::Clock,
    domain::{
        audit::{Action, Actor, AuditEntry, Origin},
        events::Severity,
        storage::Storage,
    },
    store::{
        Store,
        backfill::{Backfill, Batch, Progress},
        events::{EventFilter, StoredEvent},
    },
};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    folder::Folder,
    postgres::server,
    program::{NEVER, Ran, run},
};

/// The schema that had a log and no events.
const BEFORE_EVENTS: i64 = 6;

/// The last schema without notes of back-fills.
const BEFORE_NOTES: i64 = 7;

const DAY: i64 = 24 * 3600;

async fn events(store: &Store) -> Vec<StoredEvent> {
    let all = EventFilter {
        since: UnixTime::from_seconds(0),
        kind: None,
        severity: Severity::Info,
        email: None,
        limit: 100_000,
    };
    let mut events = store.events(&all).await.unwrap();
    events.sort_by_key(|event| event.audit_seq);
    events
}

/// As an upgrade finds it: with a log, and as a program without events left it.
async fn upgrade(store: &Store) {
    store.migrate_down(BEFORE_EVENTS).await.unwrap();
    store.migrate_up().await.unwrap();
    assert_eq!(events(store).await, []);
}

/// A log of this many acts, the last of them now.
async fn act(store: &Store, acts: i64) {
    let now = Clock.now();
    for before in (0..acts).rev() {
        let act = Action::RevokeEdge;
        let entry = AuditEntry::done(act, Actor::Operator, now.plus(-before), &Origin::default());
        store.record(&entry.about("edge", before)).await.unwrap();
    }
}

/// Batch after batch, until there is none left.
async fn fill(store: &Store, now: UnixTime, since: UnixTime) {
    let filled = timeout(NEVER, async {
        while let Batch::Done(_) = store.fill_back(now, since).await.unwrap() {}
    });
    filled.await.expect("the batches come to an end");
}

fn progress(position: i64, until: i64, filled: i64, finished: bool) -> Progress {
    Progress {
        backfill: Backfill::Events,
        position,
        until,
        filled,
        finished,
    }
}

#[tokio::test]
async fn acts_from_before_the_events_get_theirs() {
    let (desk, mut browser) = Desk::with_ada_and(|config| config.lockout.failures = 2).await;
    browser.log_in(EMAIL).await;
    browser.refresh().await.expect(200);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "Another-Horse-8" });
    browser
        .post("/auth/password")
        .json(&change)
        .with_csrf()
        .send()
        .await;
    for name in [EMAIL, EMAIL, "nobody@example.test"] {
        let wrong = json!({ "email": name, "password": "Wrong-Horse-7" });
        desk.browser().post("/auth/login").json(&wrong).send().await;
    }
    let store = &desk.app.store;
    let written = events(store).await;
    let kinds: Vec<&str> = written.iter().map(|event| event.kind.as_str()).collect();
    for kind in [
        "key.created",
        "account.registered",
        "login.succeeded",
        "password.changed",
        "login.failed",
        "account.locked",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    let now = Clock.now();
    upgrade(store).await;
    let filled = i64::try_from(written.len()).unwrap();
    let Batch::Done(done) = store.fill_back(now, now.plus(-DAY)).await.unwrap() else {
        panic!("nothing was done");
    };
    assert_eq!((done.filled, done.finished), (filled, true));
    let found = events(store).await;
    assert_eq!(found.len(), written.len());
    for (found, written) in found.iter().zip(written) {
        let without_circumstances = StoredEvent {
            id: found.id,
            // Only of persons who are known by identifier.
            email: written.email.clone().filter(|_| written.user.is_some()),
            address: found.address.clone(),
            user_agent: None,
            path: None,
            method: None,
            ..written
        };
        assert_eq!(*found, without_circumstances);
        let from = found.address.as_deref();
        assert!([None, Some("0.0.0.0/24")].contains(&from), "{from:?}");
    }
    let again = store.fill_back(now, now.plus(-DAY)).await.unwrap();
    assert_eq!(again, Batch::Nothing);
}

#[tokio::test]
async fn batches_are_bounded_and_a_process_that_ended_is_gone_on_from() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.db");
    let store = Store::open(&path).await.unwrap();
    store.migrate_up().await.unwrap();
    act(&store, 1200).await;
    upgrade(&store).await;
    assert_eq!(store.backfills().await.unwrap(), []);
    let now = Clock.now();
    let since = now.plus(-DAY);
    let first = store.fill_back(now, since).await.unwrap();
    assert_eq!(first, Batch::Done(progress(500, 1200, 500, false)));
    store.close().await;
    let store = Store::open(&path).await.unwrap();
    // An act in between has its event, and the note does not count it.
    act(&store, 1).await;
    for expected in [
        progress(1000, 1200, 1000, false),
        progress(1200, 1200, 1200, true),
    ] {
        let batch = store.fill_back(now, since).await.unwrap();
        assert_eq!(batch, Batch::Done(expected));
        assert_eq!(store.backfills().await.unwrap(), [expected]);
    }
    assert_eq!(store.fill_back(now, since).await.unwrap(), Batch::Nothing);
    let numbers: Vec<_> = events(&store)
        .await
        .iter()
        .map(|event| event.audit_seq.unwrap())
        .collect();
    assert_eq!(numbers, (1..=1201).collect::<Vec<i64>>());
}

#[tokio::test]
async fn what_is_too_old_to_be_kept_is_not_filled() {
    let folder = Folder::new();
    let store = Store::open(&folder.path().join("edgeward.db"))
        .await
        .unwrap();
    store.migrate_up().await.unwrap();
    act(&store, 1200).await;
    upgrade(&store).await;
    // Entries are a second apart.
    let now = events_end(&store).await;
    let since = now.plus(-99);
    fill(&store, now, since).await;
    let numbers: Vec<_> = events(&store)
        .await
        .iter()
        .map(|event| event.audit_seq.unwrap())
        .collect();
    assert_eq!(numbers, (1101..=1200).collect::<Vec<i64>>());
}

/// The moment of the last entry.
async fn events_end(store: &Store) -> UnixTime {
    let mut sql = crate::desk::connect(std::path::Path::new(store.place())).await;
    let at = sqlx::query_scalar("SELECT max(at) FROM audit_log")
        .fetch_one(&mut sql)
        .await;
    UnixTime::from_seconds(at.unwrap())
}

#[tokio::test]
async fn two_at_once_fill_each_row_once() {
    let database = server().database().await;
    let store = Store::connect(&database.url(), 8).await.unwrap();
    store.migrate_up().await.unwrap();
    act(&store, 1200).await;
    upgrade(&store).await;
    let now = Clock.now();
    let other = Store::connect(&database.url(), 8).await.unwrap();
    let since = now.plus(-DAY);
    tokio::join!(fill(&store, now, since), fill(&other, now, since));
    let expected = progress(1200, 1200, 1200, true);
    assert_eq!(store.backfills().await.unwrap(), [expected]);
    assert_eq!(events(&store).await.len(), 1200);
}

#[tokio::test]
async fn a_database_that_has_its_events_gets_no_others() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let store = &desk.app.store;
    store.migrate_down(BEFORE_NOTES).await.unwrap();
    store.migrate_up().await.unwrap();
    let before = events(store).await;
    let now = Clock.now();
    let Batch::Done(done) = store.fill_back(now, now.plus(-DAY)).await.unwrap() else {
        panic!("nothing was noted");
    };
    assert_eq!((done.filled, done.finished), (0, true));
    assert_eq!(events(store).await, before);
}

#[tokio::test]
async fn an_issuer_that_serves_fills_by_itself() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let store = &desk.app.store;
    upgrade(store).await;
    let (stop, stopped) = watch::channel(());
    let until_done = async {
        while !store
            .backfills()
            .await
            .unwrap()
            .iter()
            .any(|one| one.finished)
        {
            tokio::task::yield_now().await;
        }
        stop.send_replace(());
    };
    let filled = timeout(NEVER, async {
        tokio::join!(chores::run(&desk.app, stopped), until_done)
    });
    filled
        .await
        .expect("the issuer fills all by itself, and stops");
    let kinds: Vec<String> = events(store)
        .await
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(
        kinds[..3],
        ["key.created", "account.registered", "login.succeeded"],
        "before what serving itself does, such as making the next key"
    );
}

fn migrate(desk: &Desk, what: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeward"));
    command.env_clear().arg("--data").arg(desk.data());
    run(command.args(["migrate", what]), b"")
}

#[tokio::test]
async fn the_command_fills_and_says_how_far_it_has_come() {
    let desk = Desk::open().await;
    // Three entries are of the first start: the signing key's, and those of two secrets, which are no events.
    act(&desk.app.store, 1197).await;
    upgrade(&desk.app.store).await;
    desk.run(
        "CREATE TRIGGER full BEFORE UPDATE ON backfills WHEN NEW.position > 500
             BEGIN SELECT RAISE(ABORT, 'no space'); END",
    )
    .await;
    let cut = migrate(&desk, "up");
    assert_eq!(cut.code, Some(2), "{cut:?}");
    assert!(cut.err.contains("no space"), "{cut:?}");
    let status = migrate(&desk, "status").out;
    let line = "    back-fill events at 500 of 1200, 498 rows filled\n";
    assert!(status.ends_with(line), "{status}");
    desk.run("DROP TRIGGER full").await;
    let rest = migrate(&desk, "up");
    let line = "    back-fill events done, 1198 rows filled\n";
    assert_eq!((rest.code, rest.out.as_str()), (Some(0), line), "{rest:?}");
    assert!(migrate(&desk, "status").out.ends_with(line));
    assert_eq!(migrate(&desk, "up").out, "nothing to do\n");
}

#[tokio::test]
async fn a_process_that_is_killed_between_two_batches_loses_nothing() {
    let database = server().database().await;
    let store = Store::connect(&database.url(), 4).await.unwrap();
    store.migrate_up().await.unwrap();
    act(&store, 1200).await;
    upgrade(&store).await;
    let mut sql = database.sql().await;
    // The second batch waits for a lock of the test's.
    let hold = "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.position > 500 THEN PERFORM pg_advisory_xact_lock(77); END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER hold BEFORE UPDATE ON backfills FOR EACH ROW EXECUTE FUNCTION hold();
        SELECT pg_advisory_lock(77)";
    sqlx::raw_sql(hold).execute(&mut sql).await.unwrap();
    let folder = Folder::new();
    let ask = |what: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeward"));
        command
            .env_clear()
            .current_dir(folder.path())
            .env("EDGEWARD__STORE__URL", database.url().reveal())
            .args(["migrate", what]);
        command
    };
    let mut process: Child = ask("up")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND classid = 0 AND objid = 77
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let waited = timeout(NEVER, async {
        loop {
            let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&mut sql).await.unwrap();
            if waiting > 0 {
                return;
            }
            assert!(process.try_wait().unwrap().is_none(), "it did not wait");
        }
    });
    waited
        .await
        .expect("the second batch waits for the lock of the test");
    process.kill().unwrap();
    process.wait().unwrap();
    let let_go = "SELECT pg_advisory_unlock(77)";
    sqlx::raw_sql(let_go).execute(&mut sql).await.unwrap();
    sqlx::raw_sql("DROP TRIGGER hold ON backfills")
        .execute(&mut sql)
        .await
        .unwrap();
    let left = progress(500, 1200, 500, false);
    assert_eq!(store.backfills().await.unwrap(), [left]);
    assert_eq!(events(&store).await.len(), 500);
    let status = run(&mut ask("status"), b"");
    assert!(status.out.contains("at 500 of 1200"), "{status:?}");
    let rest = run(&mut ask("up"), b"");
    assert!(rest.out.contains("done, 1200 rows filled"), "{rest:?}");
    assert_eq!(events(&store).await.len(), 1200);
}
