//! Refreshes that arrived: what a word of it changes, of one and of many.

use edgeward_issuer::domain::{
    audit::Action,
    refresh::{Arrival, Arrivals},
    session::{NewSignIn, RevocationReason},
    storage::Storage,
};

use super::world::{NOW, Raw, World, entry, first_rotation, rotation_from};

/// More than a statement takes, and not a round number.
const MANY: usize = 130;

const CONFIRMED: &str = "SELECT count(*) FROM families WHERE confirmed = 1";

/// A session that was refreshed once.
async fn refreshed(world: &World, email: &str) -> NewSignIn {
    let user = world.with_account(email).await;
    let sign_in = world.with_sign_in(user).await;
    rotate(world, first_rotation(&sign_in)).await;
    sign_in
}

async fn rotate(world: &World, rotation: edgeward_issuer::domain::refresh::Rotation) {
    let done = world.store.rotate(&rotation, &entry(Action::Refresh)).await;
    assert!(done.unwrap());
}

async fn told(world: &World, arrivals: &[Arrival]) -> u64 {
    world.store.confirm_all(arrivals).await.unwrap()
}

pub(crate) async fn an_arrival_counts_for_the_generation_that_it_names(world: World) {
    let ada = refreshed(&world, "ada@example.test").await;
    let other = refreshed(&world, "bob@example.test").await;
    let sid = ada.sid;
    for seq in [0, 2, 3, u64::MAX >> 1] {
        assert_eq!(told(&world, &[(sid, seq)]).await, 0, "{seq}");
    }
    assert_eq!(told(&world, &[]).await, 0);
    assert_eq!(world.number(CONFIRMED).await, 0);
    let before = world.store.family(sid).await.unwrap().unwrap();
    assert_eq!(told(&world, &[(sid, 3), (sid, 1)]).await, 1);
    assert_eq!(told(&world, &[(sid, 1)]).await, 0, "it is known");
    let mut after = world.store.family(sid).await.unwrap().unwrap();
    assert!(after.confirmed);
    after.confirmed = false;
    assert_eq!(format!("{after:?}"), format!("{before:?}"), "and no more");

    // The next generation is another; what is told late of this one says nothing of it.
    rotate(&world, rotation_from(&ada, 1, after.current)).await;
    assert_eq!(told(&world, &[(sid, 1)]).await, 0);
    assert!(!world.store.family(sid).await.unwrap().unwrap().confirmed);

    let (store, reason) = (&world.store, RevocationReason::SignedOut);
    let noted = entry(Action::SignOut);
    assert!(store.revoke(other.sid, reason, NOW, &noted).await.unwrap());
    assert_eq!(told(&world, &[(other.sid, 1), (sid, 2)]).await, 1);
    assert_eq!(world.number(CONFIRMED).await, 1, "a tombstone stays");
    assert_eq!(
        world.entries().await,
        8,
        "bookkeeping leaves no entry in the log"
    );
}

pub(crate) async fn many_arrivals_are_written_together(world: World) {
    let arrivals = Arrivals::default();
    let mut texts = Vec::new();
    let user = world.with_account("ada@example.test").await;
    for _ in 0..MANY {
        let sign_in = world.with_sign_in(user).await;
        rotate(&world, first_rotation(&sign_in)).await;
        texts.push(sign_in.sid.to_string());
    }
    let tell = || arrivals.tell(texts.iter().map(|sid| (sid.as_str(), 1)));
    tell();
    assert_eq!(
        arrivals.write(&world.store).await.unwrap(),
        u64::try_from(MANY).unwrap()
    );
    assert_eq!(world.number(CONFIRMED).await, i64::try_from(MANY).unwrap());
    tell();
    assert_eq!(arrivals.write(&world.store).await.unwrap(), 0);

    // What could not be written is not lost.
    let late = world.with_sign_in(user).await;
    rotate(&world, first_rotation(&late)).await;
    world
        .run("ALTER TABLE families RENAME TO gone")
        .await
        .unwrap();
    arrivals.tell([(late.sid.to_string().as_str(), 1)]);
    assert!(arrivals.write(&world.store).await.is_err());
    world
        .run("ALTER TABLE gone RENAME TO families")
        .await
        .unwrap();
    assert_eq!(arrivals.write(&world.store).await.unwrap(), 1);
}

/// On a server a transaction holds single rows, and whoever waits for some while holding others could make it fail. In a file one writes at
/// a time, and there is nothing to hold up.
pub(crate) async fn a_row_that_somebody_else_writes_holds_nothing_up(world: World) {
    let held = refreshed(&world, "ada@example.test").await;
    let free = refreshed(&world, "bob@example.test").await;
    let both = [(held.sid, 1), (free.sid, 1)];
    let mut raw = world.raw().await;
    let expected = match &raw {
        Raw::Lite(_) => 2,
        Raw::Pg(_) => {
            let hold = format!(
                "BEGIN; UPDATE families SET last_used_at = last_used_at WHERE sid = '{}'",
                held.sid
            );
            raw.run(&hold).await.unwrap();
            1
        }
    };
    let arrivals = Arrivals::default();
    let tell = async || {
        let texts = both.map(|(sid, seq)| (sid.to_string(), seq));
        arrivals.tell(texts.iter().map(|(sid, seq)| (sid.as_str(), *seq)));
        arrivals.write(&world.store).await.unwrap()
    };
    assert_eq!(tell().await, expected);
    if expected == 1 {
        raw.run("COMMIT").await.unwrap();
        assert_eq!(tell().await, 1, "told again it counts");
    }
    assert_eq!(world.number(CONFIRMED).await, 2);
}
