//! Tables of other systems, from which people are taken over: in a SQLite file, on a PostgreSQL server, or as CSV.
//!
//! They are read and never written, in bounded pieces. Names of tables and columns come from a file of the operator's: they
//! are quoted, looked up in the table's own catalogue first, and can be nothing but names. Values come out as text.

mod csv_file;
mod postgres;
mod sqlite;

use std::{fs::File, io::Read, path::PathBuf};

use crate::{
    config::{
        ConfigErrors, ServerUrl,
        mapping::{Field, Mapping},
    },
    domain::import::{LegacyRow, LegacyTable, Unread},
};
use csv_file::CsvFile;
use postgres::ServerTable;
use sqlite::FileTable;

/// What every SQLite file begins with.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Of a longer value no more is read: none that is this long is acceptable for any field.
const VALUE_MAX_CHARS: usize = 64 * 1024;

/// A key is shown to a person; more of it tells nobody more.
const PLACE_MAX_CHARS: usize = 64;

/// Where a table is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A SQLite file, or a CSV file; its first bytes tell.
    File(PathBuf),
    /// A PostgreSQL server.
    Server(ServerUrl),
}

/// An open table.
pub struct Table(Kind);

enum Kind {
    Csv(Box<CsvFile>),
    Lite(Box<FileTable>),
    Pg(Box<ServerTable>),
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// The file system refused.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("{place}: {source}")]
    Database {
        /// The file, or the server without its password.
        place: String,
        /// What was said.
        source: sqlx::Error,
    },
    /// The mapping does not fit the table.
    #[error(transparent)]
    Mapping(#[from] ConfigErrors),
}

impl Table {
    /// Opens a table and looks for the mapped columns.
    ///
    /// # Errors
    /// [`LegacyError`]; a mapping that names what is not there is told with its lines.
    pub async fn open(place: &Place, mapping: &Mapping) -> Result<Self, LegacyError> {
        let kind = match place {
            Place::Server(url) => Kind::Pg(Box::new(ServerTable::open(url, mapping).await?)),
            Place::File(path) => {
                let failed = |source| LegacyError::Io {
                    path: path.clone(),
                    source,
                };
                let mut beginning = Vec::new();
                File::open(path)
                    .and_then(|file| file.take(16).read_to_end(&mut beginning))
                    .map_err(failed)?;
                if beginning == SQLITE_MAGIC {
                    Kind::Lite(Box::new(FileTable::open(path, mapping).await?))
                } else {
                    Kind::Csv(Box::new(CsvFile::open(path, mapping)?))
                }
            }
        };
        Ok(Self(kind))
    }

    /// What kind it is, for the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::Csv(_) => "csv",
            Kind::Lite(_) => "sqlite",
            Kind::Pg(_) => "postgres",
        }
    }
}

impl LegacyTable for Table {
    type Error = LegacyError;

    async fn next(&mut self, most: usize) -> Result<Vec<Result<LegacyRow, Unread>>, LegacyError> {
        match &mut self.0 {
            Kind::Csv(file) => file.next(most),
            Kind::Lite(table) => table.next(most).await,
            Kind::Pg(table) => table.next(most).await,
        }
    }
}

/// A name as SQL takes it, whatever it is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The table and the key that the mapping must name for a database.
fn named(mapping: &Mapping) -> Result<(&str, &str), LegacyError> {
    let missing = |key| mapping.complain(key, "is missing, and a database needs it".to_owned());
    let table = mapping.table.as_deref().ok_or_else(|| missing("table"))?;
    let key = mapping.key.as_deref().ok_or_else(|| missing("key"))?;
    Ok((table, key))
}

/// Rows are ordered, and told to a person, by their key: it must be there, once each.
fn judge_key(mapping: &Mapping, absent: i64, repeated: i64) -> Result<(), LegacyError> {
    if absent == 0 && repeated == 0 {
        return Ok(());
    }
    let what = format!(
        "must tell the rows apart: {absent} rows have no value there, and {repeated} one that another row has"
    );
    Err(mapping.complain("key", what).into())
}

/// The value of a key as a person may see it.
fn place_of(key: &str, value: &str) -> String {
    let shown: String = value
        .chars()
        .filter(|letter| !letter.is_control())
        .take(PLACE_MAX_CHARS)
        .collect();
    format!("{key} {shown}")
}

/// A row of what the columns hold, in the order of the mapping's fields.
fn row_of(
    place: String,
    mapping: &Mapping,
    values: impl Iterator<Item = Option<String>>,
) -> LegacyRow {
    let fields = mapping.columns.keys().copied();
    let values = fields
        .zip(values)
        .filter_map(|(field, value): (Field, Option<String>)| {
            let value = value.filter(|value| !value.trim().is_empty())?;
            Some((field, value.into()))
        })
        .collect();
    LegacyRow { place, values }
}
