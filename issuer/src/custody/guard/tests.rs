use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
};

use tokio::runtime::Builder;

use super::*;

/// Wraps by turning bytes over, counts, and fails or hangs as it is told.
struct Scripted {
    asked: Arc<AtomicUsize>,
    fails: Arc<Mutex<Option<SealerError>>>,
    /// Held by a test while the part is to hang, at its end too.
    gate: Arc<Mutex<()>>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        drop(open(&self.gate));
    }
}

impl Scripted {
    fn reach(&self) -> Result<(), SealerError> {
        let _open = open(&self.gate);
        self.asked.fetch_add(1, Ordering::Relaxed);
        open(&self.fails).clone().map_or(Ok(()), Err)
    }
}

impl Sealer for Scripted {
    fn key_name(&self) -> &str {
        "scripted:1"
    }

    fn wrap(&self, _: &str, key: &DataKey) -> Result<Vec<u8>, SealerError> {
        self.reach()?;
        Ok(key.iter().map(|byte| !byte).collect())
    }

    fn unwrap(&self, _: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        self.reach()?;
        let opened: Vec<u8> = wrapped.iter().map(|byte| !byte).collect();
        data_key(&opened)
    }
}

struct World {
    guarded: GuardedSealer,
    asked: Arc<AtomicUsize>,
    fails: Arc<Mutex<Option<SealerError>>>,
    gate: Arc<Mutex<()>>,
    accesses: Arc<Accesses>,
}

fn world(cache: Duration, timeout: Duration) -> World {
    let (asked, fails, gate) = Default::default();
    let accesses = Arc::<Accesses>::default();
    let scripted = Scripted {
        asked: Arc::clone(&asked),
        fails: Arc::clone(&fails),
        gate: Arc::clone(&gate),
    };
    let limits = Limits { timeout, cache };
    World {
        guarded: GuardedSealer::new(Box::new(scripted), limits, Arc::clone(&accesses)).unwrap(),
        asked,
        fails,
        gate,
        accesses,
    }
}

const HOUR: Duration = Duration::from_secs(3600);
/// What has not come by then does not come.
const MINUTE: Duration = Duration::from_secs(60);

fn a_key() -> DataKey {
    Zeroizing::new([7; SECRET_BYTES])
}

#[test]
fn an_opened_key_is_remembered_and_every_access_is_noted() {
    let world = world(HOUR, HOUR);
    let wrapped = world.guarded.wrap("key-1", &a_key()).unwrap();
    for _ in 0..3 {
        assert_eq!(world.guarded.unwrap("key-1", &wrapped), Ok(a_key()));
    }
    assert_eq!(
        world.asked.load(Ordering::Relaxed),
        2,
        "wrapped once, opened once"
    );
    let accesses = world.accesses.take();
    let acts: Vec<&str> = accesses.iter().map(|access| access.act.name()).collect();
    assert_eq!(acts, ["wrap", "unwrap", "remembered", "remembered"]);
    for access in accesses {
        let what = (
            access.key_name.as_str(),
            access.purpose.as_str(),
            access.failure,
        );
        assert_eq!(what, ("scripted:1", "key-1", None));
    }
    assert!(world.accesses.take().is_empty(), "each is written once");
}

#[test]
fn without_a_cache_each_opening_asks() {
    let world = world(Duration::ZERO, HOUR);
    let wrapped = world.guarded.wrap("key-1", &a_key()).unwrap();
    for _ in 0..3 {
        assert_eq!(world.guarded.unwrap("key-1", &wrapped), Ok(a_key()));
    }
    assert_eq!(world.asked.load(Ordering::Relaxed), 4);
}

#[test]
fn a_failure_is_told_noted_and_not_repeated_at_once() {
    let world = world(HOUR, HOUR);
    let wrapped = world.guarded.wrap("key-1", &a_key()).unwrap();
    let gone = SealerError::Unreachable("the device was pulled".to_owned());
    *open(&world.fails) = Some(gone.clone());
    assert_eq!(world.guarded.unwrap("key-1", &wrapped), Err(gone.clone()));
    assert_eq!(world.guarded.failure(), Some(gone.clone()));
    let resting = world.guarded.unwrap("key-1", &wrapped).unwrap_err();
    assert!(
        matches!(&resting, SealerError::Resting { cause, .. } if *cause == gone.to_string()),
        "{resting}"
    );
    assert_eq!(world.asked.load(Ordering::Relaxed), 2, "it was left alone");
    let failures: Vec<_> = world
        .accesses
        .take()
        .into_iter()
        .map(|access| access.failure)
        .collect();
    assert_eq!(failures, [None, Some("unreachable"), Some("resting")]);
}

