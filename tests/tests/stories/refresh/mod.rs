//! Refreshing at the edge: a page that is opened late goes on, once, and nothing else causes a refresh.

mod sessions;
mod races;
mod answers;
mod arrivals;

use edgeward_tests::{Person, World};

/// Longer than an access token is accepted.
const OVER_SECONDS: i64 = 12 * 60;
/// Longer than an isolate keeps what a refresh came to, counted from its end: it goes on by real time while the issuer is asked.
const HELD_SECONDS: i64 = 15;

/// The generation of the refresh token in the jar.
fn generation(person: &Person) -> String {
    let token = person.cookie("refresh").expect("signed in").value;
    token.split('.').nth(2).expect("rt1.<sid>.<seq>").to_owned()
}

/// What a browser sends now for this path.
fn cookies(person: &Person, world: &World) -> String {
    let field = person.jar().field("/", false, world.now());
    field.expect("signed in")
}

/// How often the edge, or a client through it, asked for a refresh.
fn refreshes(world: &World) -> usize {
    let lines = world.to_issuer().lines();
    let refreshes = lines.iter().filter(|line| *line == "POST /auth/refresh");
    refreshes.count()
}

/// The names of the cookies that an answer sets, and of those that it removes.
fn set_and_removed(answer: &edgeward_tests::Answer) -> (Vec<&str>, Vec<&str>) {
    let (removed, set): (Vec<_>, Vec<_>) = answer
        .set_cookies()
        .into_iter()
        .partition(|field| field.contains("Max-Age=0"));
    let names = |fields: Vec<_>| {
        let pairs = fields.into_iter().map(|field: &str| field.split_once('='));
        let mut names: Vec<_> = pairs
            .map(|pair| pair.map_or("", |(name, _)| name))
            .collect();
        names.sort_unstable();
        names
    };
    (names(set), names(removed))
}
