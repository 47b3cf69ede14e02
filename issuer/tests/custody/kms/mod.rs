//! Private keys sealed in AWS KMS, and keys that sign there. The KMS is moto's, and a script of the published interface where moto
//! has none of it: Ed25519, and everything that goes wrong. KMS itself was never asked.

mod failures;
pub(crate) mod moto;
mod script;
mod sealing;
mod serving;
mod signing;
mod signs;

use std::{env, ffi::OsStr};

use crate::program::pass_in_own_process;

/// Credentials that no service knows. The last is part of temporary ones only.
pub(crate) const CREDENTIALS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEDGEWARDTEST"),
    ("AWS_SECRET_ACCESS_KEY", "s3cret-access-key"),
    ("AWS_SESSION_TOKEN", "s3cret-session-token"),
    // Nobody is to look for a machine of EC2 around the one that runs the tests.
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// What is secret in them.
pub(crate) const SECRETS: [&str; 2] = ["s3cret-access-key", "s3cret-session-token"];

/// Whether this is the process of its own of a test, which has [`CREDENTIALS`] in its environment; elsewhere starts it and waits
/// until it has passed.
pub(crate) fn is_own_process(module: &str, test: &str) -> bool {
    const MARK: &str = "EDGEWARD_TEST_OWN_PROCESS";
    if env::var_os(MARK).is_some() {
        return true;
    }
    let (_, module) = module.split_once("::").unwrap();
    let mut variables = vec![(MARK, OsStr::new("1"))];
    variables.extend(CREDENTIALS.map(|(name, value)| (name, OsStr::new(value))));
    let ran = pass_in_own_process(&format!("{module}::{test}"), &variables);
    for secret in SECRETS {
        assert!(
            !ran.out.contains(secret) && !ran.err.contains(secret),
            "{ran:?}"
        );
    }
    false
}
