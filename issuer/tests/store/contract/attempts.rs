//! Counters of failed attempts, and what an operator and a person change about an account.

use std::sync::Arc;

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    config::{self, Config},
    domain::{
        accounts::{Email, Role},
        administration::Mandate,
        audit::{Action, Origin},
        lockout::{
            Attempt, Counter, CounterKey, DeviceDigest, Failure, Lockout, LockoutKey, NoAttempt,
            Swap, Turns,
        },
        roles::{self, Direction, RoleError},
        storage::Storage,
    },
    store::Store,
};
use tokio::task::JoinSet;

use super::world::{NOW, ROUNDS, World, entry};

const NAME: &str = "ada@example.test";

fn key() -> LockoutKey {
    LockoutKey::from_bytes(&[7; 32])
}

fn settings() -> config::Lockout {
    Config::defaults(std::path::Path::new("x")).lockout
}

fn counter(failures: u32, claims: u32) -> Counter {
    Counter {
        failures,
        claims,
        claims_end_at: NOW.plus(60),
        locked_until: (failures == 5).then_some(NOW.plus(1800)),
        forget_at: NOW.plus(1800),
    }
}

fn swap(key: CounterKey, from: Option<Counter>, to: Option<Counter>) -> Swap {
    Swap {
        key,
        from,
        to,
        now: NOW,
    }
}

pub(crate) async fn a_counter_moves_only_from_what_was_read(world: World) {
    let name = key().of_name(NAME);
    let states = [
        None,
        Some(counter(0, 1)),
        Some(counter(1, 0)),
        Some(counter(5, 0)),
    ];
    for stored in states {
        for read in states {
            for to in states {
                world.run("DELETE FROM attempt_counters").await.unwrap();
                if stored.is_some() {
                    let put = swap(name, None, stored);
                    assert!(world.store.swap_counter(&put).await.unwrap());
                }
                let swapped = world.store.swap_counter(&swap(name, read, to)).await;
                assert_eq!(
                    swapped.unwrap(),
                    read == stored,
                    "{stored:?} {read:?} {to:?}"
                );
                let found = world.store.counter(&name).await.unwrap();
                assert_eq!(found, if read == stored { to } else { stored });
            }
        }
    }
    assert_eq!(world.entries().await, 0, "bookkeeping is no act");
}

/// A process: a store and those who wait in it.
struct Process {
    store: Store,
    turns: Turns,
    key: LockoutKey,
    settings: config::Lockout,
}

impl Process {
    fn new(store: Store) -> Arc<Self> {
        Arc::new(Self {
            store,
            turns: Turns::of_rounds(ROUNDS),
            key: key(),
            settings: settings(),
        })
    }

