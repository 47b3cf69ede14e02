//! Administration: who is found, what changes roles and what does not, and which locks hold.

use std::sync::Arc;

use edgeward_issuer::domain::{
    accounts::{Account, Email, NewAccount, PersonName, Role, UserId},
    administration::{
        self, Authority, LISTED_MAX, Mandate, Page, Search, Status, Words, authorise,
    },
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{Counter, CounterKey, Failure, LockoutKey, Swap},
    roles::{self, RoleError, Version},
    session::NewSignIn,
    storage::{Creation, PasswordHash, Storage},
};
use tokio::{sync::Barrier, task::JoinSet};

use super::world::{NOW, World, entry, unlike};

const MAX_AGE: i64 = 300;

fn role(name: &str) -> Role {
    Role::parse(name).unwrap()
}

fn key() -> LockoutKey {
    LockoutKey::from_bytes(&[7; 32])
}

async fn add(world: &World, email: &str, names: (&str, &str), roles: &[&str]) -> UserId {
    let account = NewAccount {
        account: Account {
            id: UserId::from_random(NOW, unlike()),
            email: Email::parse(email).unwrap(),
            first_name: PersonName::parse("firstName", names.0).unwrap(),
            last_name: PersonName::parse("lastName", names.1).unwrap(),
            roles: roles.iter().map(|name| role(name)).collect(),
        },
        password_hash: PasswordHash::from_phc("$argon2id$made$elsewhere".to_owned()),
        now: NOW,
    };
    let noted = entry(Action::Register);
    let made = world.store.create_account(&account, &noted).await;
    assert_eq!(made.unwrap(), Creation::Created);
    account.account.id
}

/// Somebody who administers, signed in just now.
async fn administrator(world: &World, email: &str) -> (UserId, NewSignIn, Authority) {
    let id = add(world, email, ("Root", "Admin"), &["admin"]).await;
    let (sign_in, authority) = signed_in(world, id).await;
    (id, sign_in, authority.unwrap())
}

async fn signed_in(world: &World, id: UserId) -> (NewSignIn, Option<Authority>) {
    let sign_in = world.with_sign_in(id).await;
    let family = world.store.family(sign_in.sid).await.unwrap().unwrap();
    let authority = authorise(&world.store, &family, &role("admin")).await;
    (sign_in, authority.unwrap())
}

fn mandate(authority: &Authority) -> Mandate {
    let authority = authority.clone();
    authority.mandate(MAX_AGE, NOW, &Origin::default()).unwrap()
}

fn everybody() -> Search {
    Search {
        words: None,
        role: None,
        status: None,
        after: None,
        limit: LISTED_MAX,
    }
}

async fn find(world: &World, by: &Authority, search: &Search) -> Page {
    let when = (NOW, &Origin::default());
    let found = administration::search(&world.store, &key(), by, search, when).await;
    found.unwrap()
}

fn names(page: &Page) -> Vec<&str> {
    page.people
        .iter()
        .map(|listed| {
            let address = listed.person.account.email.as_str();
            address.split('@').next().unwrap()
        })
        .collect()
}

pub(crate) async fn people_are_found_by_the_beginning_of_what_they_are_called(world: World) {
    let (_, _, admin) = administrator(&world, "root@example.test").await;
    for (email, names) in [
        ("ada@example.test", ("Ada", "Lovelace")),
        ("grace@example.test", ("Grace", "Hopper")),
        ("a_b%c@example.test", ("A\\b", "<script>alert(1)</script>")),
        ("ozil@example.test", ("Mesut", "Özil")),
        ("bobby@example.test", ("Robert'); DROP TABLE users;--", "")),
        ("zoe@example.test", ("Zoë", "Ångström-山田")),
    ] {
        add(&world, email, names, &[]).await;
    }
    let all = ["a_b%c", "ada", "bobby", "grace", "ozil", "root", "zoe"];
    for (typed, expected) in [
        ("", &all[..]),
        ("ADA@", &["ada"]),
        ("ada", &["ada"]),
        ("Ada Love", &["ada"]),
        ("love", &["ada"]),
        ("lovelace ada", &[]),
        ("da", &[]),
        ("hopper", &["grace"]),
        ("özil", &["ozil"]),
        ("ÖZIL", &["ozil"]),
        ("ångström-山", &["zoe"]),
        ("%", &[]),
        ("_", &[]),
        ("a_", &["a_b%c"]),
        ("a\\b", &["a_b%c"]),
        ("<SCRIPT>", &["a_b%c"]),
        ("robert'); drop", &["bobby"]),
        ("' OR '1'='1", &[]),
        ("\u{10ffff}", &[]),
    ] {
        let search = Search {
            words: Words::parse(typed).unwrap(),
            ..everybody()
        };
        assert_eq!(
            names(&find(&world, &admin, &search).await),
            expected,
            "{typed:?}"
        );
    }
    assert_eq!(world.rows("users").await, 7);
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'account.search'";
    assert_eq!(world.number(noted).await, 19, "every look is in the log");
}

