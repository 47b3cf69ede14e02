//! What only a server can be asked: who may do what on it, and what happens when it is away.

use std::{fs, sync::Arc};

use edgeward_issuer::{
    config::ServerUrl,
    domain::{
        audit::Action,
        events::{EventType, SecurityEvent},
        revocations::Revoking,
        session::{RevocationReason, Sid},
        storage::{Creation, Entered, Storage, StorageError},
    },
    store::{Store, StoreError, audit::ChainVerdict},
};
use sqlx::{AssertSqlSafe, ConnectOptions, postgres::PgConnectOptions};

use crate::{
    contract::world::{NOW, entry, first_rotation, new_account, new_sign_in, unlike},
    folder::Folder,
    postgres::{Server, server},
};

/// The statements in the documentation, between its fences.
fn documented_grants() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");
    let page = fs::read_to_string(page).unwrap();
    let block = page.split("```sql\n").nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[tokio::test]
async fn the_documented_privileges_are_enough_to_serve_and_not_to_rewrite_the_log() {
    let database = server().database().await;
    let owner = Store::connect(&database.url(), 2).await.unwrap();
    owner.migrate_up().await.unwrap();
    let mut sql = database.sql().await;
    for statements in ["CREATE ROLE edgeward_serves LOGIN", &documented_grants()] {
        let statements = AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut sql).await.unwrap();
    }
    let url = database.url_as("edgeward_serves");
    let store = Store::connect(&url, 4).await.unwrap();
    assert!(store.migrate_up().await.unwrap().is_empty());
    let new = new_account("ada@example.test");
    let sign_in = new_sign_in(new.account.id);
    let entries = [&entry(Action::Register), &entry(Action::SignIn)];
    let made = store.register(&new, &sign_in, entries).await.unwrap();
    assert_eq!(made, Creation::Created);
    let noted = entry(Action::Refresh);
    assert!(
        store
            .rotate(&first_rotation(&sign_in), &noted)
            .await
            .unwrap()
    );
    let (reason, noted) = (RevocationReason::SignedOut, entry(Action::SignOut));
    assert!(
        store
            .revoke(sign_in.sid, reason, NOW, &noted)
            .await
            .unwrap()
    );

    let mut sql = url
        .reveal()
        .parse::<PgConnectOptions>()
        .unwrap()
        .connect()
        .await
        .unwrap();
    for statement in [
        "UPDATE audit_log SET entry = '{}'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DROP TRIGGER audit_log_refuses_change ON audit_log",
        "ALTER TABLE families DISABLE TRIGGER families_stay_revoked",
        "CREATE TABLE public.theirs ()",
        "DELETE FROM _sqlx_migrations",
    ] {
        let refused = sqlx::raw_sql(statement)
            .execute(&mut sql)
            .await
            .unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{statement}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_away_or_unfit_is_named_without_its_password() {
    let database = server().database().await;
    let nobody = database.url_as("edgeward:s3cret");
    let nobody = nobody.reveal().replace("/case_", "/no_case_");
    let nobody = ServerUrl::parse(&nobody).unwrap();
    let refused = Store::connect(&nobody, 2).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Database { .. }),
        "{refused:?}"
    );
    let said = format!("{refused} {refused:?}");
    assert!(
        said.contains("does not exist") && !said.contains("s3cret"),
        "{said}"
    );

    let mut sql = database.sql().await;
    let latin =
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    sqlx::raw_sql(latin).execute(&mut sql).await.unwrap();
    let url = database.url().reveal().to_owned();
    let (server, _) = url.rsplit_once('/').unwrap();
    let latin = ServerUrl::parse(&format!("{server}/latin")).unwrap();
    let refused = Store::connect(&latin, 2).await.unwrap_err();
    assert!(refused.to_string().contains("LATIN1"), "{refused}");
}

#[tokio::test]
async fn a_server_that_was_away_is_used_again_without_a_restart() {
    let server = Server::of_its_own();
    let store = Store::connect(&server.database().await.url(), 2)
        .await
        .unwrap();
    store.migrate_up().await.unwrap();
    store.record(&entry(Action::SignIn)).await.unwrap();
    server.control("stop");
    let ready = store.check().await;
    assert!(matches!(ready, Err(StorageError::Busy(_))), "{ready:?}");
    let away = store.record(&entry(Action::SignIn)).await;
    assert!(matches!(away, Err(StorageError::Busy(_))), "{away:?}");
    server.control("start");
    store.check().await.unwrap();
    store.record(&entry(Action::SignIn)).await.unwrap();
    let ChainVerdict::Whole(walk) = store.verify_audit_chain().await.unwrap() else {
        panic!("the chain is broken");
    };
    assert_eq!(walk.entries(), 2);
}

