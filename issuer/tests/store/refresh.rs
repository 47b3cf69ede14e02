//! What the database does with a rotation, a repetition and an end: only what was planned, and only on the row that was
//! read.

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    config::OnReuse,
    custody::Sealed,
    domain::{
        audit::{Action, Actor, AuditEntry, Origin},
        moment::Moment,
        refresh::{HandOut, ReusedFamily, Rotation},
        session::{AddressRange, DeviceMark, Digest, Family, RevocationReason, Sid},
        storage::Storage,
    },
};

use crate::desk::Desk;

/// The family of somebody who has just signed in.
async fn family(desk: &Desk) -> Family {
    let sid: String = sqlx::query_scalar("SELECT sid FROM families")
        .fetch_one(&mut desk.sql().await)
        .await
        .unwrap();
    read(desk, Sid::parse(&sid).unwrap()).await
}

async fn read(desk: &Desk, sid: Sid) -> Family {
    desk.app.store.family(sid).await.unwrap().unwrap()
}

fn entry() -> AuditEntry {
    let now = UnixTime::from_seconds(1);
    AuditEntry::done(Action::Refresh, Actor::Issuer, now, &Origin::default())
}

/// A rotation of a family as it is, half a second later.
fn rotation(family: &Family) -> Rotation {
    let at = Moment::from_millis(family.rotated_at.millis() + 500);
    Rotation {
        sid: family.sid,
        seq: family.seq,
        current: family.current,
        next: Digest::of(&format!("next {}", family.seq)),
        sealed_next: Sealed::from_bytes(vec![1, 2, 3]),
        at,
        idle_expires_at: at.time().plus(77),
        device: DeviceMark {
            cookie: Some(Digest::of("cookie")),
            program: Digest::of("program"),
        },
        address: AddressRange::of("198.51.100.7".parse().unwrap()),
        demands_step_up: false,
    }
}

#[tokio::test]
async fn a_rotation_writes_what_it_says_and_nothing_else() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let before = family(&desk).await;
    let rotation = rotation(&before);
    assert!(desk.app.store.rotate(&rotation, &entry()).await.unwrap());
    let expected = Family {
        seq: before.seq + 1,
        current: rotation.next,
        previous: Some(rotation.current),
        sealed_next: Some(rotation.sealed_next),
        rotated_at: rotation.at,
        handed_out_at: rotation.at,
        confirmed: false,
        idle_expires_at: rotation.idle_expires_at,
        device: rotation.device,
        address: Some(rotation.address),
        last_used_at: rotation.at.time(),
        ..before.clone()
    };
    assert_eq!(read(&desk, before.sid).await, expected);
}

#[tokio::test]
async fn a_rotation_needs_the_row_as_it_was_read_and_alive() {
    type Change = fn(&Family, Rotation) -> Rotation;
    let late =
        |moment: fn(&Family) -> UnixTime| move |family: &Family| Moment::from_time(moment(family));
    let (idle, absolute) = (
        late(|family| family.idle_expires_at),
        late(|family| family.absolute_expires_at),
    );
    let rows: [(&str, Change); 3] = [
        ("another number", |_, rotation| Rotation {
            seq: rotation.seq + 1,
            ..rotation
        }),
        ("another token", |_, rotation| Rotation {
            current: Digest::of("other"),
            ..rotation
        }),
        ("another family", |family, rotation| Rotation {
            sid: Sid::from_random(family.created_at, [7; 10]),
            ..rotation
        }),
    ];
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let store = &desk.app.store;
    let before = family(&desk).await;
    let acts = desk.acts().await;
    for (what, change) in rows {
        let changed = change(&before, rotation(&before));
        assert!(!store.rotate(&changed, &entry()).await.unwrap(), "{what}");
        assert_eq!(read(&desk, before.sid).await, before, "{what}");
    }
    for at in [idle(&before), absolute(&before)] {
        let expired = Rotation {
            at,
            ..rotation(&before)
        };
        assert!(!store.rotate(&expired, &entry()).await.unwrap(), "{at:?}");
    }
    assert_eq!(desk.acts().await, acts, "what is not done is not logged");

    let now = before.created_at;
    let reason = RevocationReason::SignedOut;
    assert!(
        store
            .revoke(before.sid, reason, now, &entry())
            .await
            .unwrap()
    );
    let ended = read(&desk, before.sid).await;
    assert!(!store.rotate(&rotation(&before), &entry()).await.unwrap());
    assert_eq!(read(&desk, before.sid).await, ended, "a tombstone");
}

