//! Runs a suite's command: its output goes on to the terminal line by line, its summaries are counted, and it ends with us.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::Limits;
use super::counts::Counts;
use crate::failure::{Attempt, Failure, Outcome};
use crate::{guard, run};

/// A command that is one check: it holds when the command succeeds.
pub(super) fn holds(limits: &Limits, command: &Command) -> Outcome<Counts> {
    Ok(if stream(limits, command, |_| {})? {
        Counts::ONE
    } else {
        Counts {
            passed: 0,
            failed: 1,
        }
    })
}

/// A command that runs tests: counts what it reports. A command that fails without reporting a failed test is one.
pub(super) fn tests(limits: &Limits, command: &Command) -> Outcome<Counts> {
    let mut counts = Counts::default();
    let succeeded = stream(limits, command, |line| counts.read_line(line))?;
    if !succeeded && counts.failed == 0 {
        counts.failed = 1;
    }
    if counts == Counts::default() {
        return Err(Failure::new(format!(
            "`{}` ran no test",
            run::show(command)
        )));
    }
    Ok(counts)
}

fn stream(limits: &Limits, command: &Command, mut read: impl FnMut(&str)) -> Outcome<bool> {
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
    if watch.join().unwrap_or(true) && !status.success() {
        return Err(Failure::new(format!(
            "`{shown}` was still running at {HANGS} times its budget and was ended"
        )));
    }
    Ok(status.success())
}

const HANGS: u32 = super::HANGS_AFTER_BUDGETS;
