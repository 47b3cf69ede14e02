//! Sets of roles: what changes them and what does not, and who keeps that of administrators.

use std::sync::Arc;

use edgeward_issuer::domain::{
    accounts::{Email, UserId},
    administration::{Authority, Mandate},
    roles::{self, RoleError, Version},
    storage::Storage,
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    administration::{add, administrator, mandate, role, signed_in},
    world::{NOW, World, unlike},
};

pub(crate) async fn a_set_of_roles_is_put_in_the_place_of_the_one_that_was_read(world: World) {
    let (_, _, admin) = administrator(&world, "root@example.test").await;
    let by = mandate(&admin);
    let ada = add(
        &world,
        "ada@example.test",
        ("Ada", ""),
        &["editor", "owner"],
    )
    .await;
    let session = world.with_sign_in(ada).await;
    let read = async || world.store.account_by_id(ada).await.unwrap().unwrap();
    let first = Version::of(&read().await).to_string();
    let before = world.entries().await;
    let set = async |roles: &[&str], version: &str| {
        let roles = roles.iter().map(|name| role(name)).collect();
        roles::set_roles(&world.store, &by, ada, roles, version).await
    };
    // The same set is no change, and ends nothing.
    let same = set(&["editor", "owner"], &first).await.unwrap();
    assert_eq!(same.sessions_ended, 0);
    assert_eq!(world.entries().await, before);

    let done = set(&["editor", "support"], &first).await.unwrap();
    assert_eq!(done.sessions_ended, 1);
    assert_eq!(done.account, read().await);
    let family = world.store.family(session.sid).await.unwrap().unwrap();
    assert!(!family.is_live(NOW));
    assert_eq!(world.entries().await, before + 2, "one for each role");
    for (action, expected) in [("account.give-role", 1), ("account.take-role", 1)] {
        let noted = format!("SELECT count(*) FROM audit_log WHERE action = '{action}'");
        assert_eq!(world.number(&noted).await, expected);
    }
    // Whoever read before is told.
    for stale in [first.as_str(), "", "no version"] {
        let refused = set(&["admin"], stale).await;
        assert!(matches!(refused, Err(RoleError::Moved)), "{refused:?}");
    }
    let second = Version::of(&read().await).to_string();
    assert_eq!(second, Version::of(&done.account).to_string());
    // Back to what it was is the version that it was: nothing else would be overwritten.
    set(&["editor", "owner"], &second).await.unwrap();
    assert_eq!(Version::of(&read().await).to_string(), first);
    assert!(set(&[], &first).await.is_ok());
    assert!(read().await.roles.is_empty());
    let nobody = UserId::from_random(NOW, unlike());
    let refused = roles::set_roles(&world.store, &by, nobody, Vec::new(), &first).await;
    assert!(matches!(refused, Err(RoleError::NoAccount)));
}

pub(crate) async fn of_two_sets_of_roles_at_once_one_is_stored(world: World) {
    let (_, _, admin) = administrator(&world, "root@example.test").await;
    let ada = add(&world, "ada@example.test", ("Ada", ""), &["editor"]).await;
    let account = world.store.account_by_id(ada).await.unwrap().unwrap();
    let version = Version::of(&account).to_string();
    let world = Arc::new(world);
    let start = Arc::new(Barrier::new(8));
    let mut running = JoinSet::new();
    for n in 0..8 {
        let (world, start) = (Arc::clone(&world), Arc::clone(&start));
        let (by, version) = (mandate(&admin), version.clone());
        running.spawn(async move {
            start.wait().await;
            let wanted = vec![role(&format!("role{n}"))];
            roles::set_roles(&world.store, &by, ada, wanted, &version).await
        });
    }
    let ended = running.join_all().await;
    assert_eq!(ended.iter().filter(|set| set.is_ok()).count(), 1);
    let moved = |set: &Result<_, RoleError>| matches!(set, Err(RoleError::Moved));
    assert_eq!(ended.iter().filter(|set| moved(set)).count(), 7);
    assert_eq!(world.rows("user_roles").await, 2, "root's and one of Ada's");
}

