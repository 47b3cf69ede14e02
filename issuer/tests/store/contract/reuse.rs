//! What a spent token changes: its successor is handed out once more, or the family ends, alone or with all of the user's.

use edgeward_issuer::{
    config::OnReuse,
    domain::{
        audit::Action,
        moment::Moment,
        refresh::{HandOut, ReusedFamily},
        session::{RevocationReason, Sid},
        storage::Storage,
    },
};

use super::world::{NOW, World, entry, first_rotation};

/// Whether the current token of the family, said to have this number, may be handed out.
async fn is_handed_out(world: &World, sid: Sid, seq: u64) -> bool {
    let hand_out = HandOut {
        sid,
        seq,
        at: Moment::from_millis(NOW.seconds() * 1_000),
        demands_step_up: false,
    };
    let entries = world.entries().await;
    let entry = entry(Action::RepeatRefresh);
    let done = world.store.hand_out(&hand_out, &entry).await.unwrap();
    assert_eq!(world.entries().await, entries + u64::from(done));
    done
}

pub(crate) async fn a_successor_is_handed_out_of_a_living_family_at_its_number_only(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let [goes_on, ends] = [world.with_sign_in(ada).await, world.with_sign_in(ada).await];
    for family in [&goes_on, &ends] {
        let rotation = first_rotation(family);
        let rotated = world.store.rotate(&rotation, &entry(Action::Refresh)).await;
        assert!(rotated.unwrap());
        assert!(is_handed_out(&world, family.sid, 1).await);
    }
    for (other, what) in [(0, "it has moved"), (2, "it never was there")] {
        assert!(!is_handed_out(&world, goes_on.sid, other).await, "{what}");
    }
    let reason = RevocationReason::SignedOut;
    let ended = world
        .store
        .revoke(ends.sid, reason, NOW, &entry(Action::SignOut))
        .await;
    assert!(ended.unwrap());
    assert!(!is_handed_out(&world, ends.sid, 1).await, "it has ended");
    assert!(is_handed_out(&world, goes_on.sid, 1).await, "not this one");
}

pub(crate) async fn reuse_ends_one_family_or_all_of_the_user_and_once(world: World) {
    for (scope, email, left) in [
        (OnReuse::Family, "ada@example.test", 1),
        (OnReuse::User, "eve@example.test", 0),
    ] {
        let user = world.with_account(email).await;
        let bob = world.with_account(&format!("not-{email}")).await;
        let (first, _) = (
            world.with_sign_in(user).await,
            world.with_sign_in(user).await,
        );
        let bobs = world.with_sign_in(bob).await;
        let reused = ReusedFamily {
            sid: first.sid,
            user,
            scope,
            now: NOW,
        };
        for is_first in [true, false] {
            let before = world.entries().await;
            let entry = entry(Action::RefreshReuse);
            let ended = world.store.end_reused(&reused, &entry).await.unwrap();
            assert_eq!(ended, is_first, "{scope:?}");
            assert_eq!(world.entries().await, before + u64::from(is_first));
        }
        let living = format!(
            "SELECT count(*) FROM families WHERE user_id = '{user}' AND revoked_at IS NULL"
        );
        assert_eq!(world.number(&living).await, left, "{scope:?}");
        let ended = format!(
            "SELECT count(*) FROM revocations WHERE sid IN (SELECT sid FROM families WHERE user_id = '{user}')"
        );
        assert_eq!(world.number(&ended).await, 2 - left, "{scope:?}: the feed");
        let family = world.store.family(first.sid).await.unwrap().unwrap();
        assert_eq!(family.revoked_at, Some(NOW));
        let bobs = world.store.family(bobs.sid).await.unwrap().unwrap();
        assert!(bobs.is_live(NOW), "another's");
    }
}
