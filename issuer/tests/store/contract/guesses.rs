//! A password that is guessed at two processes from many places: what the limits let through, and what the lock then does.

use std::sync::Arc;

use edgeward_issuer::{
    domain::{
        audit::{Action, Origin},
        lockout::{Lockout, LockoutKey, NoAttempt, Turns},
        storage::Storage,
    },
    store::redis::Use,
};
use tokio::task::JoinSet;

use super::{
    processes::{LOCKOUT_SECRET, Process, Processes},
    world::{NOW, ROUNDS, World, entry},
};

const NAME: &str = "ada@example.test";
const AT_ONCE: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Limited,
    Locked,
    Wrong,
}

async fn guess(process: &Process, turns: &Turns, from: &str) -> Told {
    let name = Process::name(NAME);
    if process.sign_in(from, &name, NOW).await.is_err() {
        return Told::Limited;
    }
    let lockout = Lockout {
        key: &LockoutKey::from_bytes(&LOCKOUT_SECRET),
        settings: &process.config.lockout,
        turns,
    };
    let claimed = lockout.claim_sign_in(&process.store, NAME, None, None, NOW);
    match claimed.await {
        Ok(attempt) => {
            // The hash takes its time.
            tokio::task::yield_now().await;
            let (refusal, origin) = (entry(Action::SignIn), Origin::default());
            let failed = attempt.fail(&process.store, None, &refusal, &origin);
            assert!(failed.await.unwrap().is_some(), "it is counted");
            Told::Wrong
        }
        Err(NoAttempt::Locked { seconds }) => {
            assert_eq!(seconds, 1800);
            Told::Locked
        }
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn of_fifty_guesses_the_limits_let_thirty_through_and_the_lock_five(world: World) {
    let processes = Arc::new(Processes::of(world).await);
    let turns = Arc::new([Turns::of_rounds(ROUNDS), Turns::of_rounds(ROUNDS)]);
    let mut guesses = JoinSet::new();
    for n in 0..AT_ONCE {
        let (processes, turns) = (Arc::clone(&processes), Arc::clone(&turns));
        let from = format!("192.0.2.{n}");
        guesses.spawn(async move { guess(processes.turn(n), &turns[n % 2], &from).await });
    }
    let told = guesses.join_all().await;
    let count = |what| told.iter().filter(|told| **told == what).count();
    let counts = [Told::Limited, Told::Locked, Told::Wrong].map(count);
    assert_eq!(counts, [20, 25, 5]);
    let [first, second] = &processes.both;
    for process in [first, second] {
        let found = process.store.counter(&Process::name(NAME)).await.unwrap();
        assert_eq!(
            found.map(|found| (found.failures, found.claims)),
            Some((5, 0))
        );
    }
    let locks = "SELECT count(*) FROM audit_log WHERE action = 'account.lock'";
    assert_eq!(processes.world.number(locks).await, 1);
    processes.have_asked(Use::Limits);
}