#[test]
fn a_part_that_hangs_is_given_up_after_the_limit() {
    let limit = Duration::from_secs(2);
    let world = world(HOUR, limit);
    let held = open(&world.gate);
    assert_eq!(
        world.guarded.wrap("key-1", &a_key()),
        Err(SealerError::Slow(2000))
    );
    assert!(matches!(
        world.guarded.wrap("key-1", &a_key()),
        Err(SealerError::Resting { .. })
    ));
    drop(held);
}

#[test]
fn a_probe_tells_the_state_and_opens_nothing_that_is_kept() {
    let world = world(HOUR, HOUR);
    assert_eq!(world.guarded.probe(), Ok(()));
    assert_eq!(world.guarded.probe(), Ok(()));
    assert_eq!(
        world.asked.load(Ordering::Relaxed),
        3,
        "wrapped once, opened each time"
    );
    assert!(world.accesses.take().is_empty());
    assert_eq!(open(&world.guarded.cache).next_end(), None);
    *open(&world.fails) = Some(SealerError::Refused("no".to_owned()));
    assert!(world.guarded.probe().is_err());
    assert!(world.guarded.failure().is_some());
}

#[test]
fn whoever_drops_it_waits_until_the_part_has_ended() {
    let World { guarded, gate, .. } = world(HOUR, HOUR);
    let held = open(&gate);
    let (dropped, drops) = mpsc::channel();
    let dropping = thread::spawn(move || {
        drop(guarded);
        dropped.send(()).unwrap();
    });
    // Whoever did not wait would be through by then.
    let waits = drops.recv_timeout(Duration::from_millis(100));
    assert_eq!(waits, Err(RecvTimeoutError::Timeout));
    drop(held);
    drops.recv().unwrap();
    dropping.join().unwrap();
}

#[test]
fn a_part_that_hangs_at_its_end_is_left_behind() {
    let World { guarded, gate, .. } = world(HOUR, Duration::from_millis(20));
    let _held = open(&gate);
    drop(guarded);
}

#[test]
fn on_a_runtime_the_end_of_a_part_holds_up_nobody_but_the_end_of_the_runtime() {
    let World { guarded, gate, .. } = world(HOUR, HOUR);
    let held = open(&gate);
    let runtime = Builder::new_current_thread().build().unwrap();
    let (step, steps) = mpsc::channel();
    let ending = thread::spawn(move || {
        runtime.block_on(async { drop(guarded) });
        step.send("dropped").unwrap();
        drop(runtime);
        step.send("over").unwrap();
    });
    // Whoever waited would be at it for an hour.
    assert_eq!(steps.recv_timeout(MINUTE), Ok("dropped"));
    // Whoever did not wait would be through by then.
    let waits = steps.recv_timeout(Duration::from_millis(100));
    assert_eq!(waits, Err(RecvTimeoutError::Timeout));
    drop(held);
    assert_eq!(steps.recv_timeout(MINUTE), Ok("over"));
    ending.join().unwrap();
}

#[test]
fn who_gave_up_behind_others_is_asked_for_no_more_and_rests_nobody() {
    const ASKING: usize = 8;
    // So much longer than it takes until all of them wait that none comes when another has given up already.
    let limit = Duration::from_secs(3);
    let world = Arc::new(world(HOUR, limit));
    let held = open(&world.gate);
    let all_there = Arc::new(Barrier::new(ASKING));
    let wrap = |world: Arc<World>| {
        let all_there = Arc::clone(&all_there);
        thread::spawn(move || {
            let _ = all_there.wait();
            world.guarded.wrap("key-1", &a_key())
        })
    };
    let asking = [(); ASKING].map(|()| wrap(Arc::clone(&world)));
    for asked in asking {
        let outcome = asked.join().unwrap();
        assert!(matches!(outcome, Err(SealerError::Slow(_))), "{outcome:?}");
    }
    drop(held);
    // One of them was with the part, which is over with it now: the rest is the first and shortest, and nothing else is asked. On a
    // slow machine that rest is over by now.
    let asked_after_it = match world.guarded.wrap("key-1", &a_key()) {
        Err(SealerError::Resting { seconds: 0..=1, .. }) => 0,
        Ok(_) => 1,
        other => panic!("{other:?}"),
    };
    let World { guarded, asked, .. } = Arc::into_inner(world).unwrap();
    drop(guarded);
    assert_eq!(asked.load(Ordering::Relaxed), 1 + asked_after_it);
}
