//! Accounts and sign-ins: each act whole or not at all.

use edgeward_issuer::domain::{
    accounts::{Email, Role, UserId},
    audit::Action,
    session::Replaced,
    storage::{Creation, Entered, PasswordHash, Proved, Storage, StorageError},
};
use tokio::task::JoinSet;

use super::world::{NOW, World, entry, new_account, new_sign_in};

/// More than there are connections, in either database.
const AT_ONCE: usize = 50;

pub(crate) async fn an_account_is_read_as_it_was_written(world: World) {
    let new = new_account("ada@example.test");
    let made = world
        .store
        .create_account(&new, &entry(Action::Register))
        .await;
    assert_eq!(made.unwrap(), Creation::Created);
    let found = world.store.account_by_email(&new.account.email).await;
    let found = found.unwrap().unwrap();
    let mut expected = new.account.clone();
    expected.roles = ["admin", "editor"]
        .map(|role| Role::parse(role).unwrap())
        .to_vec();
    assert_eq!(found.account, expected, "roles are in order");
    assert_eq!(found.password_hash, new.password_hash);
    let by_id = world.store.account_by_id(new.account.id).await;
    assert_eq!(by_id.unwrap(), Some(expected));
    let nobody = Email::parse("nobody@example.test").unwrap();
    assert!(
        world
            .store
            .account_by_email(&nobody)
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn a_taken_address_leaves_no_trace(world: World) {
    world.with_account("ada@example.test").await;
    let second = new_account("ada@example.test");
    let sign_in = new_sign_in(second.account.id);
    let entries = [&entry(Action::Register), &entry(Action::SignIn)];
    let made = world.store.create_account(&second, entries[0]).await;
    assert_eq!(made.unwrap(), Creation::EmailTaken);
    let made = world.store.register(&second, &sign_in, entries).await;
    assert_eq!(made.unwrap(), Creation::EmailTaken);
    assert_eq!(world.rows("users").await, 1);
    assert_eq!(world.rows("families").await, 0);
    assert_eq!(world.entries().await, 1);
}

pub(crate) async fn of_fifty_accounts_with_one_address_one_is_made(world: World) {
    let world = std::sync::Arc::new(world);
    let mut running = JoinSet::new();
    for _ in 0..AT_ONCE {
        let world = std::sync::Arc::clone(&world);
        running.spawn(async move {
            let new = new_account("ada@example.test");
            world
                .store
                .create_account(&new, &entry(Action::Register))
                .await
        });
    }
    let made = running.join_all().await;
    let made = made.into_iter().map(Result::unwrap);
    assert_eq!(made.filter(|made| *made == Creation::Created).count(), 1);
    assert_eq!(world.rows("users").await, 1);
    assert_eq!(world.rows("user_roles").await, 2);
    assert_eq!(world.entries().await, 1);
}

pub(crate) async fn a_registration_is_whole_or_not_at_all(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let taken = world.with_sign_in(ada).await;
    let new = new_account("bob@example.test");
    let mut sign_in = new_sign_in(new.account.id);
    let entries = [&entry(Action::Register), &entry(Action::SignIn)];
    sign_in.sid = taken.sid;
    let refused = world.store.register(&new, &sign_in, entries).await;
    assert!(
        matches!(refused, Err(StorageError::Failed(_))),
        "{refused:?}"
    );
    assert_eq!(world.rows("users").await, 1);
    assert_eq!(world.entries().await, 2);
    sign_in.sid = new_sign_in(new.account.id).sid;
    let made = world.store.register(&new, &sign_in, entries).await;
    assert_eq!(made.unwrap(), Creation::Created);
    assert_eq!(world.entries().await, 4, "both entries, in their order");
    let order =
        "SELECT seq FROM audit_log WHERE action = 'account.register' ORDER BY seq DESC LIMIT 1";
    assert_eq!(world.number(order).await, 3);
}

pub(crate) async fn a_sign_in_is_whole_or_not_at_all(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let old = world.with_sign_in(ada).await;
    let mut sign_in = new_sign_in(ada);
    sign_in.replaces = vec![Replaced {
        sid: old.sid,
        entry: entry(Action::ReplaceSession),
    }];
    let store = &world.store;
    let dearer = PasswordHash::from_phc("$argon2id$dearer".to_owned());
    let proved = Proved {
        account: store.account_by_id(ada).await.unwrap().unwrap(),
        compared: new_account("x@example.test").password_hash,
        rehashed: Some(dearer.clone()),
    };
    let free = sign_in.session;
    sign_in.session = old.session;
    // The old session ends within the act, so its cookie's digest is free again by then; the family's is not.
    let free_sid = sign_in.sid;
    sign_in.sid = old.sid;
    let refused = store
        .sign_in(&sign_in, Some(&proved), None, &entry(Action::SignIn))
        .await;
    assert!(
        matches!(refused, Err(StorageError::Failed(_))),
        "{refused:?}"
    );
    let family = store.family(old.sid).await.unwrap().unwrap();
    assert!(family.is_live(NOW), "the old session goes on");
    assert!(
        store
            .session(&old.session.unwrap())
            .await
            .unwrap()
            .is_some()
    );
    let email = Email::parse("ada@example.test").unwrap();
    let hash = store
        .account_by_email(&email)
        .await
        .unwrap()
        .unwrap()
        .password_hash;
    assert_eq!(hash, proved.compared, "the hash is as it was");
    assert_eq!(world.entries().await, 2);

    (sign_in.sid, sign_in.session) = (free_sid, free);
    assert_eq!(
        store
            .sign_in(&sign_in, Some(&proved), None, &entry(Action::SignIn))
            .await
            .unwrap(),
        Entered::Done
    );
    let family = store.family(old.sid).await.unwrap().unwrap();
    assert!(!family.is_live(NOW));
    assert!(
        store
            .session(&old.session.unwrap())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .session(&sign_in.session.unwrap())
            .await
            .unwrap()
            .is_some()
    );
    let hash = store
        .account_by_email(&email)
        .await
        .unwrap()
        .unwrap()
        .password_hash;
    assert_eq!(hash, dearer);
    assert_eq!(
        world.entries().await,
        4,
        "the end of the old one has its own"
    );
}

/// A password that was reset, or a role that was given or taken, between the comparison and its sign-in.
pub(crate) async fn an_account_that_moved_signs_nobody_in(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let store = &world.store;
    let proved = Proved {
        account: store.account_by_id(ada).await.unwrap().unwrap(),
        compared: new_account("x@example.test").password_hash,
        rehashed: None,
    };
    let another_password = Proved {
        compared: PasswordHash::from_phc("$argon2id$before".to_owned()),
        ..proved.clone()
    };
    let mut other_roles = proved.clone();
    other_roles.account.roles.clear();
    let mut nobody = proved.clone();
    nobody.account.id = UserId::from_random(NOW, [9; 10]);
    for (proved, entered, sessions) in [
        (&another_password, Entered::AccountMoved, 0),
        (&other_roles, Entered::AccountMoved, 0),
        (&nobody, Entered::AccountMoved, 0),
        (&proved, Entered::Done, 1),
    ] {
        let sign_in = new_sign_in(ada);
        let noted = entry(Action::SignIn);
        let done = store.sign_in(&sign_in, Some(proved), None, &noted).await;
        assert_eq!(done.unwrap(), entered);
        let live = store.live_families(ada, NOW).await.unwrap();
        assert_eq!(live.len(), sessions);
    }
    assert_eq!(world.entries().await, 2, "what was not done is not noted");
}

pub(crate) async fn what_no_issuer_writes_is_named(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let email = Email::parse("ada@example.test").unwrap();
    let column = |error: StorageError| match error {
        StorageError::Unreadable(column) => column,
        StorageError::Busy(_) | StorageError::Unwritable(_) | StorageError::Failed(_) => {
            panic!("{error}")
        }
    };
    world
        .run("UPDATE user_roles SET role = 'No Role' WHERE role = 'admin'")
        .await
        .unwrap();
    let refused = world.store.account_by_email(&email).await.unwrap_err();
    assert_eq!(column(refused), "user_roles.role");
    world
        .run("DELETE FROM user_roles; UPDATE users SET email = 'ada'")
        .await
        .unwrap();
    let refused = world.store.account_by_id(ada).await.unwrap_err();
    assert_eq!(column(refused), "users.email");
    world
        .run("UPDATE browser_sessions SET sid = upper(sid)")
        .await
        .unwrap_err();
    // What the schema itself can say is refused before anybody could read it.
    for statement in [
        "UPDATE families SET seq = -1",
        "UPDATE families SET current_digest = NULL",
        "UPDATE families SET previous_digest = substr(current_digest, 1, 31)",
        "UPDATE families SET revoked_at = 7",
        "UPDATE families SET confirmed = 2",
    ] {
        world.run(statement).await.expect_err(statement);
    }
    assert!(world.store.family(sign_in.sid).await.unwrap().is_some());
}
