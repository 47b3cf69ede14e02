//! Refreshes of one session that reach several processes: what each answers, and what the database then holds.

use std::sync::Arc;

use edgeward_issuer::{
    domain::{
        refresh::{Exchange, FamilyMutex, Hold, RefreshError, Turn},
        storage::Storage,
    },
    store::redis::Use,
};
use tokio::task::JoinSet;

use super::{processes::Processes, world::World};

const AT_ONCE: usize = 50;

pub(crate) async fn of_fifty_refreshes_in_two_processes_one_rotates(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let processes = Arc::new(Processes::of(world).await);
    let (sign_in, token) = processes.both[0].signed_in(ada).await;
    let mut text = token.reveal().to_owned();
    for round in 1..=5 {
        let mut running = JoinSet::new();
        for n in 0..AT_ONCE {
            let (processes, text) = (Arc::clone(&processes), text.clone());
            running.spawn(async move { processes.turn(n).refresh(&text, 2000 * round).await });
        }
        let mut successors = Vec::new();
        for answer in running.join_all().await {
            match answer {
                Ok(refreshed) => successors.push(refreshed.refresh_token.reveal().to_owned()),
                Err(RefreshError::InProgress { .. }) => {}
                Err(other) => panic!("round {round}: {other}"),
            }
        }
        assert_eq!(successors.len(), 1, "round {round}");
        text = successors.remove(0);
        let family = processes.both[1].store.family(sign_in.sid).await;
        let seq = family.unwrap().unwrap().seq;
        assert_eq!(seq, u64::try_from(round).unwrap());
    }
    processes.have_asked(Use::Mutex);
}

pub(crate) async fn a_lost_answer_is_handed_out_again_by_another_process(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let processes = Processes::of(world).await;
    let [first, second] = &processes.both;
    let (_, token) = first.signed_in(ada).await;
    let lost = first.refresh(token.reveal(), 0).await.unwrap();
    for process in [first, second] {
        let soon = process.refresh(token.reveal(), 900).await;
        assert!(
            matches!(soon, Err(RefreshError::InProgress { .. })),
            "{soon:?}"
        );
    }
    for (process, millis) in [(second, 1_100), (first, 3_600_000 / 4)] {
        let again = process.refresh(token.reveal(), millis).await.unwrap();
        assert_eq!(again.exchange, Exchange::Repeated);
        assert_eq!(again.refresh_token.reveal(), lost.refresh_token.reveal());
    }
    let next = second.refresh(lost.refresh_token.reveal(), 900_000).await;
    assert_eq!(next.unwrap().exchange, Exchange::Rotated);
    processes.have_asked(Use::Mutex);
}

pub(crate) async fn a_turn_holds_up_no_other_generation(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let processes = Processes::of(world).await;
    let [first, second] = &processes.both;
    let (sign_in, oldest) = first.signed_in(ada).await;
    let parent = first
        .refresh(oldest.reveal(), 0)
        .await
        .unwrap()
        .refresh_token;
    let current = first.refresh(parent.reveal(), 2_000).await.unwrap();
    // A request with the current token is under way, or its process died; where turns are told, they are told so.
    let turn = first.redis.take(sign_in.sid, 2).await;
    let waits = second.refresh(current.refresh_token.reveal(), 4_000).await;
    let told = matches!(turn, Turn::Ours(_));
    assert_eq!(told, first.redis.is_some());
    assert_eq!(told, matches!(waits, Err(RefreshError::InProgress { .. })));
    // The spent one of before is a thief's nevertheless.
    let thief = second.refresh(oldest.reveal(), 6_000).await;
    assert!(matches!(thief, Err(RefreshError::Reused)), "{thief:?}");
    if let Turn::Ours(hold) = turn {
        hold.give_back().await;
    }
    let victim = first.refresh(current.refresh_token.reveal(), 8_000).await;
    assert!(matches!(victim, Err(RefreshError::Invalid)), "{victim:?}");
    processes.have_asked(Use::Mutex);
}
