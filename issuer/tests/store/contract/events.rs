//! Security events and the views over them.

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    clock::Clock,
    domain::{
        accounts::Email,
        audit::{Action, Actor, AuditEntry, Origin},
        events::{Circumstances, EventType, SecurityEvent, Severity},
        session::RevocationReason,
        storage::{Entered, Storage},
    },
    store::events::EventFilter,
};

use super::world::{NOW, World, entry, first_rotation, new_account, new_sign_in};

const EMAIL: &str = "ada@example.test";

/// More than end in one statement.
const MANY: usize = 700;

fn circumstances(address: &str) -> Circumstances {
    let address = address.parse().unwrap();
    Circumstances::new(address, "Mozilla/5.0 ö", "POST", "/auth/login")
}

fn refusal(kind: EventType, at: UnixTime, address: &str) -> SecurityEvent {
    SecurityEvent::refusal(kind, at, "r-1", circumstances(address))
}

const fn all() -> EventFilter {
    EventFilter {
        since: UnixTime::from_seconds(0),
        kind: None,
        severity: Severity::Info,
        email: None,
        limit: 1000,
    }
}

/// A failed sign-in, as an act.
fn failed(at: UnixTime, email: &str, address: &str) -> AuditEntry {
    let origin = Origin::of_request("r-2", address.parse().unwrap())
        .amid(circumstances(address))
        .naming(Some(&Email::parse(email).unwrap()));
    AuditEntry::refused(
        Action::SignIn,
        "unknown-user",
        Actor::Anonymous,
        at,
        &origin,
    )
}