#[tokio::test]
async fn a_repetition_moves_only_its_moment_and_only_while_unconfirmed() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let store = &desk.app.store;
    let first = family(&desk).await;
    assert!(store.rotate(&rotation(&first), &entry()).await.unwrap());
    let before = read(&desk, first.sid).await;
    let hand_out = |seq, millis: i64| HandOut {
        sid: first.sid,
        seq,
        at: Moment::from_millis(before.rotated_at.millis() + millis),
        demands_step_up: false,
    };
    // (what, number, milliseconds after the rotation, is it done, the moment afterwards)
    let rows = [
        ("later", 1, 9000, true, 9000),
        ("earlier, by another clock", 1, 5000, true, 9000),
        ("the number before", 0, 12_000, false, 9000),
        ("a number ahead", 2, 12_000, false, 9000),
    ];
    for (what, seq, at, done, after) in rows {
        let hand_out = hand_out(seq, at);
        assert_eq!(
            store.hand_out(&hand_out, &entry()).await.unwrap(),
            done,
            "{what}"
        );
        let expected = Family {
            handed_out_at: Moment::from_millis(before.rotated_at.millis() + after),
            ..before.clone()
        };
        assert_eq!(read(&desk, first.sid).await, expected, "{what}");
    }
    for (seq, confirmed) in [(0, false), (2, false), (1, true)] {
        store.confirm(first.sid, seq).await.unwrap();
        assert_eq!(read(&desk, first.sid).await.confirmed, confirmed, "{seq}");
    }
    let confirmed = read(&desk, first.sid).await;
    assert!(
        store
            .hand_out(&hand_out(1, 20_000), &entry())
            .await
            .unwrap()
    );
    assert_eq!(
        read(&desk, first.sid).await,
        confirmed,
        "the grace has its end"
    );

    let reason = RevocationReason::SignedOut;
    let now = first.created_at;
    assert!(
        store
            .revoke(first.sid, reason, now, &entry())
            .await
            .unwrap()
    );
    assert!(
        !store
            .hand_out(&hand_out(1, 20_001), &entry())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_repetition_that_demands_a_step_up_leaves_the_first_demand_as_it_was() {
    let (desk, _browser) = Desk::with_ada_signed_in().await;
    let store = &desk.app.store;
    let first = family(&desk).await;
    assert!(store.rotate(&rotation(&first), &entry()).await.unwrap());
    let before = read(&desk, first.sid).await;
    for (demands_step_up, seconds, demanded_after) in [
        (false, 5, None),
        (true, 6, Some(6)),
        (true, 7, Some(6)),
        (false, 8, Some(6)),
    ] {
        let hand_out = HandOut {
            sid: first.sid,
            seq: 1,
            at: Moment::from_millis(before.rotated_at.millis() + seconds * 1000),
            demands_step_up,
        };
        assert!(store.hand_out(&hand_out, &entry()).await.unwrap());
        let demanded = demanded_after.map(|seconds| before.rotated_at.time().plus(seconds));
        let found = read(&desk, first.sid).await.step_up_demanded_at;
        assert_eq!(found, demanded, "{seconds}");
    }
}

#[tokio::test]
async fn a_family_ends_by_reuse_once() {
    for (scope, others) in [(OnReuse::Family, 0), (OnReuse::User, 1)] {
        let (desk, _browser) = Desk::with_ada_signed_in().await;
        let before = family(&desk).await;
        desk.browser().log_in(crate::desk::EMAIL).await;
        let reused = ReusedFamily {
            sid: before.sid,
            user: before.user,
            scope,
            now: before.created_at,
        };
        let store = &desk.app.store;
        assert!(store.end_reused(&reused, &entry()).await.unwrap());
        let acts = desk.acts().await;
        assert!(!store.end_reused(&reused, &entry()).await.unwrap());
        assert_eq!(desk.acts().await, acts);
        let by = "SELECT count(*) FROM families WHERE revoked_reason = 'reuse' AND reuse_seen_at IS NOT NULL";
        assert_eq!(desk.number(by).await, 1);
        let beside = "SELECT count(*) FROM families WHERE revoked_reason = 'revoked-all'";
        assert_eq!(desk.number(beside).await, others);
    }
}