/// What a connection that is lost, or a server that comes or goes, is told by: the same act may succeed a moment later.
#[tokio::test]
async fn a_server_that_is_away_for_a_moment_is_busy() {
    let database = server().database().await;
    let store = Store::connect(&database.url(), 2).await.unwrap();
    store.migrate_up().await.unwrap();
    let mut sql = database.sql().await;
    for code in [
        "08000", "08003", "08006", "08P01", "57P01", "57P02", "57P03", "53300", "25006", "40001",
    ] {
        let say = format!(
            "CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END $$;
             CREATE TRIGGER away BEFORE INSERT ON audit_log EXECUTE FUNCTION say()"
        );
        sqlx::raw_sql(AssertSqlSafe(say))
            .execute(&mut sql)
            .await
            .unwrap();
        let told = store.record(&entry(Action::SignIn)).await;
        assert!(
            matches!(told, Err(StorageError::Busy(_))),
            "{code}: {told:?}"
        );
        let back = "DROP TRIGGER away ON audit_log; DROP FUNCTION say()";
        sqlx::raw_sql(back).execute(&mut sql).await.unwrap();
        store.record(&entry(Action::SignIn)).await.unwrap();
    }
}

/// A server whose disk is full says so by a code; here triggers say it. No request is needed for it to be known.
#[tokio::test]
async fn whatever_finds_no_room_is_noted_until_there_is_some() {
    let database = server().database().await;
    let store = Store::connect(&database.url(), 2).await.unwrap();
    store.migrate_up().await.unwrap();
    let mut sql = database.sql().await;
    let say_full = "CREATE FUNCTION say_full() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$";
    sqlx::raw_sql(say_full).execute(&mut sql).await.unwrap();
    let event = SecurityEvent {
        at: NOW,
        kind: EventType::KeyLeftOut,
        user: None,
        request_id: None,
        circumstances: None,
        metadata: [].into(),
    };
    // An act with its entry, an event that belongs to none, and what is only noticed at the end of the transaction.
    for (table, when) in [
        ("audit_log", "TRIGGER full_disk BEFORE"),
        ("security_events", "TRIGGER full_disk BEFORE"),
        ("audit_log", "CONSTRAINT TRIGGER full_disk AFTER"),
    ] {
        let late = if when.starts_with("CONSTRAINT") {
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        } else {
            ""
        };
        let full = format!(
            "CREATE {when} INSERT ON {table} {late} EXECUTE FUNCTION say_full();
             CREATE TRIGGER full_disk BEFORE INSERT ON storage_sizes EXECUTE FUNCTION say_full();"
        );
        store.check().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(full))
            .execute(&mut sql)
            .await
            .unwrap();
        store.check().await.unwrap();
        let done = match table {
            "audit_log" => store.record(&entry(Action::SignIn)).await,
            _ => store.record_event(&event).await,
        };
        assert!(
            matches!(done, Err(StorageError::Unwritable(_))),
            "{when} {table}: {done:?}"
        );
        for _ in 0..2 {
            let ready = store.check().await;
            assert!(
                matches!(ready, Err(StorageError::Unwritable(_))),
                "{when} {table}: {ready:?}"
            );
        }
        let room =
            format!("DROP TRIGGER full_disk ON {table}; DROP TRIGGER full_disk ON storage_sizes");
        sqlx::raw_sql(AssertSqlSafe(room))
            .execute(&mut sql)
            .await
            .unwrap();
        store.check().await.unwrap();
    }
}

/// The log's lock is held meanwhile, so the entries of the feed are not written one by one.
#[tokio::test]
async fn the_ends_of_many_sessions_are_written_in_few_statements() {
    let database = server().database().await;
    let store = Store::connect(&database.url(), 2).await.unwrap();
    store.migrate_up().await.unwrap();
    let new = new_account("ada@example.test");
    let made = store.create_account(&new, &entry(Action::Register)).await;
    assert_eq!(made.unwrap(), Creation::Created);
    let ada = new.account.id;
    for _ in 0..200 {
        let noted = entry(Action::SignIn);
        let done = store.sign_in(&new_sign_in(ada), None, None, &noted).await;
        assert_eq!(done.unwrap(), Entered::Done);
    }
    let mut sql = database.sql().await;
    let count = "CREATE SEQUENCE statements;
        CREATE FUNCTION count_one() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM nextval('statements'); RETURN NULL; END $$;
        CREATE TRIGGER counted AFTER INSERT ON revocations FOR EACH STATEMENT EXECUTE FUNCTION count_one();
        CREATE TRIGGER counted AFTER UPDATE ON families FOR EACH STATEMENT EXECUTE FUNCTION count_one()";
    sqlx::raw_sql(count).execute(&mut sql).await.unwrap();
    let noted = entry(Action::RevokeAllSessions);
    let ended = store.revoke_all(ada, None, NOW, &noted).await;
    assert_eq!(ended.unwrap(), 200);
    let counted = "SELECT last_value FROM statements";
    let counted: i64 = sqlx::query_scalar(counted)
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(counted, 1 + 4, "one ends them, and each tells of up to 64");
}

