//! Runs a suite's command: its output goes on to the terminal line by line, its summaries are counted, and it ends with us.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::Limits;
use super::counts::Counts;
use super::unfinished::Unfinished;
use crate::failure::{Attempt, Failure, Outcome};
use crate::{guard, run};

/// How a command ended.
enum Ended {
    Succeeded,
    Failed,
    /// It was ended.
    Hung,
}

/// A command that is one check: it holds when the command succeeds.
pub(super) fn holds(limits: &Limits, command: &Command) -> Outcome<Counts> {
    match stream(limits, command, |_| {})? {
        Ended::Succeeded => Ok(Counts::ONE),
        Ended::Failed => Ok(Counts {
            passed: 0,
            failed: 1,
        }),
        Ended::Hung => Err(hung(command)),
    }
}

/// A command that runs tests: counts what it reports. A command that fails without reporting a failed test is one. Of a
/// command that hangs, those tests have failed that began and did not end.
pub(super) fn tests(limits: &Limits, command: &Command) -> Outcome<Counts> {
    let mut counts = Counts::default();
    let mut unfinished = Unfinished::default();
    let ended = stream(limits, command, |line| {
        counts.read_line(line);
        unfinished.read_line(line);
    })?;
    match ended {
        Ended::Succeeded => {}
        Ended::Failed => counts.failed = counts.failed.max(1),
        Ended::Hung => {
            println!("{}", hung(command));
            for name in unfinished.names() {
                println!("test {name} ... FAILED (it did not end)");
            }
            counts.failed += (unfinished.names().len() as u64).max(1);
        }
    }
    if counts == Counts::default() {
        return Err(Failure::new(format!(
            "`{}` ran no test",
            run::show(command)
        )));
    }
    Ok(counts)
}

fn hung(command: &Command) -> Failure {
    Failure::new(format!(
        "`{}` was still running at {HANGS} times its budget and was ended",
        run::show(command)
    ))
}

fn stream(limits: &Limits, command: &Command, mut read: impl FnMut(&str)) -> Outcome<Ended> {
    let shown = run::show(command);
    println!("$ {shown}");
    let what = || format!("running `{shown}`");
    let mut child = guard::around(command)?
        .stdout(Stdio::piped())
        .spawn()
        .attempt(what)?;
    let leash = child.stdin.take();
    let (finished, finishing) = mpsc::channel::<()>();
    let until = limits.until;
    let watch = thread::spawn(move || {
        let hangs = finishing
            .recv_timeout(until.saturating_duration_since(Instant::now()))
            .is_err();
        drop(leash);
        hangs
    });
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).attempt(what)? > 0 {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            read(text.trim_end());
            line.clear();
        }
    }
    let status = child.wait().attempt(what)?;
    let _ = finished.send(());
    Ok(match (status.success(), watch.join()) {
        (true, _) => Ended::Succeeded,
        (false, Ok(false)) => Ended::Failed,
        (false, _) => Ended::Hung,
    })
}

const HANGS: u32 = super::HANGS_AFTER_BUDGETS;
