//! A guarded program ends when the one who started it lets go, and takes with it what it started.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Far beyond the grace that a guard gives; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    guard: Child,
    /// The lines that the program writes. It ends when nobody holds the other end any more: not the program, and not what
    /// it started.
    output: Receiver<String>,
}

/// Runs a shell script behind a guard.
fn start(script: &str) -> Running {
    let mut guard = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["guard", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(guard.stdout.take().unwrap()).lines();
    let (write, output) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = write.send(line);
        }
    });
    Running { guard, output }
}

impl Running {
    fn line(&self) -> Option<String> {
        match self.output.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("something of the program still runs"),
        }
    }

    fn let_go(&mut self) {
        drop(self.guard.stdin.take());
    }

    fn code(&mut self) -> Option<i32> {
        self.guard.wait().unwrap().code()
    }
}

#[test]
fn a_program_may_end_in_its_own_way() {
    let mut running =
        start("trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 0.01; done");
    assert_eq!(running.line().as_deref(), Some("up"));
    running.let_go();
    assert_eq!(running.line().as_deref(), Some("asked"));
    assert_eq!(running.line(), None);
    assert_eq!(running.code(), Some(7));
}

#[test]
fn a_program_that_does_not_listen_is_ended_with_all_it_started() {
    let mut running = start("trap '' TERM; sleep 1000 & echo up; while :; do sleep 0.01; done");
    assert_eq!(running.line().as_deref(), Some("up"));
    running.let_go();
    assert_eq!(running.line(), None);
    assert_ne!(running.code(), Some(0));
}

#[test]
fn what_a_program_leaves_behind_ends_with_it_and_its_code_is_told() {
    let mut running = start("sleep 1000 & exit 3");
    assert_eq!(running.line(), None);
    assert_eq!(running.code(), Some(3));
}

#[test]
fn a_program_that_does_not_exist_is_a_failure() {
    let status = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["guard", "/no/such/program"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(127));
}