pub(crate) async fn roles_and_states_narrow_what_is_found(world: World) {
    let (_, _, admin) = administrator(&world, "root@example.test").await;
    let ada = add(
        &world,
        "ada@example.test",
        ("Ada", ""),
        &["editor", "owner"],
    )
    .await;
    let bob = add(&world, "bob@example.test", ("Bob", ""), &["editor"]).await;
    add(&world, "cyd@example.test", ("Cyd", ""), &[]).await;
    world.with_sign_in(ada).await;
    lock(&world, bob, "bob@example.test").await;
    for (typed, with_role, status, expected) in [
        ("", Some("editor"), None, &["ada", "bob"][..]),
        ("", Some("admin"), None, &["root"]),
        ("", Some("edit"), None, &[]),
        ("b", Some("editor"), None, &["bob"]),
        ("", None, Some(Status::SignedIn), &["ada", "root"]),
        ("", Some("editor"), Some(Status::SignedIn), &["ada"]),
        ("b", None, Some(Status::SignedIn), &[]),
        ("ada", Some("owner"), Some(Status::SignedIn), &["ada"]),
        ("", None, Some(Status::Locked), &["bob"]),
        ("", Some("editor"), Some(Status::Locked), &["bob"]),
        ("", Some("owner"), Some(Status::Locked), &[]),
        ("bob", None, Some(Status::Locked), &["bob"]),
        ("bob", Some("editor"), Some(Status::Locked), &["bob"]),
        ("ada", None, Some(Status::Locked), &[]),
    ] {
        let search = Search {
            words: Words::parse(typed).unwrap(),
            role: with_role.map(role),
            status,
            ..everybody()
        };
        let page = find(&world, &admin, &search).await;
        assert_eq!(names(&page), expected, "{typed} {with_role:?} {status:?}");
    }
    let known = world.store.known_roles(10).await.unwrap();
    let known: Vec<&str> = known.iter().map(Role::as_str).collect();
    assert_eq!(known, ["admin", "editor", "owner"]);
    assert_eq!(world.store.known_roles(1).await.unwrap(), [role("admin")]);
}

/// As the fifth wrong password does it.
async fn lock(world: &World, user: UserId, email: &str) {
    let name = key().of_name(email);
    let noted = |action| {
        AuditEntry::done(action, Actor::Issuer, NOW, &Origin::default()).about("user", user)
    };
    let failure = Failure {
        swaps: vec![Swap {
            key: name,
            from: None,
            to: Some(Counter {
                failures: 5,
                claims: 0,
                claims_end_at: NOW,
                locked_until: Some(NOW.plus(1800)),
                forget_at: NOW.plus(1800),
            }),
            now: NOW,
        }],
        refusal: entry(Action::SignIn),
        locks: vec![noted(Action::Lock)],
        ends_sessions_of: None,
    };
    assert!(world.store.fail_attempt(&failure, NOW).await.unwrap());
}

