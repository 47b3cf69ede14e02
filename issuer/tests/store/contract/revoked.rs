//! What an operator revokes by hand: a person, and one token.

use edgeward_core::revocation::Kind;
use edgeward_issuer::domain::{
    audit::Action,
    revocations::{KEPT_SECONDS, Revocations, Revoking, TokenId},
    storage::Storage,
};

use super::world::{NOW, World, entry};

const MOST: usize = 100;

/// Kind, id and moment of each entry that matters then, in order.
async fn feed(world: &World, seconds: i64) -> Vec<(Kind, String, i64)> {
    let found = world.store.revocations(0, NOW.plus(seconds), MOST).await;
    let entries = found.unwrap().into_iter();
    entries
        .map(|entry| (entry.kind, entry.id, entry.at.seconds_since(NOW)))
        .collect()
}

pub(crate) async fn a_person_is_revoked_with_all_sessions_or_without_any(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let bob = world.with_account("bob@example.test").await;
    let (first, bobs) = (world.with_sign_in(ada).await, world.with_sign_in(bob).await);
    let store = &world.store;
    for (seconds, ended) in [(0, 1), (5, 0)] {
        let entry = entry(Action::RevokeAllSessions);
        let revoked = store.revoke_subject(ada, NOW.plus(seconds), &entry).await;
        assert_eq!(revoked.unwrap(), ended);
    }
    let family = |sid| async move { store.family(sid).await.unwrap().unwrap() };
    assert!(!family(first.sid).await.is_live(NOW));
    assert!(family(bobs.sid).await.is_live(NOW));
    let subject = |at| (Kind::Subject, ada.to_string(), at);
    assert_eq!(
        feed(&world, 5).await,
        [
            (Kind::Session, first.sid.to_string(), 0),
            subject(0),
            subject(5)
        ]
    );
    assert_eq!(feed(&world, KEPT_SECONDS + 1).await, [subject(5)]);
}

pub(crate) async fn a_token_is_revoked_by_its_id_and_its_session_goes_on(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let store = &world.store;
    // Of another kind, whatever its id is.
    store
        .revoke_subject(
            world.with_account("bob@example.test").await,
            NOW,
            &entry(Action::RevokeAllSessions),
        )
        .await
        .unwrap();
    let id = TokenId::parse("t-1").unwrap();
    assert!(!store.is_token_revoked("t-1").await.unwrap());
    let entries = world.entries().await;
    store
        .revoke_token(&id, NOW, &entry(Action::RevokeToken))
        .await
        .unwrap();
    assert_eq!(world.entries().await, entries + 1);
    for (asked, revoked) in [("t-1", true), ("t-2", false), ("", false)] {
        assert_eq!(
            store.is_token_revoked(asked).await.unwrap(),
            revoked,
            "{asked}"
        );
    }
    assert!(!store.is_token_revoked(&ada.to_string()).await.unwrap());
    let last = feed(&world, 0).await.pop().unwrap();
    assert_eq!(last, (Kind::TokenId, "t-1".to_owned(), 0));
    let family = store.family(sign_in.sid).await.unwrap().unwrap();
    assert!(family.is_live(NOW));
}
