//! The proof of concurrency: every state that clients, network, clock and issuer can reach within bounds, by the real
//! functions, with reading, deciding and swapping as steps of their own that anything may come between.
//!
//! Access tokens are used at the issuer, or at edges that tell the issuer later, repeatedly or never.
//!
//! What is assumed, and written down in `docs/REFRESH.md`: a request and its answer take 30 s together or never arrive,
//! and an honest client refreshes a token only after it has held it for longer than that.

mod issuer;
mod state;
mod steps;

use std::collections::{HashMap, VecDeque};

use issuer::{Fault, Issuer};
use state::{AGE_MAX, Budget, Client, FIRST, NUMBERS, Row, State};
use steps::{
    AFTER_THE_END, SIGNED_OUT, Step, TWO_SUCCESSORS, UNNOTICED, Violation, World, steps, take,
};

/// A way to a state in which something does not hold.
#[derive(Debug)]
struct Counterexample {
    what: Violation,
    way: Vec<Step>,
}

#[derive(Debug)]
struct Explored {
    states: usize,
    transitions: usize,
    depth: usize,
}

/// Visits every state, nearest first, so that a counterexample is as short as can be.
fn explore(issuer: &Issuer, world: World, start: State) -> Result<Explored, Counterexample> {
    let mut index: HashMap<State, usize> = HashMap::from([(start.clone(), 0)]);
    let mut came_from: Vec<(usize, Option<Step>, usize)> = vec![(0, None, 0)];
    let mut queue = VecDeque::from([(start, 0)]);
    let mut transitions = 0;
    while let Some((state, number)) = queue.pop_front() {
        for step in steps(&state, world) {
            transitions += 1;
            let next = take(issuer, world, state.clone(), step).map_err(|what| {
                let mut way = vec![step];
                let mut at = number;
                while let (before, Some(step), _) = came_from[at] {
                    way.push(step);
                    at = before;
                }
                way.reverse();
                Counterexample { what, way }
            })?;
            if index.contains_key(&next) {
                continue;
            }
            index.insert(next.clone(), came_from.len());
            let depth = came_from[number].2 + 1;
            queue.push_back((next, came_from.len()));
            came_from.push((number, Some(step), depth));
        }
    }
    Ok(Explored {
        states: came_from.len(),
        transitions,
        depth: came_from.last().map_or(0, |last| last.2),
    })
}

fn start(devices: &[u8], budget: Budget) -> State {
    let client = |(number, device): (usize, &u8)| Client {
        jar: (number == 0).then_some(FIRST),
        held: AGE_MAX,
        wants: false,
        device: *device,
    };
    State {
        row: Row {
            current: FIRST,
            previous: None,
            sealed: None,
            rotated: AGE_MAX,
            handed_out: AGE_MAX,
            confirmed: false,
            device: 0,
            revoked: false,
        },
        clients: devices.iter().enumerate().map(client).collect(),
        messages: Vec::new(),
        budget,
        answered: [None; NUMBERS],
        used: [0; NUMBERS],
        shown: [0; NUMBERS],
    }
}

fn lone_client(fault: Fault) -> Result<Explored, Counterexample> {
    let budget = Budget {
        sends: 4,
        ticks: 3,
        copies: 1,
        thefts: 0,
    };
    let world = World {
        lone: true,
        under_way: 3,
    };
    explore(&Issuer::new(fault), world, start(&[0], budget))
}

fn with_thief(fault: Fault, device: u8, ticks: u8) -> Result<Explored, Counterexample> {
    let budget = Budget {
        sends: 3,
        ticks,
        copies: 0,
        thefts: 1,
    };
    let world = World {
        lone: false,
        under_way: 3,
    };
    explore(&Issuer::new(fault), world, start(&[0, device], budget))
}

/// `at_least`: how many states the world has had, rounded down. One that shrinks proves less.
#[track_caller]
fn holds(world: &str, at_least: usize, outcome: Result<Explored, Counterexample>) {
    match outcome {
        Ok(Explored {
            states,
            transitions,
            depth,
        }) => {
            println!("{world}: {states} states, {transitions} transitions, depth {depth}");
            assert!(states >= at_least, "{world}: only {states} states");
        }
        Err(found) => panic!("{world}: {found:#?}"),
    }
}

fn thief_elsewhere(fault: Fault) -> Result<Explored, Counterexample> {
    with_thief(fault, 1, 3)
}

fn thief_on_the_same_device(fault: Fault) -> Result<Explored, Counterexample> {
    with_thief(fault, 0, 2)
}

#[test]
fn a_lone_client_is_never_signed_out() {
    holds("a lone client with tabs", 600_000, lone_client(Fault::None));
}

#[test]
fn a_thief_on_another_device_is_noticed() {
    let found = thief_elsewhere(Fault::None);
    holds("a thief on another device", 900_000, found);
}

#[test]
fn a_thief_on_the_same_device_is_noticed() {
    let found = thief_on_the_same_device(Fault::None);
    holds("a thief on the same device", 450_000, found);
}

#[test]
fn each_seeded_fault_is_found() {
    type Explore = fn(Fault) -> Result<Explored, Counterexample>;
    for (fault, explore, expected) in [
        (Fault::NoWhere, lone_client as Explore, TWO_SUCCESSORS),
        (Fault::EarlyWipe, lone_client, SIGNED_OUT),
        (Fault::OrderByTime, lone_client, SIGNED_OUT),
        (Fault::GraceFromRotation, lone_client, SIGNED_OUT),
        (Fault::LostIsDead, lone_client, SIGNED_OUT),
        (Fault::EdgeTellsItsOwn, lone_client, SIGNED_OUT),
        (Fault::ArrivalOfAny, lone_client, SIGNED_OUT),
        (Fault::SwapOfEnded, thief_elsewhere, AFTER_THE_END),
        (
            Fault::HandOutOfEnded,
            thief_on_the_same_device,
            AFTER_THE_END,
        ),
        (Fault::ReuseIsRefused, thief_elsewhere, UNNOTICED),
        (Fault::ReuseIsRefused, thief_on_the_same_device, UNNOTICED),
    ] {
        let found = explore(fault).map(|explored| panic!("{fault:?} passed: {explored:?}"));
        let Err(Counterexample { what, way }) = found;
        println!("{fault:?}: {what}, after {} steps", way.len());
        assert_eq!(what, expected, "{fault:?}: {way:#?}");
    }
}
