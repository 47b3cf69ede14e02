//! Administration: who is found, which locks hold, and what ends them and sessions.

use super::world::{NOW, World, entry, unlike};
use edgeward_issuer::domain::{
    accounts::{Account, Email, NewAccount, PersonName, Role, UserId},
    administration::{
        self, Authority, LISTED_MAX, Mandate, Page, Search, Status, Words, authorise,
    },
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{Counter, CounterKey, Failure, LockoutKey, Swap},
    session::{NewSignIn, Sid},
    storage::{Creation, PasswordHash, Storage},
};

const MAX_AGE: i64 = 300;

pub(super) fn role(name: &str) -> Role {
    Role::parse(name).unwrap()
}

fn key() -> LockoutKey {
    LockoutKey::from_bytes(&[7; 32])
}

pub(super) async fn add(world: &World, email: &str, names: (&str, &str), roles: &[&str]) -> UserId {
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
pub(super) async fn administrator(world: &World, email: &str) -> (UserId, NewSignIn, Authority) {
    let id = add(world, email, ("Root", "Admin"), &["admin"]).await;
    let (sign_in, authority) = signed_in(world, id).await;
    (id, sign_in, authority.unwrap())
}

pub(super) async fn signed_in(world: &World, id: UserId) -> (NewSignIn, Option<Authority>) {
    let sign_in = world.with_sign_in(id).await;
    let family = world.store.family(sign_in.sid).await.unwrap().unwrap();
    let authority = authorise(&world.store, &family, &role("admin")).await;
    (sign_in, authority.unwrap())
}

pub(super) fn mandate(authority: &Authority) -> Mandate {
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
    let sid = Sid::from_random(NOW, unlike());
    let email = Email::parse("user99@example.test").unwrap();
    put(key().of_proof(sid, &email), Some(50)).await;
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
    let live: Vec<_> = seen
        .sessions
        .iter()
        .map(|listed| listed.family.sid)
        .collect();
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
        ("account.unlock", 2),
        ("account.view", 1),
    ] {
        let noted = format!(
            "SELECT count(*) FROM audit_log WHERE action = '{action}' AND entry LIKE '%\"actor\":\"user:{root}\"%'
                 AND entry LIKE '%\"subject\":\"user:{ada}\"%'"
        );
        assert_eq!(world.number(&noted).await, expected, "{action}");
    }
}
