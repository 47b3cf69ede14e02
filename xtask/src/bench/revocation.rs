//! `cargo xtask bench revocation`: the whole stack, and a script that signs in and out and revokes keys.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use super::peers;
use crate::build::{self, Clock};
use crate::failure::{Attempt, Outcome};
use crate::run::{check, command};
use crate::setup::{self, Need};
use crate::stack::issuer::NewUser;
use crate::stack::{Plan, Stack};
use crate::{toolchain, workspace};

/// The account of this run; the database of it is thrown away.
const USER: NewUser<'static> = NewUser {
    email: "ada@example.test",
    first_name: "Ada",
    last_name: "Example",
    password: "Correct-Horse-7-Battery",
    roles: &[],
};

/// Starts a stack for this run and has the script measure it.
pub(super) fn run(flags: &[String]) -> Outcome<()> {
    setup::prepare(Need::Stack)?;
    peers::install()?;
    let worker = build::worker(Clock::Real)?;
    let edgeward = build::issuer_dev()?;
    let folder = fresh_folder()?;
    let stack = Stack::start(&Plan::new(&folder, edgeward, worker)?)?;
    stack.issuer.add_user(&USER)?;
    check(
        command(toolchain::node()?)
            .arg("xtask/bench/revocation.mjs")
            .args(flags)
            .env("SITE", stack.site())
            .env("EMAIL", USER.email)
            .env("PASSWORD", USER.password)
            .env("OPERATOR", as_typed(&stack.issuer.command()))
            .env("WORKERD", toolchain::workerd()?),
    )
}

/// The words of a command, a line each, for a script that adds some to them.
fn as_typed(command: &Command) -> OsString {
    let words: Vec<&OsStr> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .collect();
    words.join(OsStr::new("\n"))
}

fn fresh_folder() -> Outcome<PathBuf> {
    let folder = workspace::own_target().join("bench/revocation");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).attempt(|| format!("removing {}", folder.display()))?;
    }
    Ok(folder)
}