pub(crate) async fn somebody_keeps_the_role_of_administrators(world: World) {
    let (root, _, admin) = administrator(&world, "root@example.test").await;
    let set = async |by: &Authority, of: UserId, roles: &[&str]| {
        let account = world.store.account_by_id(of).await.unwrap().unwrap();
        let version = Version::of(&account).to_string();
        let roles = roles.iter().map(|name| role(name)).collect();
        roles::set_roles(&world.store, &mandate(by), of, roles, &version).await
    };
    let (roles_before, entries) = (world.rows("user_roles").await, world.entries().await);
    for wanted in [&[][..], &["editor"]] {
        let refused = set(&admin, root, wanted).await;
        assert!(matches!(refused, Err(RoleError::LastHolder)), "{refused:?}");
    }
    assert_eq!(world.rows("user_roles").await, roles_before);
    assert_eq!(
        world.entries().await,
        entries + 2,
        "refusals are in the log"
    );
    // With a second one the first may go, and then has no mandate any more, whatever it was given before.
    let (other, _, _) = administrator(&world, "other@example.test").await;
    assert!(set(&admin, root, &["editor"]).await.is_ok());
    let late = set(&admin, other, &[]).await;
    assert!(matches!(late, Err(RoleError::NotHeld)), "{late:?}");
    let (_, nobody) = signed_in(&world, root).await;
    assert!(nobody.is_none(), "the database is asked, and not a token");
    // The command line may: it can give the role again.
    let by = Mandate::operator(NOW);
    let email = Email::parse("other@example.test").unwrap();
    let taken = roles::change_role(
        &world.store,
        &by,
        &email,
        role("admin"),
        roles::Direction::Take,
    );
    assert!(taken.await.unwrap().is_some());
}

pub(crate) async fn administrators_who_take_the_role_from_each_other_at_once_leave_one(
    world: World,
) {
    for round in 0..5 {
        let (one, _, by_one) = administrator(&world, &format!("one{round}@example.test")).await;
        let (two, _, by_two) = administrator(&world, &format!("two{round}@example.test")).await;
        let take = async |by: Mandate, of: UserId| {
            let account = world.store.account_by_id(of).await.unwrap().unwrap();
            let version = Version::of(&account).to_string();
            roles::set_roles(&world.store, &by, of, Vec::new(), &version).await
        };
        let ended = tokio::join!(take(mandate(&by_one), two), take(mandate(&by_two), one));
        let done = [ended.0.is_ok(), ended.1.is_ok()];
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{ended:?}");
        let left = "SELECT count(*) FROM user_roles WHERE role = 'admin'";
        assert_eq!(world.number(left).await, 1);
        world.run("DELETE FROM user_roles").await.unwrap();
    }
}

pub(crate) async fn a_change_of_roles_is_whole_or_not_at_all(world: World) {
    let (_, _, admin) = administrator(&world, "root@example.test").await;
    let ada = add(&world, "ada@example.test", ("Ada", ""), &["editor"]).await;
    let session = world.with_sign_in(ada).await;
    world.refuse_marked_entries().await;
    let account = world.store.account_by_id(ada).await.unwrap().unwrap();
    let version = Version::of(&account).to_string();
    let wanted = vec![role("owner"), role("refuse-me")];
    let by = mandate(&admin);
    let failed = roles::set_roles(&world.store, &by, ada, wanted, &version).await;
    assert!(matches!(failed, Err(RoleError::Storage(_))), "{failed:?}");
    assert_eq!(world.store.account_by_id(ada).await.unwrap(), Some(account));
    let family = world.store.family(session.sid).await.unwrap().unwrap();
    assert!(family.is_live(NOW));
}
