//! Which devices an account knows, and what a new password does to them and to every session.

use edgeward_issuer::domain::{
    accounts::{Account, Email, UserId},
    audit::Action,
    change_password::{PasswordChange, Stored},
    lockout::{Counter, LockoutKey, Swap},
    session::{Digest, NewSignIn, RevocationReason},
    storage::{Entered, PasswordHash, Proved, Storage},
};

use super::world::{NOW, World, digest, entry, first_rotation, new_account, new_sign_in, unlike};

const NAME: &str = "ada@example.test";

async fn knows(world: &World, cookie: &Digest) -> bool {
    let address = Email::parse(NAME).unwrap();
    let known = world.store.knows_device(&address, cookie).await;
    known.unwrap()
}

/// A sign-in by a browser with this device cookie, which ends by that reason if there is one.
async fn signed_in(
    world: &World,
    user: UserId,
    cookie: Digest,
    ended: Option<RevocationReason>,
) -> NewSignIn {
    let mut sign_in = new_sign_in(user);
    sign_in.device.mark.cookie = Some(cookie);
    let noted = entry(Action::SignIn);
    let done = world.store.sign_in(&sign_in, None, None, &noted).await;
    assert_eq!(done.unwrap(), Entered::Done);
    if let Some(reason) = ended {
        let noted = entry(Action::SignOut);
        let revoked = world.store.revoke(sign_in.sid, reason, NOW, &noted).await;
        assert!(revoked.unwrap());
    }
    sign_in
}

pub(crate) async fn a_device_is_known_to_the_account_it_signed_in_to(world: World) {
    let ada = world.with_account(NAME).await;
    world.with_account("bob@example.test").await;
    let (own, other) = (digest(), digest());
    let mut sign_in = new_sign_in(ada);
    sign_in.device.mark.cookie = Some(own);
    let noted = entry(Action::SignIn);
    let done = world.store.sign_in(&sign_in, None, None, &noted).await;
    assert_eq!(done.unwrap(), Entered::Done);
    for ended in [false, true] {
        for (email, cookie, known) in [
            (NAME, own, true),
            (NAME, other, false),
            ("bob@example.test", own, false),
            ("nobody@example.test", own, false),
        ] {
            let address = Email::parse(email).unwrap();
            let found = world.store.knows_device(&address, &cookie).await;
            assert_eq!(found.unwrap(), known, "{email} {ended}");
        }
        let (sid, reason) = (sign_in.sid, RevocationReason::SignedOut);
        let noted = entry(Action::SignOut);
        let _ = world.store.revoke(sid, reason, NOW, &noted).await.unwrap();
    }
}

/// Whoever stole a refresh token could else guess passwords from as many known devices as it has refreshes.
pub(crate) async fn a_device_that_only_refreshed_is_not_known(world: World) {
    let ada = world.with_account(NAME).await;
    let address = Email::parse(NAME).unwrap();
    let (own, thief) = (digest(), digest());
    let mut sign_in = new_sign_in(ada);
    sign_in.device.mark.cookie = Some(own);
    let noted = entry(Action::SignIn);
    let done = world.store.sign_in(&sign_in, None, None, &noted).await;
    assert_eq!(done.unwrap(), Entered::Done);
    let mut rotation = first_rotation(&sign_in);
    rotation.device.cookie = Some(thief);
    let noted = entry(Action::Refresh);
    assert!(world.store.rotate(&rotation, &noted).await.unwrap());
    let knows = async |cookie| {
        let known = world.store.knows_device(&address, cookie).await;
        known.unwrap()
    };
    assert_eq!((knows(&own).await, knows(&thief).await), (true, false));
}

pub(crate) async fn a_session_that_ended_by_suspicion_knows_no_device(world: World) {
    use RevocationReason as Reason;
    let ada = world.with_account(NAME).await;
    for (reason, known) in [
        (Reason::SignedOut, true),
        (Reason::Replaced, true),
        (Reason::Locked, true),
        (Reason::RolesChanged, true),
        (Reason::Revoked, false),
        (Reason::RevokedAll, true),
        (Reason::Reuse, false),
        (Reason::DeviceChanged, false),
        (Reason::AddressChanged, false),
        (Reason::PasswordChanged, false),
    ] {
        let own = digest();
        signed_in(&world, ada, own, Some(reason)).await;
        assert_eq!(knows(&world, &own).await, known, "{reason:?}");
        // One that ended well, before or after it, makes nothing of it good.
        signed_in(&world, ada, own, Some(Reason::SignedOut)).await;
        assert_eq!(knows(&world, &own).await, known, "{reason:?} and another");
    }
}

/// A change from the hash of every new account to another one.
fn change(account: &Account, to: &str) -> PasswordChange {
    let mut sign_in = new_sign_in(account.id);
    sign_in.device.mark.cookie = Some(digest());
    PasswordChange {
        proved: Proved {
            account: account.clone(),
            compared: new_account(NAME).password_hash,
            rehashed: Some(PasswordHash::from_phc(to.to_owned())),
        },
        sign_in,
        settled: None,
    }
}