pub(crate) async fn an_event_is_read_as_it_was_written(world: World) {
    let ada = world.with_account(EMAIL).await;
    let mut event = refusal(EventType::CsrfRefused, NOW, "::ffff:203.0.113.7");
    event.user = Some(ada);
    event.metadata.insert("leftOut", "7 \"more\"".to_owned());
    world.store.record_event(&event).await.unwrap();
    let found = world.store.events(&all()).await.unwrap();
    let found = found.iter().find(|row| row.kind == "csrf.refused").unwrap();
    assert_eq!(
        (found.at, found.success, found.audit_seq),
        (NOW, false, None)
    );
    assert_eq!(
        (found.category.as_str(), found.severity.as_str()),
        ("request", "warning")
    );
    assert_eq!(found.user, Some(ada.to_string()));
    // Known by identifier only, the person has the address of the account.
    assert_eq!(found.email.as_deref(), Some(EMAIL));
    assert_eq!(found.address.as_deref(), Some("203.0.113.7"));
    assert_eq!(found.user_agent.as_deref(), Some("Mozilla/5.0 ö"));
    assert_eq!(
        (found.method.as_deref(), found.path.as_deref()),
        (Some("POST"), Some("/auth/login"))
    );
    assert_eq!(found.request_id.as_deref(), Some("r-1"));
    assert_eq!(found.message, EventType::CsrfRefused.message());
    assert_eq!(found.metadata, r#"{"leftOut":"7 \"more\""}"#);
}

pub(crate) async fn an_act_and_its_event_are_written_together_or_not_at_all(world: World) {
    world
        .store
        .record(&failed(NOW, EMAIL, "192.0.2.1"))
        .await
        .unwrap();
    let found = world.store.events(&all()).await.unwrap();
    assert_eq!(found[0].audit_seq, Some(1));
    assert_eq!(
        (found[0].email.as_deref(), found[0].user.as_deref()),
        (Some(EMAIL), None)
    );
    world.refuse_marked_entries().await;
    let account = new_account("grace@example.test");
    let marked = entry(Action::Register).with("mark", "refuse-me");
    assert!(world.store.create_account(&account, &marked).await.is_err());
    assert_eq!(world.rows("security_events").await, 1);
    // The other way round: an event that cannot be written takes its act along.
    world
        .run("ALTER TABLE security_events RENAME TO gone")
        .await
        .unwrap();
    let good = entry(Action::Register);
    assert!(world.store.create_account(&account, &good).await.is_err());
    assert_eq!((world.rows("users").await, world.entries().await), (0, 1));
}

pub(crate) async fn filters_narrow_what_is_listed(world: World) {
    for (kind, at) in [
        (EventType::CsrfRefused, 0),
        (EventType::EdgeProofMisused, 10),
        (EventType::RefreshTokenRefused, 20),
    ] {
        let event = refusal(kind, NOW.plus(at), "192.0.2.1");
        world.store.record_event(&event).await.unwrap();
    }
    world
        .store
        .record(&failed(NOW.plus(30), EMAIL, "192.0.2.1"))
        .await
        .unwrap();
    let narrowed = |change: &dyn Fn(&mut EventFilter)| {
        let mut filter = all();
        change(&mut filter);
        filter
    };
    for (filter, expected) in [
        (
            all(),
            vec![
                "login.failed",
                "refresh-token.refused",
                "edge-proof.misused",
                "csrf.refused",
            ],
        ),
        (narrowed(&|it| it.limit = 1), vec!["login.failed"]),
        (
            narrowed(&|it| it.since = NOW.plus(20)),
            vec!["login.failed", "refresh-token.refused"],
        ),
        (
            narrowed(&|it| it.severity = Severity::Warning),
            vec!["login.failed", "edge-proof.misused", "csrf.refused"],
        ),
        (
            narrowed(&|it| it.severity = Severity::Critical),
            vec!["edge-proof.misused"],
        ),
        (
            narrowed(&|it| it.kind = Some(EventType::CsrfRefused)),
            vec!["csrf.refused"],
        ),
        (
            narrowed(&|it| it.kind = Some(EventType::AccountLocked)),
            vec![],
        ),
        (
            narrowed(&|it| it.email = Some(EMAIL.to_owned())),
            vec!["login.failed"],
        ),
        (
            narrowed(&|it| it.email = Some("' OR 1=1 --".to_owned())),
            vec![],
        ),
    ] {
        let found = world.store.events(&filter).await.unwrap();
        let kinds: Vec<&str> = found.iter().map(|row| row.kind.as_str()).collect();
        assert_eq!(kinds, expected, "{filter:?}");
    }
}

/// The views ask the database what time it is, so this case begins now.
pub(crate) async fn the_views_answer_what_operators_ask(world: World) {
    const DAY: i64 = 24 * 3600;
    let now = Clock.now();
    for (email, address, times, at) in [
        (EMAIL, "192.0.2.1", 5, now.plus(-60)),
        (EMAIL, "192.0.2.2", 4, now.plus(-60)),
        ("grace@example.test", "192.0.2.1", 7, now.plus(-DAY + 600)),
        ("old@example.test", "192.0.2.1", 9, now.plus(-DAY - 600)),
    ] {
        for _ in 0..times {
            world
                .store
                .record(&failed(at, email, address))
                .await
                .unwrap();
        }
    }
    let failures = world.store.failures().await.unwrap();
    let told: Vec<_> = failures
        .iter()
        .map(|row| {
            (
                row.email.as_deref(),
                row.address.as_deref(),
                row.failures,
                row.last_at,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                Some("grace@example.test"),
                Some("192.0.2.1"),
                7,
                now.plus(-DAY + 600)
            ),
            (Some(EMAIL), Some("192.0.2.1"), 5, now.plus(-60)),
        ]
    );
    for (kind, days) in [
        (EventType::AccountLocked, 6),
        (EventType::AccountLocked, 8),
        (EventType::RefreshReused, 80),
    ] {
        let event = refusal(kind, now.plus(-days * DAY), "192.0.2.1");
        world.store.record_event(&event).await.unwrap();
    }
    let locks = world.store.lockouts().await.unwrap();
    assert_eq!((locks.len(), locks[0].at), (1, now.plus(-6 * DAY)));
    assert_eq!(world.store.reuse().await.unwrap().len(), 1);

    let ada = world.with_account(EMAIL).await;
    let used = world.with_sign_in(ada).await;
    world.with_sign_in(ada).await;
    assert!(
        world
            .store
            .rotate(&first_rotation(&used), &entry(Action::Refresh))
            .await
            .unwrap()
    );
    let recent = format!(
        "UPDATE families SET last_used_at = {}",
        now.plus(-3600).seconds()
    );
    world.run(&recent).await.unwrap();
    let sid = used.sid.to_string();
    // How long it lived, how often it refreshed, the life of access tokens where an issuer told it, and what is expected of it.
    for (lived, refreshes, access, expected) in [
        (0, 9, None, None),
        (0, 10, None, Some(1)),
        (-5, 10, None, Some(1)),
        (3600, 6, None, None),
        (3600, 14, None, None),
        (3600, 15, None, Some(7)),
        (3600, 15, Some(300), None),
        (3600, 27, Some(300), Some(13)),
        (86_000, 290, Some(600), Some(144)),
        (86_000, 288, Some(600), None),
        // However many of them came in the last hour: what is told is of the whole life, and an idle session of a month may have as many.
        (30 * DAY, 500, Some(600), None),
        (3600, 15, Some(600), Some(7)),
    ] {
        if let Some(access) = access {
            world.store.tell_views(access).await.unwrap();
        }
        let (used_at, began) = (now.plus(-60), now.plus(-60 - lived));
        let set = format!(
            "UPDATE families SET seq = {refreshes}, created_at = {}, last_used_at = {} WHERE sid = '{sid}'",
            began.seconds(),
            used_at.seconds(),
        );
        world.run(&set).await.unwrap();
        let rates = world.store.refresh_rates().await.unwrap();
        let told: Vec<_> = rates
            .iter()
            .map(|row| (row.sid.as_str(), row.refreshes, row.expected, row.ended))
            .collect();
        let expected = expected.map(|expected| (sid.as_str(), refreshes, expected, false));
        assert_eq!(
            told,
            Vec::from_iter(expected),
            "{lived} {refreshes} {access:?}"
        );
    }
    let (reason, noted) = (RevocationReason::Revoked, entry(Action::RevokeSession));
    assert!(
        world
            .store
            .revoke(used.sid, reason, now, &noted)
            .await
            .unwrap()
    );
    assert!(world.store.refresh_rates().await.unwrap()[0].ended);
    let long_ago = format!(
        "UPDATE families SET last_used_at = {}",
        now.plus(-DAY - 600).seconds()
    );
    world.run(&long_ago).await.unwrap();
    assert_eq!(world.store.refresh_rates().await.unwrap(), []);
}

pub(crate) async fn old_events_end_and_the_log_stays(world: World) {
    world
        .store
        .record(&failed(NOW, EMAIL, "192.0.2.1"))
        .await
        .unwrap();
    for index in 0..MANY {
        let event = refusal(
            EventType::CsrfRefused,
            NOW.plus(-1 - i64::try_from(index).unwrap()),
            "192.0.2.1",
        );
        world.store.record_event(&event).await.unwrap();
    }
    assert_eq!(world.store.end_events(NOW).await.unwrap(), MANY as u64);
    assert_eq!(world.store.end_events(NOW).await.unwrap(), 0);
    assert_eq!(world.rows("security_events").await, 1);
    assert_eq!(world.store.end_events(NOW.plus(1)).await.unwrap(), 1);
    assert_eq!(world.entries().await, 1);
}

pub(crate) async fn tables_and_indexes_are_listed_by_size(world: World) {
    let ada = world.with_account(EMAIL).await;
    let noted = entry(Action::SignIn);
    for _ in 0..3 {
        let sign_in = new_sign_in(ada);
        assert_eq!(
            world
                .store
                .sign_in(&sign_in, None, None, &noted)
                .await
                .unwrap(),
            Entered::Done
        );
    }
    let are_counted = world.reads_by_type_are_counted().await;
    let found = world.store.storage_use().await.unwrap();
    for row in &found {
        assert_eq!(row.index_scans.is_some(), are_counted, "{row:?}");
        let is_scanned = are_counted && row.kind == "table";
        assert_eq!(row.full_scans.is_some(), is_scanned, "{row:?}");
    }
    let by_type = found
        .iter()
        .find(|row| row.name == "security_events_by_type");
    assert_eq!(by_type.unwrap().index_scans > Some(0), are_counted);
    assert!(found.windows(2).all(|two| two[0].bytes >= two[1].bytes));
    for (kind, name) in [
        ("table", "audit_log"),
        ("table", "families"),
        ("table", "security_events"),
        ("index", "security_events_by_time"),
    ] {
        let row = found.iter().find(|row| row.name == name).unwrap();
        assert!(row.kind == kind && row.bytes > 0, "{row:?}");
    }
    // The same by the view, for whoever asks the database: in SQLite as it was measured, once a day.
    let at = Clock.now();
    let in_view = "SELECT count(*) FROM security_storage WHERE bytes > 0 AND
        (kind, name) IN (VALUES ('table', 'families'), ('index', 'security_events_by_time'))";
    world.store.measure_storage(at).await.unwrap();
    assert_eq!(world.number(in_view).await, 2);
    let newest = "SELECT max(measured_at) FROM security_storage";
    let first = world.number(newest).await;
    world.store.measure_storage(at.plus(80_000)).await.unwrap();
    let again = world.number(newest).await;
    assert!(again - first < 60, "not yet");
    world.store.measure_storage(at.plus(90_000)).await.unwrap();
    let is_measured = !are_counted;
    let passed = world.number(newest).await - at.seconds();
    assert_eq!(passed >= 90_000, is_measured);
}
