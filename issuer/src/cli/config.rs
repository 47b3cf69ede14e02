//! `edgeward config`: is it right, and what is in force.

use super::{Answer, Outcome, Place, print};
use crate::{
    config::{Config, ConfigErrors, Database},
    custody::{self, Secrets},
};

/// The subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Say everything that is wrong, each with its file and line or its variable.
    Check,
    /// Print the settings in force and where each comes from. Secrets are named and not shown.
    Show,
}

pub(super) fn run(place: &Place, command: ConfigCommand) -> Outcome {
    let inputs = place.inputs();
    match command {
        ConfigCommand::Check => match Config::load(&inputs) {
            Ok(config) => check_secrets(&config),
            Err(errors) => complain(&errors),
        },
        ConfigCommand::Show => match Config::show(&inputs) {
            Ok(text) => {
                print(text.trim_end())?;
                Ok(Answer::Yes)
            }
            Err(errors) => complain(&errors),
        },
    }
}

fn check_secrets(config: &Config) -> Outcome {
    let environment = config.environment;
    let database = match &config.store.database {
        Database::File(path) => custody::judge_database(path, environment),
        // Whether a server answers is no question of settings: `edgeward migrate status` asks it.
        Database::Server(_) => Ok(()),
    };
    let unfit: Vec<String> = [
        Secrets::inspect(&config.secrets_folder(), environment),
        database,
    ]
    .into_iter()
    .filter_map(Result::err)
    .map(|error| error.to_string())
    .collect();
    if unfit.is_empty() {
        print(&format!("ok: {} ({environment})", config.issuer.url))?;
        Ok(Answer::Yes)
    } else {
        print(&unfit.join("\n"))?;
        Ok(Answer::No)
    }
}

fn complain(errors: &ConfigErrors) -> Outcome {
    print(&errors.to_string())?;
    Ok(Answer::No)
}
