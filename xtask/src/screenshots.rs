//! `cargo xtask screenshots [DIR]`: pictures of every page and letter, in every language and theme, wide and narrow, for a look before
//! something is changed or shown.
//!
//! The pictures are for people; nothing compares them.

use std::path::{Path, PathBuf};

use crate::build::{self, Clock};
use crate::failure::{Attempt, Failure, Outcome};
use crate::run::{check, command};
use crate::setup::{self, Need};
use crate::{toolchain, workspace};

/// Starts sites, photographs them, and stops them.
pub fn run(args: &[String]) -> Outcome<()> {
    let folder = match args {
        [] => workspace::own_target().join("screenshots"),
        [folder] => std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from(folder)),
        _ => return Err(Failure::new("usage: cargo xtask screenshots [DIR]")),
    };
    setup::prepare(Need::Test)?;
    // The sites are those of `cargo xtask dev`; what it needs is built here, where its output is seen.
    build::client()?;
    build::worker(Clock::Real)?;
    build::issuer_dev()?;
    photograph(&folder)?;
    println!("pictures in {}", folder.display());
    Ok(())
}

fn photograph(folder: &Path) -> Outcome<()> {
    let chromium = toolchain::chromium();
    let chromium = chromium.ok_or_else(|| Failure::new("Chromium is not installed"))?;
    let this = std::env::current_exe().attempt(|| "finding this program's own path".to_owned())?;
    let mut camera = command(toolchain::node()?);
    camera.arg("xtask/screenshots.mjs").arg(folder);
    camera.env("XTASK_BIN", this).env("CHROMIUM", chromium);
    check(&mut camera)
}
