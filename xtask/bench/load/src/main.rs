//! HTTP/1.1 load over keep-alive connections: as fast as the answers come, or by a schedule that waits for nobody.
//!
//! By the schedule (`--rate`), arrivals are a Poisson process with a fixed seed, and a latency counts from the moment at which
//! the request was due: a server that stalls is charged for everybody who came meanwhile, also for those whom the end of the
//! time found waiting, who are still asked for (`schedule.rs`). One thread and one epoll serve all connections. The last line of
//! the output is a JSON object; the options are in `plan.rs`.
//!
//! `load disk` asks the disk by the same schedule, and no server at all; see `disk.rs`.

mod answer;
mod arrivals;
mod connection;
mod disk;
mod drive;
mod figures;
mod options;
mod plan;
mod schedule;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    let taken = match args.next_if(|first| first == "disk") {
        Some(_) => disk::run(args),
        None => asked(args),
    };
    match taken {
        Ok(taken) => {
            println!("{}", taken.report());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Asks a server.
fn asked(args: impl Iterator<Item = String>) -> Result<figures::Taken, String> {
    let mut plan = plan::Plan::read(args)?;
    let taken = drive::run(&mut plan)?;
    taken.keep(&plan)?;
    Ok(taken)
}
