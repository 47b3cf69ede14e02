//! `edgeward config`: is it right, and what is in force.

use std::path::{self, Path};

use super::{Answer, Outcome, Place, print, user};
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
            Ok(config) => {
                for warning in config.warnings() {
                    user::eprint(&format!("warning: {warning}"))?;
                }
                check_secrets(&config, place)
            }
            Err(errors) => {
                // A mistake in a file names it; of one in a variable somebody may think that a file was read.
                if place.config.is_none() {
                    user::eprint(&format!("read {}", read_from(place)))?;
                }
                complain(&errors)
            }
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

/// Which file was read, and nothing from where.
fn read_from(place: &Place) -> String {
    match &place.config {
        Some(path) => absolute(path),
        None => "no file: there is no --config".to_owned(),
    }
}

fn absolute(path: &Path) -> String {
    let whole = path::absolute(path);
    whole.as_deref().unwrap_or(path).display().to_string()
}

fn database_of(config: &Config) -> String {
    match &config.store.database {
        Database::File(path) if path.exists() => absolute(path),
        Database::File(path) => format!("{} (not there yet)", absolute(path)),
        Database::Server(url) => url.to_string(),
    }
}

fn check_secrets(config: &Config, place: &Place) -> Outcome {
    let environment = config.environment;
    let database = match &config.store.database {
        Database::File(path) => custody::judge_database(path, environment),
        // Whether a server answers is no question of settings: `edgeward migrate status` asks it.
        Database::Server(_) => Ok(()),
    };
    let unfit: Vec<String> = [Secrets::inspect(config), database]
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect();
    if unfit.is_empty() {
        print(&format!("ok: {} ({environment})", config.issuer.url))?;
        print(&format!("file: {}", read_from(place)))?;
        print(&format!("data: {}", absolute(&config.data)))?;
        print(&format!("database: {}", database_of(config)))?;
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
