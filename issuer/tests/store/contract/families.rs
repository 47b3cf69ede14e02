//! Families: compare-and-swap, tombstones, and what comes before what.

use std::sync::Arc;

use edgeward_issuer::domain::{
    audit::Action,
    moment::Moment,
    session::{Digest, RevocationReason, Sid},
    storage::{Entered, Storage},
};
use tokio::{sync::watch, task::JoinSet};

use super::world::{NOW, World, digest, entry, first_rotation, new_sign_in, rotation_from};

/// The number of simultaneous refreshes of one session that the protocol is held to.
const AT_ONCE: usize = 50;

/// How often a revocation runs against rotations: an order of events that is wrong once in ten shows.
const RACES: u64 = 20;

/// How many rotations run beside a revocation at most: the one that is under way, and the next.
const BESIDE: u64 = 2;

/// Fewer rotations than this come before a revocation.
const MOST_BEFORE: u64 = 4;

/// How far it is with a revocation that runs against rotations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Revoking {
    NotYet,
    Begins,
    IsDone,
}

pub(crate) async fn a_family_is_read_as_it_was_written(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let family = world.store.family(sign_in.sid).await.unwrap().unwrap();
    assert_eq!((family.sid, family.user), (sign_in.sid, ada));
    assert_eq!((family.seq, family.current), (0, sign_in.refresh));
    assert_eq!(family.previous, None);
    assert_eq!(
        (family.client.as_str(), family.acr.as_str()),
        (sign_in.client, "aal1")
    );
    assert_eq!(family.amr, sign_in.amr);
    assert_eq!(family.device_name, sign_in.device.name);
    assert_eq!(family.address, Some(sign_in.device.address.clone()));
    assert_eq!(family.rotated_at, Moment::from_time(NOW));
    assert_eq!(family.idle_expires_at, sign_in.idle_expires_at);
    assert_eq!(family.absolute_expires_at, sign_in.absolute_expires_at);
    assert_eq!(
        (family.auth_time, family.created_at, family.last_used_at),
        (NOW, NOW, NOW)
    );
    assert_eq!(
        (family.revoked_at, family.step_up_demanded_at),
        (None, None)
    );
    let (session, of) = world
        .store
        .session(&sign_in.session.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((session.sid, of.sid), (sign_in.sid, sign_in.sid));
    assert_eq!(session.idle_expires_at, sign_in.session_idle_expires_at);
    assert!(world.store.session(&digest()).await.unwrap().is_none());
    let unknown = Sid::from_random(NOW, [9; 10]);
    assert!(world.store.family(unknown).await.unwrap().is_none());
}

pub(crate) async fn of_fifty_rotations_one_is_done(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let stores = [
        Arc::new(world.another().await),
        Arc::new(world.another().await),
    ];
    let mut running = JoinSet::new();
    for index in 0..AT_ONCE {
        let store = Arc::clone(&stores[index % stores.len()]);
        let rotation = first_rotation(&sign_in);
        running.spawn(async move {
            let done = store.rotate(&rotation, &entry(Action::Refresh)).await;
            (done.unwrap(), rotation.next)
        });
    }
    let answers = running.join_all().await;
    let won: Vec<Digest> = answers
        .into_iter()
        .filter(|(done, _)| *done)
        .map(|(_, next)| next)
        .collect();
    assert_eq!(won.len(), 1);
    let family = world.store.family(sign_in.sid).await.unwrap().unwrap();
    assert_eq!((family.seq, family.current), (1, won[0]));
    assert_eq!(family.previous, Some(sign_in.refresh));
    let refreshes = "SELECT count(*) FROM audit_log WHERE action = 'session.refresh'";
    assert_eq!(world.number(refreshes).await, 1);
    assert_eq!(world.entries().await, 3);
}

pub(crate) async fn a_demand_for_a_step_up_stays(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let mut current = sign_in.refresh;
    for (seq, (demands, since)) in [
        (false, None),
        (true, Some(31)),
        (false, Some(31)),
        (true, Some(31)),
    ]
    .into_iter()
    .enumerate()
    {
        let seq = u64::try_from(seq).unwrap();
        let mut rotation = rotation_from(&sign_in, seq, current);
        rotation.at = Moment::from_time(NOW.plus(30 + i64::try_from(seq).unwrap()));
        rotation.demands_step_up = demands;
        let noted = entry(Action::Refresh);
        assert!(world.store.rotate(&rotation, &noted).await.unwrap());
        current = rotation.next;
        let family = world.store.family(sign_in.sid).await.unwrap().unwrap();
        let since = since.map(|seconds| NOW.plus(seconds));
        assert_eq!(family.step_up_demanded_at, since, "{seq}");
    }
}

pub(crate) async fn a_rotation_from_another_state_changes_nothing(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let fit = first_rotation(&sign_in);
    let with = |change: &dyn Fn(&mut edgeward_issuer::domain::refresh::Rotation)| {
        let mut rotation = fit.clone();
        change(&mut rotation);
        rotation
    };
    let rows = [
        (
            "another token",
            with(&|rotation| rotation.current = digest()),
        ),
        ("another number", with(&|rotation| rotation.seq = 1)),
        (
            "another family",
            with(&|rotation| rotation.sid = new_sign_in(ada).sid),
        ),
        (
            "after the idle end",
            with(&|rotation| rotation.at = Moment::from_time(sign_in.idle_expires_at)),
        ),
        (
            "after the absolute end",
            with(&|rotation| rotation.at = Moment::from_time(sign_in.absolute_expires_at)),
        ),
    ];
    let before = world.store.family(sign_in.sid).await.unwrap().unwrap();
    for (what, rotation) in rows {
        let done = world.store.rotate(&rotation, &entry(Action::Refresh)).await;
        assert!(!done.unwrap(), "{what}");
        let after = world.store.family(sign_in.sid).await.unwrap().unwrap();
        assert_eq!(format!("{after:?}"), format!("{before:?}"), "{what}");
    }
    assert_eq!(
        world.entries().await,
        2,
        "nothing was done and nothing noted"
    );
    assert!(
        world
            .store
            .rotate(&fit, &entry(Action::Refresh))
            .await
            .unwrap()
    );
}

pub(crate) async fn a_tombstone_stays(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let (store, sid, reason) = (&world.store, sign_in.sid, RevocationReason::Reuse);
    let revoke = |at: i64| async move {
        let entry = entry(Action::RefreshReuse);
        store
            .revoke(sid, reason, NOW.plus(at), &entry)
            .await
            .unwrap()
    };
    assert!(revoke(20).await);
    assert!(!revoke(30).await, "it ended once");
    let rotated = store
        .rotate(&first_rotation(&sign_in), &entry(Action::Refresh))
        .await;
    assert!(!rotated.unwrap());
    assert!(
        store
            .session(&sign_in.session.unwrap())
            .await
            .unwrap()
            .is_none()
    );
    for statement in [
        "UPDATE families SET revoked_at = NULL, revoked_reason = NULL",
        "UPDATE families SET revoked_at = revoked_at + 1",
        "UPDATE families SET seq = seq + 1",
        "UPDATE families SET current_digest = device_digest",
    ] {
        let refused = world.run(statement).await.unwrap_err();
        assert!(
            refused.contains("a revoked session stays revoked"),
            "{refused}"
        );
    }
    let family = store.family(sign_in.sid).await.unwrap().unwrap();
    assert_eq!(family.revoked_at, Some(NOW.plus(20)));
    assert_eq!((family.seq, family.current), (0, sign_in.refresh));
    let reuse = "SELECT count(*) FROM families WHERE reuse_seen_at = revoked_at AND revoked_reason = 'reuse'";
    assert_eq!(world.number(reuse).await, 1);
    assert_eq!(world.entries().await, 3);
}

pub(crate) async fn nothing_succeeds_after_a_revocation(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let world = Arc::new(world);
    let other = Arc::new(world.another().await);
    for race in 0..RACES {
        let sign_in = world.with_sign_in(ada).await;
        let revoking = watch::Sender::new(Revoking::NotYet);
        let (rotates, mut rotated) = watch::channel(0);
        let client = tokio::spawn({
            let (other, sign_in) = (Arc::clone(&other), sign_in.clone());
            let mut revoking = revoking.subscribe();
            async move {
                let (mut seq, mut current, mut beside) = (0, sign_in.refresh, 0);
                loop {
                    let is_after = *revoking.borrow() == Revoking::IsDone;
                    let rotation = rotation_from(&sign_in, seq, current);
                    if !other
                        .rotate(&rotation, &entry(Action::Refresh))
                        .await
                        .unwrap()
                    {
                        return seq;
                    }
                    assert!(!is_after, "rotated after the revocation");
                    (seq, current) = (seq + 1, rotation.next);
                    rotates.send_replace(seq);
                    beside += u64::from(*revoking.borrow() == Revoking::Begins);
                    // SQLite has one writer at a time and no queue: who never pauses may keep the other out for longer than it waits.
                    if beside == BESIDE {
                        let is_done = |at: &Revoking| *at == Revoking::IsDone;
                        assert!(revoking.wait_for(is_done).await.is_ok());
                    }
                }
            }
        });
        // After none, or some, so that it meets another step of a rotation.
        let before = race % MOST_BEFORE;
        assert!(rotated.wait_for(|seq| *seq >= before).await.is_ok());
        revoking.send_replace(Revoking::Begins);
        let reason = RevocationReason::SignedOut;
        let ended = world
            .store
            .revoke(sign_in.sid, reason, NOW, &entry(Action::SignOut))
            .await;
        assert!(ended.unwrap());
        revoking.send_replace(Revoking::IsDone);
        let at_end = world.store.family(sign_in.sid).await.unwrap().unwrap();
        assert_eq!(
            client.await.unwrap(),
            at_end.seq,
            "the last success came before"
        );
        let later = rotation_from(&sign_in, at_end.seq, at_end.current);
        assert!(
            !world
                .store
                .rotate(&later, &entry(Action::Refresh))
                .await
                .unwrap()
        );
    }
    world.entries().await;
}

pub(crate) async fn all_sessions_but_one_end_together(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let bob = world.with_account("bob@example.test").await;
    let kept = world.with_sign_in(ada).await;
    let others = [world.with_sign_in(ada).await, world.with_sign_in(ada).await];
    let bobs = world.with_sign_in(bob).await;
    let store = &world.store;
    let revoke_all = |except| async move {
        let entry = entry(Action::RevokeAllSessions);
        store.revoke_all(ada, except, NOW, &entry).await.unwrap()
    };
    assert_eq!(revoke_all(Some(kept.sid)).await, 2);
    for other in &others {
        assert!(!store.family(other.sid).await.unwrap().unwrap().is_live(NOW));
        assert!(
            store
                .session(&other.session.unwrap())
                .await
                .unwrap()
                .is_none()
        );
    }
    for living in [&kept, &bobs] {
        assert!(
            store
                .family(living.sid)
                .await
                .unwrap()
                .unwrap()
                .is_live(NOW)
        );
        assert!(
            store
                .session(&living.session.unwrap())
                .await
                .unwrap()
                .is_some()
        );
    }
    assert_eq!(revoke_all(None).await, 1);
    let entries = world.entries().await;
    assert_eq!(revoke_all(None).await, 0);
    assert_eq!(world.entries().await, entries, "nothing was done");
}

pub(crate) async fn living_sessions_are_listed_the_newest_first(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let mut expected = Vec::new();
    for age in [30, 10, 20] {
        let mut sign_in = new_sign_in(ada);
        sign_in.now = NOW.plus(-age);
        let entry = entry(Action::SignIn);
        assert_eq!(
            world
                .store
                .sign_in(&sign_in, None, None, &entry)
                .await
                .unwrap(),
            Entered::Done
        );
        expected.push((age, sign_in.sid));
    }
    expected.sort();
    let ended = world.with_sign_in(ada).await;
    let reason = RevocationReason::Revoked;
    let noted = entry(Action::RevokeSession);
    assert!(
        world
            .store
            .revoke(ended.sid, reason, NOW, &noted)
            .await
            .unwrap()
    );
    let listed = world.store.live_families(ada, NOW).await.unwrap();
    let listed: Vec<Sid> = listed.iter().map(|listed| listed.family.sid).collect();
    assert_eq!(
        listed,
        expected.iter().map(|(_, sid)| *sid).collect::<Vec<_>>()
    );
    let later = world
        .store
        .live_families(ada, NOW.plus(1_000))
        .await
        .unwrap();
    assert!(later.is_empty(), "each has ended by itself");
}

pub(crate) async fn a_list_tells_the_later_of_refresh_and_cookie(world: World) {
    enum Use {
        SignIn,
        Refresh,
        Page,
    }
    let ada = world.with_account("ada@example.test").await;
    let used = world.with_sign_in(ada).await;
    world.with_sign_in(ada).await;
    // Whoever signs in without cookies has none that could be used.
    let mut program = new_sign_in(ada);
    program.session = None;
    let noted = entry(Action::SignIn);
    let entered = world.store.sign_in(&program, None, None, &noted).await;
    assert_eq!(entered.unwrap(), Entered::Done);
    let (mut seq, mut current, mut last_refresh) = (0, used.refresh, NOW);
    for (what, at, expected) in [
        (Use::SignIn, 0, 0),
        (Use::Refresh, 10, 10),
        (Use::Page, 70, 70),
        (Use::Refresh, 95, 95),
        // Noted late, by a process that was slow.
        (Use::Page, 90, 95),
        (Use::Page, 300, 300),
    ] {
        let at = NOW.plus(at);
        match what {
            Use::SignIn => {}
            Use::Refresh => {
                let mut rotation = rotation_from(&used, seq, current);
                rotation.at = Moment::from_time(at);
                let done = world.store.rotate(&rotation, &entry(Action::Refresh)).await;
                assert!(done.unwrap());
                (seq, current, last_refresh) = (seq + 1, rotation.next, at);
            }
            Use::Page => {
                let cookie = used.session.unwrap();
                let touched = world.store.touch_session(&cookie, at, at.plus(100)).await;
                touched.unwrap();
            }
        }
        // Each cookie has ended by then; that it was used is as true as before.
        let listed = world.store.live_families(ada, NOW.plus(500)).await.unwrap();
        assert_eq!(listed.len(), 3, "each is there once");
        for found in listed {
            let sid = found.family.sid;
            let (active, refreshed) = if sid == used.sid {
                (NOW.plus(expected), last_refresh)
            } else {
                (NOW, NOW)
            };
            assert_eq!(found.last_activity_at(), active);
            assert_eq!(found.family.last_used_at, refreshed, "a page is no refresh");
            assert_eq!(found.cookie_used_at.is_none(), sid == program.sid);
        }
    }
}

pub(crate) async fn the_last_use_only_moves_forward(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let cookie = world.with_sign_in(ada).await.session.unwrap();
    for (used, expected) in [(60, 60), (30, 60), (90, 90)] {
        let end = NOW.plus(used + 100);
        world
            .store
            .touch_session(&cookie, NOW.plus(used), end)
            .await
            .unwrap();
        let (session, _) = world.store.session(&cookie).await.unwrap().unwrap();
        assert_eq!(session.last_used_at, NOW.plus(expected));
        assert_eq!(session.idle_expires_at, NOW.plus(expected + 100));
    }
    assert_eq!(world.entries().await, 2, "bookkeeping is no act");
}

pub(crate) async fn a_rotation_that_fails_beside_others_fails_alone(world: World) {
    let ada = world.with_account("ada@example.test").await;
    world.refuse_marked_entries().await;
    let store = Arc::new(world.another().await);
    let mut running = JoinSet::new();
    for index in 0..AT_ONCE {
        let sign_in = world.with_sign_in(ada).await;
        let (store, refused) = (Arc::clone(&store), index % 3 == 0);
        running.spawn(async move {
            let mut noted = entry(Action::Refresh);
            if refused {
                noted = noted.with("mark", "refuse-me");
            }
            let done = store.rotate(&first_rotation(&sign_in), &noted).await;
            (sign_in.sid, refused, done)
        });
    }
    for (sid, refused, done) in running.join_all().await {
        assert_eq!(done.is_err(), refused, "{done:?}");
        let family = world.store.family(sid).await.unwrap().unwrap();
        assert_eq!(
            family.seq,
            u64::from(!refused),
            "no step of the act is left, or all are"
        );
    }
    let refreshes = AT_ONCE - AT_ONCE.div_ceil(3);
    let entries = 1 + AT_ONCE + refreshes;
    assert_eq!(world.entries().await, u64::try_from(entries).unwrap());
}
