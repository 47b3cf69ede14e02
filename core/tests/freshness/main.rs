//! When keys are fetched and how long they are used, as tables of what happens and what is advised.
#![expect(
    clippy::indexing_slicing,
    reason = "a surprise in a test's own data fails the test, outside of #[test] functions too"
)]

mod age;
mod fetches;
mod day;

use edgeward_core::keys::{Advice, Freshness, State, Ticket, Wanted};
use edgeward_core::time::UnixTime;

use Event::{
    AsksForAny, AsksForDocument, AsksForNewer, Confirms, Fails, Finds, Holds, Is, Loads, Refreshes,
    StandsIn,
};

/// Which fetch, counted from 0 in the order in which they were advised.
type Fetch = usize;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A request without a set asks, and is told this.
    AsksForAny(Told),
    /// A request asks whose key the set lacks that is in force, and is told this.
    AsksForNewer(Told),
    /// A document of the issuer's asks whose key the set lacks that is in force, and is told this.
    AsksForDocument(Told),
    /// A request comes by; is it to take a refresh with it?
    Refreshes(bool),
    /// The fetch brings this set with this entity tag; is it taken?
    Loads(Fetch, &'static str, Option<&'static str>, bool),
    /// The fetch is told that nothing changed; is that taken?
    Confirms(Fetch, bool),
    /// The fetch finds this set in a shared cache, loaded at that second; is it taken?
    Finds(Fetch, &'static str, i64, bool),
    /// The fetch fails.
    Fails(Fetch),
    /// After its failure the fetch has this set from a shared cache, loaded at that second; is it taken?
    StandsIn(Fetch, &'static str, i64, bool),
    /// The set that may be used.
    Holds(Option<&'static str>),
    /// The state.
    Is(State),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Use(&'static str),
    Fetch,
    Wait,
    Settle,
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + seconds)
}

/// Lets the events happen at their seconds, in order.
#[track_caller]
fn check(title: &str, events: &[(i64, Event)]) {
    let mut keys = Freshness::<&'static str>::empty();
    let mut tickets = Vec::new();
    for (second, event) in events {
        let now = at(*second);
        let context = format!("{title}: second {second}: {event:?}");
        match *event {
            AsksForAny(told) => {
                assert_eq!(
                    ask(&mut keys, Wanted::AnySet, now, &mut tickets),
                    told,
                    "{context}"
                );
            }
            AsksForNewer(told) => {
                let generation = keys.current(now).map_or(0, |current| current.generation);
                let wanted = Wanted::NewerThan(generation);
                assert_eq!(ask(&mut keys, wanted, now, &mut tickets), told, "{context}");
            }
            AsksForDocument(told) => {
                let generation = keys.current(now).map_or(0, |current| current.generation);
                let wanted = Wanted::ForDocument(generation);
                assert_eq!(ask(&mut keys, wanted, now, &mut tickets), told, "{context}");
            }
            Refreshes(expected) => {
                let ticket = keys.claim_refresh(now);
                assert_eq!(ticket.is_some(), expected, "{context}");
                tickets.extend(ticket);
            }
            Loads(fetch, set, tag, expected) => {
                let taken = keys.loaded(&tickets[fetch], set, tag.map(str::to_owned));
                assert_eq!(taken, expected, "{context}");
            }
            Confirms(fetch, expected) => {
                assert_eq!(keys.unchanged(&tickets[fetch]), expected, "{context}");
            }
            Finds(fetch, set, loaded, expected) => {
                let taken = keys.found(&tickets[fetch], set, None, at(loaded));
                assert_eq!(taken, expected, "{context}");
            }
            Fails(fetch) => keys.failed(&tickets[fetch], now, 0),
            StandsIn(fetch, set, loaded, expected) => {
                let taken = keys.stands_in(&tickets[fetch], set, at(loaded));
                assert_eq!(taken, expected, "{context}");
            }
            Holds(expected) => {
                let current = keys.current(now).map(|current| *current.set);
                assert_eq!(current, expected, "{context}");
            }
            Is(expected) => assert_eq!(keys.state(now), expected, "{context}"),
        }
    }
}

fn ask(
    keys: &mut Freshness<&'static str>,
    wanted: Wanted,
    now: UnixTime,
    tickets: &mut Vec<Ticket>,
) -> Told {
    match keys.advise(wanted, now) {
        Advice::Use(current) => Told::Use(*current.set),
        Advice::Fetch(ticket) => {
            tickets.push(ticket);
            Told::Fetch
        }
        Advice::Wait => Told::Wait,
        Advice::Settle => Told::Settle,
    }
}

/// The set `a` is loaded at second 0, by fetch 0.
const LOADED: [(i64, Event); 2] = [
    (0, AsksForAny(Told::Fetch)),
    (0, Loads(0, "a", Some("\"a\""), true)),
];

#[track_caller]
fn check_loaded(title: &str, events: &[(i64, Event)]) {
    check(title, &[&LOADED, events].concat());
}
