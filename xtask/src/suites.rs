//! `cargo xtask test`: every suite in order, what each may cost and did cost, and one line that says how it went.
//!
//! A suite that cannot run has failed: a missing program is installed or named, never skipped. The budget is what the suite
//! takes on a cold two-core machine with some air; a suite that takes many times that is ended, so that a hang is reported
//! by its name instead of by a machine's time limit.

mod artefacts;
mod command;
mod counts;
mod fuzz;
mod javascript;
mod room;
mod rust;
mod unfinished;
mod wasm_imports;

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::setup::{self, Need};

use counts::Counts;

/// A suite that takes this many times its budget hangs; the factor leaves room for a slow or shared machine.
const HANGS_AFTER_BUDGETS: u32 = 4;

/// One suite.
struct Suite {
    name: &'static str,
    about: &'static str,
    /// Seconds on two cold cores.
    budget: u64,
    run: Run,
}

type Run = fn(&Limits) -> Outcome<Counts>;

/// How long a command of a suite may take.
struct Limits {
    until: Instant,
}

const SUITES: &[Suite] = &[
    suite("format", 10, "rustfmt", rust::format),
    suite(
        "clippy",
        450,
        "lints, native and wasm, no warning",
        rust::clippy,
    ),
    suite("core", 160, "tokens, keys, gate, cookies", rust::core),
    suite(
        "fuzz",
        150,
        "arbitrary tokens, keys, policies, cookies, paths",
        fuzz::fuzz,
    ),
    suite(
        "bare-metal",
        40,
        "core builds without an operating system",
        rust::bare_metal,
    ),
    suite(
        "wasm-imports",
        60,
        "core's wasm asks its host for nothing",
        rust::wasm_imports,
    ),
    suite(
        "issuer",
        550,
        "sign-in, sessions, keys, audit, command line",
        rust::issuer,
    ),
    suite(
        "chaos",
        360,
        "the issuer is killed between any two steps of a refresh",
        rust::chaos,
    ),
    suite(
        "edge",
        180,
        "the pure parts of the Worker and the package",
        rust::edge,
    ),
    suite(
        "xtask",
        30,
        "this tool, and the load of the benches",
        rust::xtask,
    ),
    suite("tidy", 90, "layout, arrows, licences, links", rust::tidy),
    suite(
        "artefacts",
        360,
        "what ships has nothing for tests in it, and the Worker its size",
        artefacts::what_ships,
    ),
    suite(
        "npm",
        150,
        "the package in Node, and its types",
        javascript::npm,
    ),
    suite(
        "chromium",
        200,
        "the package and Ed25519 as wasm in headless Chromium",
        javascript::chromium,
    ),
    suite(
        "interop",
        60,
        "jose and we, both ways, three runtimes",
        javascript::interop,
    ),
    suite(
        "runtimes",
        300,
        "the packed package in six runtimes",
        javascript::runtimes,
    ),
    suite(
        "client",
        60,
        "the browser client, the demo app, the modules of the pages",
        javascript::client,
    ),
    suite(
        "e2e",
        420,
        "stories over issuer, workerd and app",
        rust::end_to_end,
    ),
    suite(
        "schema",
        120,
        "the issuer answers as its OpenAPI document says",
        rust::schema,
    ),
    suite(
        "browser",
        650,
        "a person's way through the pages, and a developer's through the quick starts",
        javascript::browser,
    ),
];

const fn suite(name: &'static str, budget: u64, about: &'static str, run: Run) -> Suite {
    Suite {
        name,
        about,
        budget,
        run,
    }
}

/// Runs the suites that are named, or all.
pub fn run(args: &[String]) -> Outcome<()> {
    let chosen = choose(args)?;
    let total: u64 = chosen.iter().map(|suite| suite.budget).sum();
    println!("{:<14} {:>8}  about", "suite", "budget");
    for &suite in &chosen {
        println!("{:<14} {:>6} s  {}", suite.name, suite.budget, suite.about);
    }
    println!(
        "{:<14} {:>6} s  with everything to compile; installing tools on a new machine comes before",
        "all", total
    );

    room::check(args.is_empty())?;
    let start = Instant::now();
    setup::prepare(Need::Test)?;
    println!("setup took {}", seconds(start.elapsed()));

    let mut results = Vec::new();
    for &suite in &chosen {
        println!("\n=== {}: {}", suite.name, suite.about);
        let start = Instant::now();
        let limit = Duration::from_secs(suite.budget) * HANGS_AFTER_BUDGETS;
        let counts = match (suite.run)(&Limits {
            until: start + limit,
        }) {
            Ok(counts) if counts == Counts::default() => {
                println!("{} ran no test", suite.name);
                Counts {
                    passed: 0,
                    failed: 1,
                }
            }
            Ok(counts) => counts,
            Err(failure) => {
                println!("{} could not run: {failure}", suite.name);
                Counts {
                    passed: 0,
                    failed: 1,
                }
            }
        };
        let took = start.elapsed();
        println!("=== {}: {} in {}", suite.name, counts.tell(), seconds(took));
        results.push((suite, counts, took));
    }
    summary(&results, start.elapsed());
    let mut all = Counts::default();
    for (_, counts, _) in &results {
        all.add(*counts);
    }
    println!("{}", all.tell());
    // The line above is the last; a message after it would only repeat it.
    if all.failed == 0 {
        Ok(())
    } else {
        std::process::exit(1)
    }
}

fn choose(args: &[String]) -> Outcome<Vec<&'static Suite>> {
    if args.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let names = || {
        SUITES
            .iter()
            .map(|suite| suite.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    if let Some(unknown) = args
        .iter()
        .find(|name| !SUITES.iter().any(|suite| suite.name == **name))
    {
        return Err(Failure::new(format!(
            "no suite is called `{unknown}`: {}",
            names()
        )));
    }
    Ok(SUITES
        .iter()
        .filter(|suite| args.iter().any(|name| name == suite.name))
        .collect())
}

fn summary(results: &[(&Suite, Counts, Duration)], total: Duration) {
    println!(
        "\n{:<14} {:>8} {:>8} {:>7} {:>7}",
        "suite", "took", "budget", "passed", "failed"
    );
    for (suite, counts, took) in results {
        let over = if *took > Duration::from_secs(suite.budget) {
            "  over budget"
        } else {
            ""
        };
        println!(
            "{:<14} {:>8} {:>6} s {:>7} {:>7}{over}",
            suite.name,
            seconds(*took),
            suite.budget,
            counts.passed,
            counts.failed,
        );
    }
    println!("{:<14} {:>8}", "all", seconds(total));
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