pub(crate) async fn pages_follow_each_other_without_a_gap(world: World) {
    let (_, _, admin) = administrator(&world, "root@example.test").await;
    for n in 0..7 {
        let email = format!("user{n}@example.test");
        add(&world, &email, ("User", "Same"), &["member"]).await;
    }
    for (search, expected) in [
        (everybody(), 8),
        (
            Search {
                words: Words::parse("same").unwrap(),
                role: Some(role("member")),
                ..everybody()
            },
            7,
        ),
    ] {
        for limit in [1, 3, 7, 8, 100] {
            let mut search = Search {
                limit,
                ..search.clone()
            };
            let mut found: Vec<String> = Vec::new();
            let mut pages = 0;
            loop {
                let page = find(&world, &admin, &search).await;
                assert!(page.people.len() <= limit as usize);
                found.extend(names(&page).into_iter().map(str::to_owned));
                pages += 1;
                match page.next {
                    Some(next) => search.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(found.len(), expected, "each once");
            assert!(found.is_sorted());
            assert_eq!(pages, expected.div_ceil(limit as usize), "limit {limit}");
        }
    }
    // Candidates that are not locked any more are passed over, however many there are.
    for n in 0..7 {
        let email = format!("user{n}@example.test");
        let address = Email::parse(&email).unwrap();
        let found = world.store.account_by_email(&address).await;
        let id = found.unwrap().unwrap().account.id;
        lock(&world, id, &email).await;
        if n < 6 {
            let name = key().of_name(&email);
            let unlocked = entry(Action::Unlock);
            assert!(world.store.forget_failures(&name, &unlocked).await.unwrap());
        }
    }
    let locked = Search {
        status: Some(Status::Locked),
        limit: 1,
        ..everybody()
    };
    let page = find(&world, &admin, &locked).await;
    assert_eq!(names(&page), ["user6"]);
    assert_eq!(page.people[0].locked_until, Some(NOW.plus(1800)));
    assert_eq!(page.next, None);
}

pub(crate) async fn locks_are_told_of_many_names_at_once(world: World) {
    let at = |name: &str| key().of_name(name);
    let put = async |key: CounterKey, until: Option<i64>| {
        let to = Counter {
            failures: 5,
            claims: 0,
            claims_end_at: NOW,
            locked_until: until.map(|seconds| NOW.plus(seconds)),
            forget_at: NOW.plus(1800),
        };
        let swap = Swap {
            key,
            from: None,
            to: Some(to),
            now: NOW,
        };
        assert!(world.store.swap_counter(&swap).await.unwrap());
    };
    put(at("user1@example.test"), Some(100)).await;
    put(at("user2@example.test"), None).await;
    put(at("user3@example.test"), Some(0)).await;
    // That of a repeated proof belongs to the name.
    let id = UserId::from_random(NOW, unlike());
    let email = Email::parse("user99@example.test").unwrap();
    put(key().of_proof(id, &email), Some(50)).await;
    let asked: Vec<CounterKey> = (0..130)
        .map(|n| at(&format!("user{n}@example.test")))
        .collect();
    for count in [0, 1, 2, 63, 64, 65, 130] {
        let found = world.store.locks(&asked[..count], NOW).await.unwrap();
        assert_eq!(found.len(), count);
        for (n, until) in found.into_iter().enumerate() {
            let expected = match n {
                1 => Some(NOW.plus(100)),
                99 => Some(NOW.plus(50)),
                _ => None,
            };
            assert_eq!(until, expected, "{n} of {count}");
        }
    }
}

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

pub(crate) async fn an_administrator_ends_locks_and_sessions_of_whom_they_name(world: World) {
    let (root, own, admin) = administrator(&world, "root@example.test").await;
    let ada = add(&world, "ada@example.test", ("Ada", ""), &[]).await;
    let (one, other) = (world.with_sign_in(ada).await, world.with_sign_in(ada).await);
    let by = mandate(&admin);
    let end = async |user, sid| administration::end_session(&world.store, &by, user, sid).await;
    assert!(!end(Some(ada), own.sid).await.unwrap(), "not Ada's");
    assert!(end(Some(ada), one.sid).await.unwrap());
    assert!(!end(Some(ada), one.sid).await.unwrap(), "it has ended");
    let when = (NOW, &Origin::default());
    let seen = administration::view(&world.store, &key(), &admin, ada, when).await;
    let seen = seen.unwrap().unwrap();
    let live: Vec<_> = seen.sessions.iter().map(|family| family.sid).collect();
    assert_eq!(live, [other.sid]);
    assert_eq!(seen.listed.person.created_at, NOW);
    let all = administration::end_all_sessions(&world.store, &by, ada).await;
    assert_eq!(all.unwrap(), 1);
    let rest = world.store.live_families(root, NOW).await.unwrap();
    assert_eq!(rest.len(), 1, "the administrator's goes on");

    lock(&world, ada, "ada@example.test").await;
    let account = world.store.account_by_id(ada).await.unwrap().unwrap();
    for unlocked in [true, false] {
        let done = administration::unlock(&world.store, &key(), &by, &account).await;
        assert_eq!(done.unwrap(), unlocked);
    }
    for (action, expected) in [
        ("session.revoke", 1),
        ("session.revoke-all", 1),
        ("account.unlock", 1),
        ("account.view", 1),
    ] {
        let noted = format!(
            "SELECT count(*) FROM audit_log WHERE action = '{action}' AND entry LIKE '%\"actor\":\"user:{root}\"%'
                 AND entry LIKE '%\"subject\":\"user:{ada}\"%'"
        );
        assert_eq!(world.number(&noted).await, expected, "{action}");
    }
}
