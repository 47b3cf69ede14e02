//! `cargo xtask screenshots [DIR]`: pictures of every page, wide and narrow, for a look before a page is changed or shown.
//!
//! The pictures are for people; nothing compares them.

use std::path::{Path, PathBuf};

use crate::build::{self, Clock};
use crate::failure::{Failure, Outcome};
use crate::run::{check, command};
use crate::setup::{self, Need};
use crate::stack::issuer::NewUser;
use crate::stack::{Plan, Stack};
use crate::{toolchain, workspace};

/// Meets the default policy; the account lives as long as the pictures take.
const PASSWORD: &str = "Only-For-1-Picture";

/// Starts a stack, photographs it, and stops it.
pub fn run(args: &[String]) -> Outcome<()> {
    let folder = match args {
        [] => workspace::own_target().join("screenshots"),
        [folder] => std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from(folder)),
        _ => return Err(Failure::new("usage: cargo xtask screenshots [DIR]")),
    };
    setup::prepare(Need::Test)?;
    build::client()?;
    let data = workspace::own_target().join("screenshots-data");
    let _ = std::fs::remove_dir_all(&data);
    let plan = Plan::new(&data, build::issuer_dev()?, build::worker(Clock::Real)?)?;
    let stack = Stack::start(&plan)?;
    stack.issuer.add_user(&NewUser {
        email: "user@example.test",
        first_name: "Uri",
        last_name: "User",
        password: PASSWORD,
        roles: &[],
    })?;
    photograph(stack.site(), &folder)?;
    stack.stop();
    println!("pictures in {}", folder.display());
    Ok(())
}

fn photograph(site: &str, folder: &Path) -> Outcome<()> {
    let chromium = toolchain::chromium();
    let chromium = chromium.ok_or_else(|| Failure::new("Chromium is not installed"))?;
    let mut camera = command(toolchain::node()?);
    camera.arg("xtask/screenshots.mjs").arg(folder);
    camera.env("SITE", site).env("CHROMIUM", chromium);
    camera
        .env("EMAIL", "user@example.test")
        .env("PASSWORD", PASSWORD);
    check(&mut camera)
}
