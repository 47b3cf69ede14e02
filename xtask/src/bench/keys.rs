//! `cargo xtask bench keys`: a program of the issuer's that asks SoftHSM and stand-ins of KMS and of a transit engine, and the issuer beside oidc-provider.

use super::peers;
use crate::build;
use crate::failure::Outcome;
use crate::run::{check, command};
use crate::setup::{self, Need};
use crate::toolchain;

/// Builds what is measured and has the script measure it.
pub(super) fn run(flags: &[String]) -> Outcome<()> {
    setup::prepare(Need::Npm)?;
    setup::softhsm()?;
    setup::python_packages()?;
    peers::install()?;
    let issuer = build::issuer_release()?;
    let fill = build::issuer_example("fill")?;
    let keys = build::issuer_example("keys")?;
    let load = peers::load()?;
    check(
        command(toolchain::node()?)
            .arg("xtask/bench/keys.mjs")
            .args(flags)
            .env("ISSUER", issuer)
            .env("FILL", fill)
            .env("KEYS", keys)
            .env("LOAD", load)
            .env("SOFTHSM", toolchain::SOFTHSM)
            .env("PYTHON", toolchain::python_folder().join("bin/python"))
            // The KMS of the tests.
            .env("MOTO", "issuer/tests/custody/kms/server.py"),
    )
}
