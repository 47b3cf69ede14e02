//! Every schema that was ever released, with rows in each of its tables: up to the newest, back, and up again.

use edgeward_issuer::domain::{accounts::UserId, audit::Action, session::Sid, storage::Storage};

use super::world::{World, entry};

const USER: &str = "01a1ee56-5e00-7ad0-ac7a-c00d092abf61";
const SID: &str = "01a1ee56-5e00-7ad0-ac7a-c00d092abf62";

/// What a migration brought, and a row for each table of it.
type Filling = (i64, &'static [(&'static str, &'static str)]);

/// Values where each database writes octets otherwise are `ONE` and `TWO`.
const FILLINGS: [Filling; 11] = [
    (
        1,
        &[
            (
                "users",
                "(id, email, first_name, last_name, password_hash, created_at, updated_at)
                 VALUES ('USER', 'ada@example.test', 'Ada', 'Lovelace', '$argon2id$', 5, 6)",
            ),
            (
                "user_roles",
                "(user_id, role, granted_at) VALUES ('USER', 'editor', 5)",
            ),
        ],
    ),
    (
        2,
        &[
            (
                "families",
                "(sid, user_id, client_id, seq, current_digest, previous_digest, rotated_at_ms, confirmed, idle_expires_at,
                     absolute_expires_at, auth_time, amr, acr, device_digest, device_name, user_agent, created_at, last_used_at)
                 VALUES ('SID', 'USER', 'edgeward-web', 7, ONE, TWO, 5000, 0, 90, 99, 5, 'pwd', 'aal1', TWO, 'Firefox',
                     'Mozilla', 5, 5)",
            ),
            (
                "browser_sessions",
                "(digest, sid, created_at, last_used_at, idle_expires_at, absolute_expires_at)
                 VALUES (ONE, 'SID', 5, 5, 90, 99)",
            ),
        ],
    ),
    (
        4,
        &[
            (
                "signing_keys",
                "(kid, alg, state, public_jwk, sealed_seed, created_at) VALUES ('k', 'EdDSA', 'active', '{}', ONE, 5)",
            ),
            (
                "edges",
                "(name, kid, public_jwk, enrolled_at) VALUES ('eu-1', 'e', '{}', 5)",
            ),
        ],
    ),
    (
        5,
        &[(
            "revocations",
            "(seq, sid, at, reason) VALUES (1, 'SID', 5, 'signed-out')",
        )],
    ),
    (
        6,
        &[(
            "attempt_counters",
            "(key, account, failures, claims, claims_end_at, locked_until, forget_at) VALUES (ONE, TWO, 3, 0, 0, 0, 99)",
        )],
    ),
    (
        7,
        &[(
            "security_events",
            "(at, type, category, severity, success, message, metadata)
             VALUES (5, 'login.failed', 'authentication', 'warning', 0, 'A sign-in failed', '{}')",
        )],
    ),
    (
        8,
        &[(
            "backfills",
            "(name, position, until, filled, finished_at) VALUES ('of-before', 1, 1, 1, 5)",
        )],
    ),
    (
        9,
        &[
            (
                "registrations",
                "(id, email, first_name, last_name, password_hash, device_digest, created_at, expires_at)
                 VALUES ('r', 'grace@example.test', 'Grace', 'Hopper', '$argon2id$', ONE, 5, 99)",
            ),
            (
                "mail_links",
                "(digest, purpose, registration_id, user_id, expires_at)
                 VALUES (ONE, 'confirm-address', 'r', NULL, 99), (TWO, 'reset-password', NULL, 'USER', 99)",
            ),
            (
                "outbox",
                "(id, kind, recipient, state, attempts, due_at, ends_at, created_at)
                 VALUES ('m', 'registration', 'grace@example.test', 'waiting', 0, 5, 99, 5)",
            ),
        ],
    ),
    (
        10,
        &[
            ("alert_turn", "(one, holder, until) VALUES (1, 'x', 5)"),
            (
                "alerts",
                "(id, rule, subject, raised_at, cools_at, body, tries) VALUES ('a', 'reuse', 'x', 5, 6, '{}', 0)",
            ),
        ],
    ),
    (
        16,
        &[(
            "token_secrets",
            "(id, purpose, state, sealed, created_at) VALUES ('s', 'csrf', 'active', ONE, 5)",
        )],
    ),
    (
        20,
        &[
            (
                "view_settings",
                "(name, value) VALUES ('tokens.access_seconds', 600)",
            ),
            (
                "storage_sizes",
                "(name, kind, bytes, measured_at) VALUES ('users', 'table', 4096, 5)",
            ),
        ],
    ),
];

