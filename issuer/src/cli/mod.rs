//! The command line: parses, asks the library, prints. Results go to standard output, everything else to standard error.
//!
//! Exit codes: 0 done, 1 the answer is no (a token, a test, a name), 2 the command could not do its work as it was asked.

mod audit;
mod config;
mod custody;
mod edge;
mod events;
mod keys;
mod migrate;
mod openapi;
mod policy;
mod serve;
mod session;
mod token;
mod user;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    config::{Config, DEFAULT_DATA_FOLDER, Inputs},
    log,
};

/// Sign-in, sessions, keys and audit behind the edge.
#[derive(Debug, Parser)]
#[command(name = "edgeward", version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Which issuer a command is about.
#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", env = "EDGEWARD_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder: database, sealed keys, generated secrets.
    #[arg(long, global = true, value_name = "DIR", env = "EDGEWARD_DATA", default_value = DEFAULT_DATA_FOLDER)]
    data: PathBuf,
}

impl Place {
    fn inputs(&self) -> Inputs {
        Inputs::of_process(self.config.clone(), self.data.clone())
    }

    /// Reads the settings and starts logging by them.
    fn configure(&self) -> Result<Config, Failure> {
        self.configure_with(Vec::new())
    }

    /// The same, with what the command line says in place of settings.
    fn configure_with(&self, overruled: Vec<(&str, String)>) -> Result<Config, Failure> {
        let mut inputs = self.inputs();
        for (key, value) in overruled {
            inputs.overrule(key, value);
        }
        let config = Config::load(&inputs)?;
        log::start(&config.log);
        Ok(config)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP until SIGTERM or SIGINT.
    Serve(serve::Serve),
    /// Change the schema of the database.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Accounts.
    #[command(subcommand)]
    User(user::User),
    /// Sessions of users.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Check and revoke tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// Judge a route policy without serving it.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Judge or show the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// What operators look for: failures, locks, reuse, sizes.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// The key-encryption keys that the settings name.
    #[command(subcommand)]
    Custody(custody::CustodyCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The keys that sign: list, rotate, revoke, import, re-seal.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Enrol and revoke edges.
    #[command(subcommand)]
    Edge(edge::EdgeCommand),
    /// Print the description of the HTTP interface as OpenAPI JSON.
    Openapi,
}

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Exit code 0.
    Yes,
    /// Exit code 1.
    No,
}

/// Why a command could not do its work: exit code 2 and this text.
#[derive(Debug)]
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            // Many errors repeat their cause in their own text.
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            cause = inner.source();
        }
        Self(text)
    }
}

type Outcome = Result<Answer, Failure>;

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(Err(error.into())),
    };
    report(runtime.block_on(run(cli)))
}

async fn run(cli: Cli) -> Outcome {
    let place = &cli.place;
    match cli.command {
        Command::Serve(serve) => serve::run(place, serve).await,
        Command::Migrate(migrate) => migrate::run(place, migrate).await,
        Command::User(user) => user::run(place, user).await,
        Command::Session(session) => session::run(place, session).await,
        Command::Token(token) => token::run(place, token).await,
        Command::Policy(policy) => policy::run(policy),
        Command::Config(config) => config::run(place, config),
        Command::Events(events) => events::run(place, events).await,
        Command::Custody(custody) => custody::run(place, custody).await,
        Command::Audit(audit) => audit::run(place, audit).await,
        Command::Keys(keys) => keys::run(place, keys).await,
        Command::Edge(edge) => edge::run(place, edge).await,
        Command::Openapi => openapi::run(),
    }
}

fn report(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(Failure(text)) => {
            // With standard error closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "edgeward: {text}");
            ExitCode::from(2)
        }
    }
}

/// Prints to standard output. A closed pipe is an error like any other and not a panic.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
