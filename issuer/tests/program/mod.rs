//! Runs the binary `edgeward` as a person would.

#![allow(dead_code, reason = "each suite uses its part")]

pub(crate) mod served;
pub(crate) mod shell;

use std::{
    env,
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longer than anything takes that comes at all, on however busy a machine. A wait without an end would keep to itself which
/// test it is that waits.
pub(crate) const NEVER: Duration = Duration::from_secs(240);

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

/// Runs one test of this program in a process of its own, where it has to pass.
pub(crate) fn pass_in_own_process(name: &str, variables: &[(&str, &OsStr)]) -> Ran {
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", name, "--nocapture"]);
    let ran = run(again.envs(variables.iter().copied()), b"");
    assert!(
        ran.code == Some(0) && ran.out.contains("1 passed"),
        "{:?}\n{}\n{}",
        ran.code,
        ran.out,
        ran.err
    );
    ran
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
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let pid = child.id().to_string();
    let (ended, ends) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let Ok(output) = ends.recv_timeout(NEVER) else {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        panic!("it does not end: {command:?}");
    };
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    writer.join().unwrap();
    Ran {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}