/// A family that is committed while all are ended would live on, with its device half forgotten.
#[tokio::test]
async fn the_ends_of_all_sessions_wait_for_a_sign_in_that_is_under_way() {
    let database = server().database().await;
    let store = Arc::new(Store::connect(&database.url(), 4).await.unwrap());
    store.migrate_up().await.unwrap();
    let new = new_account("ada@example.test");
    let made = store.create_account(&new, &entry(Action::Register)).await;
    assert_eq!(made.unwrap(), Creation::Created);
    let ada = new.account.id;
    let earlier = new_sign_in(ada);
    let noted = entry(Action::SignIn);
    let done = store.sign_in(&earlier, None, None, &noted).await;
    assert_eq!(done.unwrap(), Entered::Done);
    for operator in [true, false] {
        // As a sign-in does: it locks the account's row, writes the family, and has not committed yet.
        let sid = Sid::from_random(NOW, unlike());
        let mut sign_in = database.sql().await;
        let write = format!(
            "BEGIN; UPDATE users SET updated_at = updated_at WHERE id = '{ada}';
             INSERT INTO families (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
                 absolute_expires_at, auth_time, amr, acr, signed_in_device, device_digest, device_name, user_agent, created_at,
                 last_used_at)
             SELECT '{sid}', user_id, client_id, 0, current_digest, rotated_at_ms, 0, idle_expires_at, absolute_expires_at,
                 auth_time, amr, acr, current_digest, current_digest, device_name, user_agent, created_at, last_used_at
             FROM families LIMIT 1"
        );
        sqlx::raw_sql(AssertSqlSafe(write))
            .execute(&mut sign_in)
            .await
            .unwrap();
        let ending = tokio::spawn({
            let store = Arc::clone(&store);
            async move {
                let noted = entry(Action::RevokeAllSessions);
                match operator {
                    true => store.revoke_subject(ada, NOW, &noted).await,
                    false => store.revoke_all_and_devices(ada, NOW, &noted).await,
                }
            }
        });
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted
            AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
        let mut sql = database.sql().await;
        loop {
            let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&mut sql).await.unwrap();
            if waiting > 0 {
                break;
            }
            assert!(!ending.is_finished(), "it waited for nobody");
            tokio::task::yield_now().await;
        }
        sqlx::raw_sql("COMMIT").execute(&mut sign_in).await.unwrap();
        assert!(ending.await.unwrap().unwrap() >= 1);
        let family = store.family(sid).await.unwrap().unwrap();
        assert!(!family.is_live(NOW));
        let known = "SELECT count(*) FROM families WHERE signed_in_device IS NOT NULL";
        let known: i64 = sqlx::query_scalar(known).fetch_one(&mut sql).await.unwrap();
        assert_eq!(known, 0);
    }
}

#[tokio::test]
async fn a_server_shows_a_certificate_of_the_named_authority_for_its_name() {
    let certificate = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let (ours, key) = certificate("127.0.0.1");
    let (other, _) = certificate("127.0.0.1");
    let server = Server::of_its_own();
    server.certify(&ours, &key).await;
    let folder = Folder::new();
    let (right, wrong) = (
        folder.path().join("right.pem"),
        folder.path().join("wrong.pem"),
    );
    fs::write(&right, ours).unwrap();
    fs::write(&wrong, other).unwrap();
    let database = server.database().await;
    let plain = database.url().reveal().to_owned();
    for (host, root, fits) in [
        ("127.0.0.1", &right, true),
        ("127.0.0.1", &wrong, false),
        ("localhost", &right, false),
    ] {
        let root = root.display();
        let url = plain.replace("127.0.0.1", host);
        let url = format!("{url}?sslmode=verify-full&sslrootcert={root}");
        let store = Store::connect(&ServerUrl::parse(&url).unwrap(), 2).await;
        assert_eq!(store.is_ok(), fits, "{host} {root}: {store:?}");
        let Ok(store) = store else { continue };
        let encrypted: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE application_name = 'edgeward' AND ssl",
        )
        .fetch_one(&mut database.sql().await)
        .await
        .unwrap();
        assert_eq!(encrypted, 2, "the one that writes and the one that reads");
        store.close().await;
    }
}
