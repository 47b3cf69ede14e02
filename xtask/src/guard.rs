//! Long-lived programs that cannot outlive the task that started them.
//!
//! Every such program runs under a guard: this same binary, called as `xtask guard PROGRAM ARGS…`. The guard's standard
//! input is a pipe whose other end only the starting task holds. When that end closes — because the task stops the program,
//! ends, panics or is killed outright — the guard asks the program's process group to end and, after a grace, ends it. No
//! signal handler, no process id file and no `unsafe` is needed for that, and it also holds when the task gets SIGKILL.
//!
//! Guard and program have process groups of their own, so a Ctrl-C in the terminal reaches the task alone, and the task
//! decides the order in which things stop.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Attempt, Failure, Outcome};
use crate::run as commands;

/// How long a program may take to end by itself: enough to close a database, short enough for a person who waits.
const GRACE: Duration = Duration::from_secs(4);

/// How to start a program that goes on until it is stopped.
#[derive(Debug, Clone)]
pub struct Program {
    /// The name in messages and of the log file.
    pub name: &'static str,
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Additions to the environment.
    pub env: BTreeMap<String, OsString>,
    /// Where standard output and standard error go, appended.
    pub log: PathBuf,
}

/// A running program; stopped when dropped.
#[derive(Debug)]
pub struct Guarded {
    name: &'static str,
    guard: Child,
    log: PathBuf,
    /// How long the log was before this run.
    log_start: u64,
}

impl Guarded {
    /// Starts the program.
    pub fn start(program: &Program) -> Outcome<Self> {
        let what = || format!("starting {} ({})", program.name, program.path.display());
        let log = File::options()
            .create(true)
            .append(true)
            .open(&program.log)
            .attempt(what)?;
        let log_start = log.metadata().attempt(what)?.len();
        let errors = log.try_clone().attempt(what)?;
        let mut command = commands::command(&program.path);
        command.args(&program.args).envs(&program.env);
        let guard = around(&command)?
            .stdout(log)
            .stderr(errors)
            .spawn()
            .attempt(what)?;
        Ok(Self {
            name: program.name,
            guard,
            log: program.log.clone(),
            log_start,
        })
    }

    /// The name it was started under.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The file that holds everything it wrote.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<String> {
        match self.guard.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Asks it to stop without waiting.
    pub fn begin_stop(&mut self) {
        drop(self.guard.stdin.take());
    }

    /// Stops it and waits until it is gone.
    pub fn stop(&mut self) {
        self.begin_stop();
        let _ = self.guard.wait();
    }

    /// The end of what it logged since it started, for a person.
    #[must_use]
    pub fn log_tail(&self) -> String {
        const LINES: usize = 30; // because a stack's start-up fits, and a screen too
        let mut bytes = Vec::new();
        // A log that cannot be read is told like an empty one: this only decorates another failure.
        let _ = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.log_start))?;
            log.read_to_end(&mut bytes)
        });
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(LINES);
        let tail = lines.get(from..).unwrap_or_default().join("\n    ");
        format!("the end of {}:\n    {tail}", self.log.display())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The same command behind a guard: it ends when the standard input of the returned one closes.
pub fn around(command: &Command) -> Outcome<Command> {
    let mut guarded = Command::new(guard_program()?);
    guarded
        .arg("guard")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .process_group(0);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => guarded.env(name, value),
            None => guarded.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        guarded.current_dir(folder);
    }
    Ok(guarded)
}

/// The binary that can be a guard: this one if it is xtask, else the one that `XTASK_BIN` names.
fn guard_program() -> Outcome<PathBuf> {
    if let Some(given) = std::env::var_os("XTASK_BIN") {
        return Ok(PathBuf::from(given));
    }
    let this = std::env::current_exe().attempt(|| "finding this program's own path".to_owned())?;
    if this.file_stem().is_some_and(|stem| stem == "xtask") {
        return Ok(this);
    }
    if this.to_string_lossy().ends_with("xtask (deleted)") {
        return Err(Failure::new(
            "this program was built anew while it ran: start the task again",
        ));
    }
    Err(Failure::new(
        "XTASK_BIN is not set: start these tests with `cargo xtask test e2e`",
    ))
}

/// `xtask guard PROGRAM ARGS…`: runs the program until it ends or standard input does.
#[must_use]
pub fn run(args: &[String]) -> ExitCode {
    let Some((program, args)) = args.split_first() else {
        eprintln!("usage: xtask guard PROGRAM ARGS…");
        return ExitCode::from(2);
    };
    let mut child = match Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
    {
        Ok(child) => child,
        Err(error) => {
            eprintln!("{program} did not start: {error}");
            return ExitCode::from(127);
        }
    };
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (child_ended, ending) = mpsc::channel::<()>();
    thread::spawn(move || {
        let mut ignored = [0u8; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(read) if read > 0) {}
        signal(group, Signal::TERM);
        if ending.recv_timeout(GRACE).is_err() {
            signal(group, Signal::KILL);
        }
    });
    let status = child.wait();
    // What the program started and left behind goes with it.
    signal(group, Signal::KILL);
    let _ = child_ended.send(());
    match status.ok().and_then(|status| status.code()) {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    }
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The group may be gone already, which is what was wanted.
        let _ = kill_process_group(group, signal);
    }
}
