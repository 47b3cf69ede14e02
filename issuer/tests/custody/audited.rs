//! Every access to a key-encryption key outside of the process is in the audit log, however a process ends in order.

use std::net::TcpListener;

use serde_json::Value;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::{
    served::{SERVE, Served},
    softhsm::{KEY, World},
};

/// What an access was: the act, and for what.
type Uses = Vec<(String, String)>;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// As the log lines have them.
fn told(lines: &[Value]) -> Uses {
    let uses = lines.iter().filter(|line| line["message"] == "custody");
    let mut uses: Uses = uses
        .map(|line| (text(&line["act"]), text(&line["purpose"])))
        .collect();
    uses.sort();
    uses
}

fn told_by(printed: &str) -> Uses {
    let lines = printed.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    told(&lines)
}

/// As the audit log has them, but for the first ones.
async fn audited(world: &World, skipped: usize) -> Uses {
    let mut sql = SqliteConnectOptions::new()
        .filename(world.path().join("data/edgeward.db"))
        .connect()
        .await
        .unwrap();
    let entries = "SELECT entry FROM audit_log WHERE action = 'custody.use' ORDER BY seq";
    let entries: Vec<String> = sqlx::query_scalar(entries)
        .fetch_all(&mut sql)
        .await
        .unwrap();
    let mut uses: Uses = entries[skipped..]
        .iter()
        .map(|entry| {
            let entry: Value = serde_json::from_str(entry).unwrap();
            let (_, id) = entry["subject"].as_str().unwrap().split_once(':').unwrap();
            (text(&entry["details"]["act"]), id.to_owned())
        })
        .collect();
    uses.sort();
    uses
}

#[tokio::test]
async fn nothing_is_lost_when_an_issuer_is_stopped_or_does_not_start() {
    let world = World::new();
    world.done(&["custody", "make-key"], &[]);
    let (code, lines) = Served::start(world.command(&SERVE, &[])).stop("-TERM");
    assert_eq!(code, Some(0));
    let first = told(&lines);
    assert!(first.len() > 6, "{first:?}");
    assert_eq!(audited(&world, 0).await, first);

    // The next keys are made before it tries to listen.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    world.done(&["keys", "rotate", "--force"], &[]);
    let before = audited(&world, 0).await.len();
    let refused = world.run(&["serve", "--listen", &address], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let uses = told_by(&refused.err);
    assert!(uses.iter().any(|(act, _)| act == "wrap"), "{uses:?}");
    assert_eq!(audited(&world, before).await, uses);

    let before = audited(&world, 0).await.len();
    let away = world.pull();
    let refused = world.run(&SERVE, &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let uses = told_by(&refused.err);
    assert!(!uses.is_empty());
    assert_eq!(audited(&world, before).await, uses);
    world.put_back(&away);
}

#[tokio::test]
async fn what_an_operator_tries_and_makes_is_audited_where_there_is_a_database() {
    let world = World::new();
    // Before there is one, nothing keeps anybody from it.
    world.done(&["custody", "make-key"], &[]);
    world.done(&["custody", "check"], &[]);
    world.done(&["migrate", "up"], &[]);
    assert_eq!(audited(&world, 0).await, []);
    let act = |act: &str, id: &str| (act.to_owned(), id.to_owned());
    world.done(&["custody", "check"], &[]);
    let trial = [act("unwrap", "custody-check"), act("wrap", "custody-check")];
    assert_eq!(audited(&world, 0).await, trial);
    world.done(&["custody", "make-key"], &[("PKCS11__KEY", "kek-2")]);
    assert_eq!(audited(&world, 2).await, [act("make", "kek-2")]);
    world.pull();
    let refused = world.run(&["custody", "make-key"], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(audited(&world, 3).await, [act("make", KEY)]);
}
