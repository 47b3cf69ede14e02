//! `cargo xtask bench`: throughput beside peers, on this machine.
//!
//! The timing itself is done by scripts in `xtask/bench`, where the peers are at home; this module builds what they
//! measure and starts them with the pinned Node.

use crate::failure::{Failure, Outcome};
use crate::run::{check, command};
use crate::setup::{self, Need};
use crate::{build, toolchain};

/// `cargo xtask bench verify [--json]`
pub fn run(args: &[String]) -> Outcome<()> {
    let Some((name, flags)) = args.split_first() else {
        return Err(Failure::new(
            "which benchmark? `verify` is the one there is",
        ));
    };
    if let Some(unknown) = flags.iter().find(|flag| *flag != "--json") {
        return Err(Failure::new(format!(
            "`{unknown}` is no option of `bench`: --json"
        )));
    }
    match name.as_str() {
        "verify" => verify(flags),
        other => Err(Failure::new(format!(
            "no benchmark is called `{other}`: `verify` is the one there is"
        ))),
    }
}

/// Our verification beside `jose` and bare WebCrypto, inside one workerd.
fn verify(flags: &[String]) -> Outcome<()> {
    setup::prepare(Need::Package)?;
    build::npm_package()?;
    check(
        command(toolchain::node()?)
            .arg("xtask/bench/verify.mjs")
            .args(flags)
            .env("WORKERD", toolchain::workerd()?),
    )
}
