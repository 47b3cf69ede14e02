//! Runs one program to its end, with the path of the pinned tools, from the root of the checkout.
//!
//! Long-lived programs are not started here: see [`crate::guard`].

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Attempt, Failure, Outcome};
use crate::{toolchain, workspace};

/// A command that runs in the root of the checkout and finds the pinned tools first.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(workspace::root())
        .env("PATH", toolchain::search_path())
        .env("WRANGLER_SEND_METRICS", "false")
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .stdin(Stdio::null());
    command
}

/// The cargo that started this task.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set by the cargo around this task for this package; a build inside must not see them.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        cargo.env_remove(name);
    }
    cargo
}

/// Runs to the end; an exit code other than 0 is a failure that shows the command.
pub fn check(command: &mut Command) -> Outcome<()> {
    let shown = show(command);
    let status = command.status().attempt(|| format!("starting `{shown}`"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("`{shown}` failed with {status}")))
    }
}

/// Runs to the end and returns what was written to standard output.
pub fn output(command: &mut Command) -> Outcome<String> {
    let shown = show(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .attempt(|| format!("starting `{shown}`"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::new(format!(
            "`{shown}` failed with {}",
            output.status
        )))
    }
}

/// The command as a person would type it, with paths of the checkout shortened.
#[must_use]
pub fn show(command: &Command) -> String {
    let root = workspace::root();
    let short = |part: &OsStr| {
        let path = Path::new(part);
        path.strip_prefix(&root).map_or_else(
            |_| part.to_string_lossy().into_owned(),
            |rest| rest.display().to_string(),
        )
    };
    let parts = std::iter::once(command.get_program()).chain(command.get_args());
    parts.map(short).collect::<Vec<_>>().join(" ")
}