/// Whoever had the password may have signed in and out with it, on a device of their own.
pub(crate) async fn a_new_password_forgets_every_device_but_its_own(world: World) {
    let ada = world.with_account(NAME).await;
    let account = world.store.account_by_id(ada).await.unwrap().unwrap();
    let [gone, here, live, program] = [(); 4].map(|()| digest());
    for reason in [RevocationReason::SignedOut, RevocationReason::Replaced] {
        signed_in(&world, ada, gone, Some(reason)).await;
        signed_in(&world, ada, here, Some(reason)).await;
    }
    signed_in(&world, ada, live, None).await;
    let mut by_body = new_sign_in(ada);
    by_body.device.mark.program = program;
    let noted = entry(Action::SignIn);
    let done = world.store.sign_in(&by_body, None, None, &noted).await;
    assert_eq!(done.unwrap(), Entered::Done);

    let change = change(&account, "$argon2id$new");
    let noted = entry(Action::ChangePassword);
    let stored = world.store.change_password(&change, &noted).await;
    assert_eq!(stored.unwrap(), Stored::Done);
    for cookie in [gone, here, live] {
        assert!(!knows(&world, &cookie).await);
    }
    assert!(knows(&world, &change.sign_in.device.mark.cookie.unwrap()).await);
    let told = "SELECT count(*) FROM families WHERE signed_in_device IS NOT NULL";
    assert_eq!(world.number(told).await, 1);
    let by_body = world.store.family(by_body.sid).await.unwrap().unwrap();
    assert_ne!(by_body.device.program, program);
}

/// As after the end of one session by an administrator, and as `session revoke --user` does.
pub(crate) async fn an_administrator_who_ends_all_sessions_has_every_device_forgotten(
    world: World,
) {
    let ada = world.with_account(NAME).await;
    let bob = world.with_account("bob@example.test").await;
    let [gone, live, bobs, later] = [(); 4].map(|()| digest());
    signed_in(&world, ada, gone, Some(RevocationReason::SignedOut)).await;
    signed_in(&world, ada, live, None).await;
    signed_in(&world, bob, bobs, None).await;
    let noted = entry(Action::RevokeAllSessions);
    let before = world.entries().await;
    for (ended, entries) in [(1, 1), (0, 1)] {
        let all = world.store.revoke_all_and_devices(ada, NOW, &noted).await;
        assert_eq!(all.unwrap(), ended);
        assert_eq!(world.entries().await, before + entries);
        assert!(!knows(&world, &gone).await && !knows(&world, &live).await);
    }
    let kept = "SELECT count(*) FROM families WHERE signed_in_device IS NOT NULL";
    assert_eq!(world.number(kept).await, 1, "Bob's");
    // Whoever signed out in time has a device too.
    signed_in(&world, ada, later, Some(RevocationReason::SignedOut)).await;
    let before = world.entries().await;
    let all = world.store.revoke_all_and_devices(ada, NOW, &noted).await;
    assert_eq!((all.unwrap(), world.entries().await), (0, before + 1));
    assert!(!knows(&world, &later).await);
}

pub(crate) async fn of_two_new_passwords_one_is_stored(world: World) {
    let ada = world.with_account(NAME).await;
    let account = world.store.account_by_id(ada).await.unwrap().unwrap();
    let in_use = world.with_sign_in(ada).await;
    let other = world.with_sign_in(ada).await;
    let noted = entry(Action::ChangePassword);
    let counter = Counter {
        failures: 1,
        claims: 0,
        claims_end_at: NOW,
        locked_until: None,
        forget_at: NOW,
    };
    let moved = PasswordChange {
        settled: Some(Swap {
            key: LockoutKey::from_bytes(&[7; 32]).of_name(NAME),
            from: Some(counter),
            to: None,
            now: NOW,
        }),
        ..change(&account, "first")
    };
    let mut other_roles = change(&account, "first");
    other_roles.proved.account.roles.clear();
    let mut nobody = change(&account, "first");
    nobody.proved.account.id = UserId::from_random(NOW, unlike());
    for (refused, expected) in [
        (moved, Stored::CounterMoved),
        (other_roles, Stored::AccountMoved),
        (nobody, Stored::AccountMoved),
    ] {
        let stored = world.store.change_password(&refused, &noted).await;
        assert_eq!(stored.unwrap(), expected);
    }
    let is_live = async |sid| {
        let family = world.store.family(sid).await.unwrap();
        family.map(|family| family.is_live(NOW))
    };
    assert_eq!(is_live(in_use.sid).await, Some(true));
    assert_eq!(is_live(other.sid).await, Some(true));
    let before = world.entries().await;

    let (first, second) = (change(&account, "first"), change(&account, "second"));
    let (one, two) = tokio::join!(
        world.store.change_password(&first, &noted),
        world.store.change_password(&second, &noted)
    );
    let (done, not) = match (one.unwrap(), two.unwrap()) {
        (Stored::Done, Stored::AccountMoved) => (&first, &second),
        (Stored::AccountMoved, Stored::Done) => (&second, &first),
        both => panic!("{both:?}"),
    };
    assert_eq!(world.entries().await, before + 1);
    assert_eq!(is_live(in_use.sid).await, Some(false));
    assert_eq!(is_live(other.sid).await, Some(false));
    assert_eq!(is_live(done.sign_in.sid).await, Some(true));
    assert_eq!(is_live(not.sign_in.sid).await, None);
    let ended = "SELECT count(*) FROM revocations WHERE reason = 'password-changed'";
    assert_eq!(world.number(ended).await, 2);
    for (cookie, is_there) in [
        (in_use.session, false),
        (done.sign_in.session, true),
        (not.sign_in.session, false),
    ] {
        let found = world.store.session(&cookie.unwrap()).await.unwrap();
        assert_eq!(found.is_some(), is_there);
    }
}
