//! `cargo xtask`: everything a person types more than once.

use std::process::ExitCode;

use xtask::{bench, build, coverage, dev, guard, screenshots, setup, suites};

const USAGE: &str = "\
usage: cargo xtask COMMAND
  setup                                  install what is missing
  dev [--edge-port N] [--issuer-port N] [--app-port N] [--data DIR] [--seed-password P] [--app URL] [--policy FILE] [--limits]
                                         the whole stack on this machine, with two users and a demo app
  build [edge|npm|issuer|client|pages|all]
                                         what ships
  test [SUITE…]                          every suite, or some
  coverage [ARG…]                        which lines of core its tests reach; ARG goes to cargo llvm-cov
  bench verify|gate|issuer|keys|revocation [--json]
                                         our verification, our Worker or the issuer beside its peers; how soon a sign-out is obeyed
  screenshots [DIR]                      pictures of the pages";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = args.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let outcome = match command.as_str() {
        "guard" => return guard::run(rest),
        "setup" => setup::run(rest),
        "dev" => dev::run(rest),
        "build" => build::run(rest),
        "test" => suites::run(rest),
        "screenshots" => screenshots::run(rest),
        "coverage" => coverage::run(rest),
        "bench" => bench::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => {
            eprintln!("`{other}` is no command\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
