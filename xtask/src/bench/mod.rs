//! `cargo xtask bench`: throughput beside peers, on this machine.
//!
//! The timing itself is done by scripts in `xtask/bench`, where most peers are at home; this module builds what they measure
//! and starts them with the pinned Node. What only the bench needs is installed and built only for it.

mod keys;
mod peers;
mod revocation;

use std::path::PathBuf;

use crate::build::{self, Clock};
use crate::failure::{Failure, Outcome};
use crate::run::{check, command};
use crate::setup::{self, Need};
use crate::toolchain;

/// `cargo xtask bench verify|gate|issuer|keys|revocation [--json]`
pub fn run(args: &[String]) -> Outcome<()> {
    let Some((name, flags)) = args.split_first() else {
        return Err(Failure::new(
            "which benchmark? verify, gate, issuer, keys or revocation",
        ));
    };
    if let Some(unknown) = flags.iter().find(|flag| *flag != "--json") {
        return Err(Failure::new(format!(
            "`{unknown}` is no option of `bench`: --json"
        )));
    }
    match name.as_str() {
        "verify" => verify(flags),
        "gate" => gate(flags),
        "issuer" => issuer(flags),
        "keys" => keys::run(flags),
        "revocation" => revocation::run(flags),
        other => Err(Failure::new(format!(
            "no benchmark is called `{other}`: verify, gate, issuer, keys or revocation"
        ))),
    }
}

/// Our verification beside the peers', in workerd, in Node and natively; and one figure of [`gate`].
fn verify(flags: &[String]) -> Outcome<()> {
    prepare()?;
    peers::install()?;
    measure(
        "xtask/bench/verify.mjs",
        flags,
        &[("PEER", peers::native()?)],
    )
}

/// Our Worker beside the same gate written with jose, and beside Workers that gate nothing.
fn gate(flags: &[String]) -> Outcome<()> {
    prepare()?;
    let built = [
        ("PEER", peers::ungated_worker()?),
        ("RULES", peers::rules()?),
    ];
    measure("xtask/bench/gate.mjs", flags, &built)
}

/// The issuer beside oidc-provider and better-auth.
fn issuer(flags: &[String]) -> Outcome<()> {
    setup::prepare(Need::Npm)?;
    peers::install()?;
    let issuer = build::issuer_release()?;
    let fill = build::issuer_example("fill")?;
    let load = peers::load()?;
    check(
        command(toolchain::node()?)
            .arg("xtask/bench/issuer.mjs")
            .args(flags)
            .env("ISSUER", issuer)
            .env("FILL", fill)
            .env("LOAD", load),
    )
}

/// Builds what is ours.
fn prepare() -> Outcome<()> {
    setup::prepare(Need::Stack)?;
    setup::prepare(Need::Package)?;
    build::npm_package()?;
    build::worker(Clock::Real).map(drop)
}

/// Runs a script; it finds what was built for it in variables.
fn measure(script: &str, flags: &[String], built: &[(&str, PathBuf)]) -> Outcome<()> {
    check(
        command(toolchain::node()?)
            .arg(script)
            .args(flags)
            .env("WORKERD", toolchain::workerd()?)
            .envs(built.iter().map(|(name, path)| (*name, path))),
    )
}
