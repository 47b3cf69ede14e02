//! The binary `edgeward`: a command line around the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    edgeward_issuer::cli::main()
}
