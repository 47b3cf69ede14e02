//! How often somebody may ask, whichever process is asked. The rules are slow, so that a machine under load counts the same.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use edgeward_issuer::{
    config::Config,
    domain::{audit::Action, storage::Storage},
    store::redis::Use,
};
use tokio::task::JoinSet;

use super::{
    processes::{Process, Processes},
    world::{NOW, World, entry},
};

/// One a minute, five at once.
fn slowly(config: &mut Config) {
    let limits = &mut config.limits;
    limits.guesses_per_minute = NonZeroU32::MIN;
    limits.guesses_burst = NonZeroU32::new(5).unwrap();
}

fn three_names(config: &mut Config) {
    config.limits.sign_ins = NonZeroU32::new(3).unwrap();
}

/// Refused, to be let through after about so many seconds: some may have passed for Redis meanwhile.
#[track_caller]
fn refused(answer: Result<(), u64>, seconds: u64) {
    let said = answer.unwrap_err();
    assert!(
        (seconds - 20..=seconds).contains(&said),
        "{said} and not {seconds}"
    );
}

pub(crate) async fn a_bucket_is_one_for_all_who_are_asked(world: World) {
    let mut processes = Processes::with(world, slowly).await;
    for n in 0..5 {
        assert_eq!(processes.turn(n).guess("192.0.2.1").await, Ok(()), "{n}");
    }
    for n in 0..2 {
        refused(processes.turn(n).guess("192.0.2.1").await, 60);
        let another = format!("192.0.2.{}", 2 + n);
        assert_eq!(processes.turn(n).guess(&another).await, Ok(()));
    }
    processes.let_pass(Duration::from_secs(61)).await;
    assert_eq!(processes.turn(0).guess("192.0.2.1").await, Ok(()));
    refused(processes.turn(1).guess("192.0.2.1").await, 60);
    processes.let_pass(Duration::from_secs(3600)).await;
    for n in 0..5 {
        assert_eq!(processes.turn(n).guess("192.0.2.1").await, Ok(()), "{n}");
    }
    refused(processes.turn(1).guess("192.0.2.1").await, 60);
    processes.have_asked(Use::Limits);
}

pub(crate) async fn of_fifty_at_once_a_bucket_lets_through_what_it_holds(world: World) {
    let processes = Arc::new(Processes::with(world, slowly).await);
    let mut asked = JoinSet::new();
    for n in 0..50 {
        let processes = Arc::clone(&processes);
        asked.spawn(async move { processes.turn(n).guess("2001:db8::7").await });
    }
    let answers = asked.join_all().await;
    let passed = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(passed, 5);
    processes.have_asked(Use::Limits);
}

pub(crate) async fn a_name_that_is_tried_too_often_waits_twice_as_long_each_time(world: World) {
    let mut processes = Processes::with(world, three_names).await;
    let name = Process::name("ada@example.test");
    let mut address = 0_u8;
    let mut try_once = async |processes: &Processes| {
        address += 1;
        let from = format!("198.51.100.{address}");
        let process = processes.turn(usize::from(address));
        process.sign_in(&from, &name, processes.now()).await
    };
    for _ in 0..3 {
        assert_eq!(try_once(&processes).await, Ok(()));
    }
    for wait in [60, 120, 240] {
        refused(try_once(&processes).await, wait);
        refused(try_once(&processes).await, wait);
        processes.let_pass(Duration::from_secs(wait + 1)).await;
    }
    let other = Process::name("bob@example.test");
    let from = "198.51.100.250";
    let bobs = processes.turn(0).sign_in(from, &other, processes.now());
    assert_eq!(bobs.await, Ok(()), "another name has its own");
    processes.let_pass(Duration::from_secs(3600)).await;
    for _ in 0..3 {
        assert_eq!(try_once(&processes).await, Ok(()), "after a quiet time");
    }
    refused(try_once(&processes).await, 60);
    processes.have_asked(Use::Limits);
}

/// By an administrator, or by the command line, which counts nothing; a reset of the password does the same.
pub(crate) async fn a_name_whose_failures_are_forgotten_waits_no_longer(world: World) {
    let processes = Processes::with(world, three_names).await;
    let name = Process::name("ada@example.test");
    let now = processes.now();
    let from = "198.51.100.1";
    for n in 0..3 {
        let passed = processes.turn(n).sign_in(from, &name, now).await;
        assert_eq!(passed, Ok(()));
    }
    let store = processes.world.another().await;
    assert_eq!(store.lifted_at(&name).await.unwrap(), None);
    let from = "198.51.100.2";
    for n in 0..2 {
        refused(processes.turn(n).sign_in(from, &name, now).await, 60);
    }
    // None was counted; the window begins anew all the same.
    let unlock = entry(Action::Unlock);
    assert!(!store.forget_failures(&name, &unlock).await.unwrap());
    let at = store.lifted_at(&name).await.unwrap().unwrap();
    assert_eq!(at, NOW);
    let process = processes.turn(0);
    assert!(process.lift(&name, at, now).await);
    assert_eq!(process.sign_in(from, &name, now).await, Ok(()));
    assert!(!process.lift(&name, at, now).await, "once for each act");
    processes.have_asked(Use::Limits);
}
