//! `edgeward user import`: people from another system's table.

use std::{
    env,
    fs::File,
    io::{self, Read, Write},
    path::{self, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    super::{Answer, Failure, Outcome, Place, print},
    eprint,
};
use crate::{
    clock::Clock,
    config::{Config, Database, ServerUrl, mapping::Mapping},
    connect_store,
    domain::import::{self, Tally, Target},
    open_store,
    store::{
        Store,
        legacy::{self, Table},
    },
};

/// The most that is read of a file with an address.
const ADDRESS_MAX_BYTES: u64 = 4096;

/// The options of `user import`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("from").required(true))]
pub(in crate::cli) struct Import {
    /// A SQLite file, a CSV file, or postgres://name@host/database without a password.
    #[arg(value_name = "SOURCE", group = "from")]
    source: Option<String>,
    /// A file with the address of a PostgreSQL server, which may hold a password.
    #[arg(long, value_name = "FILE", group = "from")]
    source_file: Option<PathBuf>,
    /// The environment variable with such an address.
    #[arg(long, value_name = "VARIABLE", group = "from")]
    source_env: Option<String>,
    /// Says which column holds what.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// Tell what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(place: &Place, import: Import) -> Outcome {
    let config = place.configure()?;
    let mapping = Mapping::load(&import.mapping)?;
    let source = source(&import)?;
    let mut table = Table::open(&source, &mapping).await?;
    let store = if import.dry_run {
        existing(&config).await?
    } else {
        Some(open_store(&config).await?)
    };
    let into = match &store {
        Some(store) if !import.dry_run => Target::Database(store),
        dry => Target::Nothing(dry.as_ref()),
    };
    let mut told = Ok(());
    let tell = |place: &str, why: &str| {
        if told.is_ok() {
            told = writeln!(io::stdout(), "{place}: {why}");
        }
    };
    let kind = table.kind();
    let tally = import::run(&mapping, kind, &mut table, into, Clock.now(), tell).await;
    if let Some(store) = &store {
        store.close().await;
    }
    told?;
    let tally = tally?;
    print(&summary(&tally, import.dry_run))?;
    Ok(if tally.faulty == 0 {
        Answer::Yes
    } else {
        Answer::No
    })
}

/// The database as it is: a dry run makes none and changes none. Where there is none, or none with a schema yet, nobody is
/// known.
async fn existing(config: &Config) -> Result<Option<Store>, Failure> {
    if let Database::File(path) = &config.store.database
        && !path.exists()
    {
        let place = path::absolute(path);
        let place = place.as_deref().unwrap_or(path).display();
        eprint(&format!(
            "there is no database at {place}, so nobody is known: an import would make one"
        ))?;
        return Ok(None);
    }
    let store = connect_store(config).await?;
    let steps = store.migration_status().await?;
    if steps.iter().any(|step| step.applied) {
        return Ok(Some(store));
    }
    let place = store.place().to_owned();
    store.close().await;
    eprint(&format!(
        "{place}: there are no tables yet, so nobody is known: an import would make them"
    ))?;
    Ok(None)
}

fn source(import: &Import) -> Result<legacy::Place, Failure> {
    let server = |text: &str, named: &str| match ServerUrl::parse(text) {
        Ok(url) => Ok(legacy::Place::Server(url)),
        Err(wrong) => Err(Failure(format!("{named}: {wrong}"))),
    };
    match import {
        Import {
            source_file: Some(path),
            ..
        } => {
            let mut text = Zeroizing::new(String::new());
            let read = File::open(path)
                .and_then(|file| file.take(ADDRESS_MAX_BYTES).read_to_string(&mut text));
            let named = path.display().to_string();
            read.map_err(|error| Failure(format!("{named}: {error}")))?;
            server(&text, &named)
        }
        Import {
            source_env: Some(name),
            ..
        } => match env::var(name) {
            Ok(text) => server(&Zeroizing::new(text), name),
            Err(_) => Err(Failure(format!("{name}: there is no such variable"))),
        },
        Import {
            source: Some(text), ..
        } if ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme)) =>
        {
            let found = server(text, "SOURCE")?;
            match &found {
                legacy::Place::Server(url) if url.has_password() => Err(Failure(
                    "SOURCE holds a password, which every user of this machine can see in the list of processes: use --source-file or --source-env"
                        .to_owned(),
                )),
                legacy::Place::Server(_) | legacy::Place::File(_) => Ok(found),
            }
        }
        Import {
            source: Some(path), ..
        } => Ok(legacy::Place::File(path.into())),
        Import { source: None, .. } => Err(Failure("name a source".to_owned())),
    }
}

fn summary(tally: &Tally, dry_run: bool) -> String {
    let Tally {
        imported,
        known,
        disabled,
        unverified,
        faulty,
    } = tally;
    let taken = if dry_run { "to import" } else { "imported" };
    [
        (taken, imported),
        ("known", known),
        ("disabled", disabled),
        ("unverified", unverified),
        ("faulty", faulty),
    ]
    .map(|(what, count)| format!("{what:<12}{count}"))
    .join("\n")
}
