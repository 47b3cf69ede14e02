//! What it costs to find the rule of a request among ten, a hundred, a thousand and ten thousand, and to read such a policy:
//! one JSON object, in nanoseconds.
//!
//! Counts take turns, so that whatever else the machine does hits all of them; the figure of
//! each is the median of its turns.
use std::hint::black_box;
use std::time::Instant;

use edgeward_core::gate::{
    CanonicalPath, Client, Credential, Decision, Gate, PolicyState, Renewal, RequestSource,
    RequestView, Turns, decide,
};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType};

const COUNTS: [usize; 4] = [10, 100, 1_000, 10_000];
const TURNS: usize = 41;
const DECISIONS_PER_TURN: usize = 2_000;

/// Sections of a hundred pages each; the last segment of every third rule is a wildcard.
fn path(number: usize) -> String {
    format!("/section-{}/page-{number}", number / 100)
}

fn policy(count: usize) -> String {
    let rule = |number: usize| {
        let end = if number.is_multiple_of(3) { "/**" } else { "" };
        format!(
            "[[route]]\npath = \"{}{end}\"\nallow = \"public\"\n",
            path(number)
        )
    };
    let rules: String = (0..count).map(rule).collect();
    format!("version = 1\n{rules}")
}

fn decisions(state: &PolicyState, paths: &[CanonicalPath], expect: &Expectations) -> usize {
    let gate = Gate {
        policy: state,
        site: "https://site.example",
        keys: None,
        keys_are_final: true,
        expect,
        answer: None,
        seen: None,
        turns: Turns::default(),
        revocations: None,
    };
    let mut passed = 0;
    for path in paths.iter().cycle().take(DECISIONS_PER_TURN) {
        let request = RequestView {
            method: "GET",
            host: "site.example",
            path: Ok(path.clone()),
            query: None,
            credential: Credential::None,
            source: RequestSource::default(),
            client: Client::Untold,
            renewal: Renewal::Impossible,
            navigation: false,
        };
        let decision = decide(&gate, &request, UnixTime::from_seconds(0));
        passed += usize::from(matches!(black_box(decision), Decision::Forward(_)));
    }
    passed
}

fn median(mut times: Vec<u128>) -> u128 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let expect = Expectations::new("i", Audiences::Unchecked, TokenType::Access);
    let texts = COUNTS.map(policy);
    let states = texts.each_ref().map(|text| PolicyState::parse(text));
    // Spread over the whole policy, and as many for each.
    let paths = COUNTS.map(|count| {
        let asked = (0..97).map(|step| path(step * count / 97));
        let read = asked.map(|path| CanonicalPath::parse(&path).expect("a plain path"));
        read.collect::<Vec<_>>()
    });
    let mut deciding = COUNTS.map(|_| Vec::new());
    let mut reading = COUNTS.map(|_| Vec::new());
    for _ in 0..TURNS {
        for (((state, paths), text), (deciding, reading)) in states
            .iter()
            .zip(&paths)
            .zip(&texts)
            .zip(deciding.iter_mut().zip(&mut reading))
        {
            let begun = Instant::now();
            let passed = decisions(state, paths, &expect);
            deciding.push(begun.elapsed().as_nanos());
            assert_eq!(passed, DECISIONS_PER_TURN, "every rule is found");
            let begun = Instant::now();
            black_box(PolicyState::parse(text));
            reading.push(begun.elapsed().as_nanos());
        }
    }
    let figures: Vec<String> = COUNTS
        .into_iter()
        .zip(deciding.into_iter().zip(reading))
        .map(|(rules, (deciding, reading))| {
            format!(
                "{{\"rules\":{rules},\"decide\":{},\"read\":{}}}",
                median(deciding) / DECISIONS_PER_TURN as u128,
                median(reading)
            )
        })
        .collect();
    println!("[{}]", figures.join(","));
}
