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
    let fit = Secrets::inspect(&config.secrets_folder(), environment).and_then(|()| {
        match &config.store.database {
            Database::File(path) => custody::judge_database(path, environment),
            // Whether a server answers is no question of settings: `edgeward migrate status` asks it.
            Database::Server(_) => Ok(()),
        }
    });
    match fit {
        Ok(()) => {
            print(&format!(
                "ok: {} ({})",
                config.issuer.url, config.environment
            ))?;
            Ok(Answer::Yes)
        }
        Err(error) => {
            print(&error.to_string())?;
            Ok(Answer::No)
        }
    }
}

fn complain(errors: &ConfigErrors) -> Outcome {
    print(&errors.to_string())?;
    Ok(Answer::No)
}
