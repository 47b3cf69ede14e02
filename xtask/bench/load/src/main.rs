//! HTTP/1.1 load over keep-alive connections: as fast as the answers come, or by a schedule that waits for nobody.
//!
//! By the schedule (`--rate`), arrivals are a Poisson process with a fixed seed, and a latency counts from the moment at which
//! the request was due: a server that stalls is charged for everybody who came meanwhile. One thread and one epoll serve all
//! connections. The last line of the output is a JSON object; the options are in `plan.rs`.

mod answer;
mod connection;
mod drive;
mod figures;
mod plan;

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = plan::Plan::read(std::env::args().skip(1))
        .and_then(|mut plan| drive::run(&mut plan).and_then(|taken| taken.report(&plan)));
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}