/// Puts rows into every table that a schema has, past the store, and says how many each has.
async fn fill(world: &World, version: i64) -> Vec<(String, i64)> {
    let (one, two) = (world.bytes(1), world.bytes(2));
    let of_then = FILLINGS.iter().filter(|(since, _)| *since <= version);
    for (table, row) in of_then.flat_map(|(_, tables)| tables.iter()) {
        let row = row.replace("USER", USER).replace("SID", SID);
        let row = row.replace("ONE", &one).replace("TWO", &two);
        let inserted = world.run(&format!("INSERT INTO {table} {row}")).await;
        assert_eq!(inserted, Ok(()), "{table} of {version}");
    }
    if version >= 3 {
        for _ in 0..2 {
            // An act that is no security event, because older schemas have no place for those.
            world.store.record(&entry(Action::Refresh)).await.unwrap();
        }
    }
    let counted = world.counted().await;
    for (table, rows) in &counted {
        assert!(*rows > 0, "nothing is in {table} of {version}");
    }
    counted
}

pub(crate) async fn rows_of_every_older_schema_go_up_and_back(world: World) {
    let steps = world.store.migration_status().await.unwrap();
    let newest = steps.last().unwrap().version;
    let user = UserId::parse(USER).unwrap();
    let sid = Sid::parse(SID).unwrap();
    for older in steps
        .iter()
        .map(|step| step.version)
        .filter(|it| *it < newest)
    {
        world.store.migrate_down(0).await.unwrap();
        world.store.migrate_up().await.unwrap();
        world.store.migrate_down(older).await.unwrap();
        let mut expected = fill(&world, older).await;
        world.store.migrate_up().await.unwrap();
        let account = world.store.account_by_id(user).await.unwrap().unwrap();
        assert_eq!(account.email.as_str(), "ada@example.test", "from {older}");
        assert_eq!(account.roles.len(), 1, "from {older}");
        let family = world.store.family(sid).await.unwrap();
        assert_eq!(
            family.map(|family| family.seq),
            (older >= 2).then_some(7),
            "from {older}"
        );
        let unsaid = "SELECT (SELECT count(*) FROM users WHERE language IS NULL)
            + (SELECT count(*) FROM outbox WHERE language IS NULL)";
        let mails = i64::from(older >= 9);
        assert_eq!(world.number(unsaid).await, 1 + mails, "from {older}");
        let ended = "SELECT count(*) FROM revocations WHERE kind = 'sid'";
        assert_eq!(world.number(ended).await, i64::from(older >= 5));
        world.store.record(&entry(Action::Refresh)).await.unwrap();
        let entries = if older >= 3 { 3 } else { 1 };
        assert_eq!(world.entries().await, entries, "from {older}");

        for (table, rows) in &mut expected {
            *rows += i64::from(table == "audit_log");
        }
        world.store.migrate_down(older).await.unwrap();
        assert_eq!(world.counted().await, expected, "back to {older}");
        if older >= 3 {
            assert_eq!(world.entries().await, entries, "back to {older}");
        }
        world.store.migrate_up().await.unwrap();
        let again = world.counted().await;
        for table in &expected {
            assert!(again.contains(table), "{table:?} from {older}, again");
        }
        let entries = if older >= 3 { 3 } else { 0 };
        assert_eq!(world.entries().await, entries, "from {older}, again");
        let account = world.store.account_by_id(user).await.unwrap().unwrap();
        assert_eq!(account.email.as_str(), "ada@example.test");
    }
}
