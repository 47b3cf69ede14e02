//! Runs the binary `edgeward` as a person would.

#![allow(dead_code, reason = "each suite uses its part")]

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// `edgeward` over a data folder, without the environment of the test.
pub(crate) fn edgeward(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeward"));
    command
        .env_clear()
        .current_dir(data)
        .arg("--data")
        .arg(data.join("data"));
    command
}

/// What a run left: exit code, standard output, standard error.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs to the end with this standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that refuses its options does not read; it is no failure of the test.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}