    async fn claim(
        &self,
        device: Option<DeviceDigest>,
        now: UnixTime,
    ) -> Result<Attempt<'_>, NoAttempt> {
        let lockout = Lockout {
            key: &self.key,
            settings: &self.settings,
            turns: &self.turns,
        };
        lockout
            .claim_sign_in(&self.store, NAME, None, device, now)
            .await
    }

    async fn fail(&self, attempt: &Attempt<'_>) -> Option<u32> {
        let refusal = entry(Action::SignIn);
        attempt
            .fail(&self.store, None, &refusal, &Origin::default())
            .await
            .unwrap()
    }

    /// Guesses wrong; `None` when the password was not compared.
    async fn guess(&self) -> Option<u32> {
        match self.claim(None, NOW).await {
            Ok(attempt) => {
                // The hash takes its time.
                tokio::task::yield_now().await;
                self.fail(&attempt).await
            }
            Err(NoAttempt::Locked { seconds }) => {
                assert_eq!(seconds, 1800);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn of_fifty_guesses_in_two_processes_five_are_compared(world: World) {
    let processes = [
        Process::new(world.another().await),
        Process::new(world.another().await),
    ];
    let mut guesses = JoinSet::new();
    for n in 0..50 {
        let process = Arc::clone(&processes[n % 2]);
        guesses.spawn(async move { process.guess().await });
    }
    let mut left: Vec<u32> = guesses.join_all().await.into_iter().flatten().collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    let found = world
        .store
        .counter(&key().of_name(NAME))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.failures, found.claims), (5, 0));
    let locks = "SELECT count(*) FROM audit_log WHERE action = 'account.lock'";
    assert_eq!(world.number(locks).await, 1);
    assert_eq!(world.entries().await, 6);
}

pub(crate) async fn honest_attempts_in_two_processes_wait_and_pass(world: World) {
    let processes = [
        Process::new(world.another().await),
        Process::new(world.another().await),
    ];
    let mut attempts = JoinSet::new();
    for n in 0..16 {
        let process = Arc::clone(&processes[n % 2]);
        attempts.spawn(async move {
            let attempt = process.claim(None, NOW).await.unwrap();
            tokio::task::yield_now().await;
            attempt.give_back(&process.store).await;
        });
    }
    attempts.join_all().await;
    assert_eq!(world.rows("attempt_counters").await, 0);
}

pub(crate) async fn strangers_cannot_lock_a_known_device_out(world: World) {
    let process = Process::new(world.another().await);
    for _ in 0..5 {
        process.guess().await.unwrap();
    }
    let device = |byte| {
        Some(DeviceDigest::of_cookie(
            edgeward_issuer::domain::session::Digest::from_bytes([byte; 32]),
        ))
    };
    assert!(matches!(
        process.claim(None, NOW).await,
        Err(NoAttempt::Locked { .. })
    ));
    for left in (0..5).rev() {
        let attempt = process.claim(device(1), NOW).await.unwrap();
        assert_eq!(process.fail(&attempt).await, Some(left));
    }
    // It has as many attempts as anybody, and another one has its own.
    assert!(matches!(
        process.claim(device(1), NOW).await,
        Err(NoAttempt::Locked { .. })
    ));
    process
        .claim(device(2), NOW)
        .await
        .unwrap()
        .give_back(&process.store)
        .await;
    process
        .claim(None, NOW.plus(1800))
        .await
        .unwrap()
        .give_back(&process.store)
        .await;
}

pub(crate) async fn a_failure_is_whole_or_not_at_all(world: World) {
    let ada = world.with_account(NAME).await;
    let sign_in = world.with_sign_in(ada).await;
    let (name, proof) = (
        key().of_name(NAME),
        key().of_proof(sign_in.sid, &Email::parse(NAME).unwrap()),
    );
    let mut failure = Failure {
        swaps: vec![
            swap(name, None, Some(counter(5, 0))),
            swap(proof, Some(counter(1, 0)), Some(counter(2, 0))),
        ],
        refusal: entry(Action::SignIn),
        locks: vec![entry(Action::Lock), entry(Action::Lock)],
        ends_sessions_of: Some(ada),
    };
    let before = world.entries().await;
    assert!(
        !world.store.fail_attempt(&failure, NOW).await.unwrap(),
        "the second moved"
    );
    assert_eq!(world.rows("attempt_counters").await, 0);
    assert_eq!(world.entries().await, before);
    assert!(
        world
            .store
            .family(sign_in.sid)
            .await
            .unwrap()
            .unwrap()
            .is_live(NOW)
    );

    failure.swaps[1].from = None;
    assert!(world.store.fail_attempt(&failure, NOW).await.unwrap());
    assert_eq!(
        world.store.counter(&proof).await.unwrap(),
        Some(counter(2, 0))
    );
    assert_eq!(world.entries().await, before + 3);
    assert!(
        !world
            .store
            .family(sign_in.sid)
            .await
            .unwrap()
            .unwrap()
            .is_live(NOW)
    );

    // An operator's unlock takes both, and is written down also where there is nothing to take but a wait.
    let unlock = entry(Action::Unlock);
    assert!(world.store.forget_failures(&name, &unlock).await.unwrap());
    assert!(!world.store.forget_failures(&name, &unlock).await.unwrap());
    let counters = "SELECT count(*) FROM attempt_counters WHERE account IS NOT NULL";
    assert_eq!(world.number(counters).await, 0);
    let notes = "SELECT count(*) FROM attempt_counters WHERE failures = 0 AND claims = 0 AND locked_until = 0";
    assert_eq!(world.number(notes).await, 1, "when it was done is noted");
    assert_eq!(world.entries().await, before + 5);
}

pub(crate) async fn ended_counters_are_taken_away_by_new_ones(world: World) {
    for n in 0..20 {
        let name = key().of_name(&format!("user{n}@example.test"));
        let put = swap(name, None, Some(counter(1, 0)));
        assert!(world.store.swap_counter(&put).await.unwrap());
    }
    assert_eq!(world.rows("attempt_counters").await, 20);
    for n in 0..5 {
        let put = Swap {
            now: NOW.plus(1800),
            ..swap(
                key().of_name(&format!("later{n}")),
                None,
                Some(Counter {
                    forget_at: NOW.plus(3600),
                    ..counter(1, 0)
                }),
            )
        };
        assert!(world.store.swap_counter(&put).await.unwrap());
    }
    assert_eq!(world.rows("attempt_counters").await, 5);
}

pub(crate) async fn a_changed_role_ends_every_session_with_it(world: World) {
    let ada = world.with_account(NAME).await;
    let (one, other) = (world.with_sign_in(ada).await, world.with_sign_in(ada).await);
    let email = Email::parse(NAME).unwrap();
    let mandate = Mandate::operator(NOW);
    let change = async |role: &str, direction| {
        let role = Role::parse(role).unwrap();
        roles::change_role(&world.store, &mandate, &email, role, direction).await
    };
    let before = world.entries().await;
    assert_eq!(change("editor", Direction::Give).await.unwrap(), None);
    assert_eq!(change("owner", Direction::Take).await.unwrap(), None);
    assert_eq!(world.entries().await, before);
    assert_eq!(change("owner", Direction::Give).await.unwrap(), Some(2));
    for sign_in in [&one, &other] {
        assert!(
            !world
                .store
                .family(sign_in.sid)
                .await
                .unwrap()
                .unwrap()
                .is_live(NOW)
        );
    }
    assert_eq!(world.rows("browser_sessions").await, 0);
    assert_eq!(change("editor", Direction::Take).await.unwrap(), Some(0));
    assert_eq!(world.entries().await, before + 2);
    let account = world.store.account_by_id(ada).await.unwrap().unwrap();
    let roles: Vec<&str> = account.roles.iter().map(Role::as_str).collect();
    assert_eq!(roles, ["admin", "owner"]);
    let nobody = Email::parse("nobody@example.test").unwrap();
    let role = Role::parse("admin").unwrap();
    let changed = roles::change_role(&world.store, &mandate, &nobody, role, Direction::Give).await;
    assert!(matches!(changed, Err(RoleError::NoAccount)));
}
