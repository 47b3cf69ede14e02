//! One SQL text for both databases: a statement with its values, and rows that are read alike.
//!
//! The texts use `$1` placeholders and only what SQLite and PostgreSQL mean the same by. Columns are text, 64-bit
//! integers and bytes, so three kinds of values are all there is. Where the two must differ, it is in the migrations.

use std::future::Future;

use edgeward_core::time::UnixTime;
use sqlx::{
    Decode, PgConnection, PgPool, Postgres, Row as _, Sqlite, SqliteConnection, Type,
    postgres::PgRow, sqlite::SqliteRow,
};

use super::{readers::FileReaders, stopwatch::wait};
use crate::domain::storage::StorageError;

/// What stands for a placeholder. `None` is NULL, which PostgreSQL wants to know the type of.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty => $kind:ident($value:ident) $made:expr;)+) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$kind($made)
            }
        }
    )+};
}

value_from! {
    String => Text(text) Some(text);
    &String => Text(text) Some(text.clone());
    &str => Text(text) Some(text.to_owned());
    Option<String> => Text(text) text;
    Option<&str> => Text(text) text.map(str::to_owned);
    i64 => Integer(number) Some(number);
    Option<i64> => Integer(number) number;
    UnixTime => Integer(time) Some(time.seconds());
    Option<UnixTime> => Integer(time) time.map(UnixTime::seconds);
    &[u8] => Bytes(bytes) Some(bytes.to_vec());
    Option<&[u8]> => Bytes(bytes) bytes.map(<[u8]>::to_vec);
    &[u8; 32] => Bytes(bytes) Some(bytes.to_vec());
    Option<&[u8; 32]> => Bytes(bytes) bytes.map(|bytes| bytes.to_vec());
    Vec<u8> => Bytes(bytes) Some(bytes);
}

/// A statement with the values of its placeholders, for either database.
#[derive(Debug, Clone)]
#[must_use]
pub(crate) struct Statement {
    text: &'static str,
    values: Vec<Value>,
}

/// Begins a statement. The text is part of the program: nothing from outside can become SQL.
pub(crate) const fn sql(text: &'static str) -> Statement {
    Statement {
        text,
        values: Vec::new(),
    }
}

/// The statement as the library's query; the two differ in their types only.
macro_rules! query {
    ($statement:expr) => {{
        let Statement { text, values } = $statement;
        let mut query = sqlx::query(text);
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

impl Statement {
    /// The value of the next placeholder.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it and answers how many rows it changed.
    pub(crate) async fn execute(self, on: &mut impl Writes) -> Result<u64, StorageError> {
        let done = wait(async {
            match on.connection() {
                Connection::Lite(one) => query!(self).execute(one).await.map(|d| d.rows_affected()),
                Connection::Pg(one) => query!(self).execute(one).await.map(|d| d.rows_affected()),
            }
        });
        let done = done.await;
        done.map_err(|error| on.refused(error))
    }

    /// Every row.
    pub(crate) async fn all(self, on: impl Reads) -> Result<Vec<Row>, StorageError> {
        wait(on.all(self)).await
    }

    /// The row, where there is at most one.
    pub(crate) async fn optional(self, on: impl Reads) -> Result<Option<Row>, StorageError> {
        wait(on.optional(self)).await
    }
}

/// The connections that can only read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Readers<'s> {
    Lite(&'s FileReaders),
    Pg(&'s PgPool),
}

/// A connection that may write.
pub(crate) enum Connection<'c> {
    Lite(&'c mut SqliteConnection),
    Pg(&'c mut PgConnection),
}

/// What a changing statement runs on: a write transaction, or bookkeeping.
pub(crate) trait Writes: Send {
    fn connection(&mut self) -> Connection<'_>;

    /// What the database said, in the words of this program. That there was no room is noted, whoever asked.
    fn refused(&self, error: sqlx::Error) -> StorageError;
}

/// What a reading statement runs on: the readers, or a transaction that reads what it writes.
pub(crate) trait Reads: Send {
    fn all(
        self,
        statement: Statement,
    ) -> impl Future<Output = Result<Vec<Row>, StorageError>> + Send;

    fn optional(
        self,
        statement: Statement,
    ) -> impl Future<Output = Result<Option<Row>, StorageError>> + Send;
}

impl Reads for Readers<'_> {
    async fn all(self, statement: Statement) -> Result<Vec<Row>, StorageError> {
        Ok(match self {
            Self::Lite(readers) => lite_rows(
                readers
                    .with(async |one| query!(statement).fetch_all(one).await)
                    .await?,
            ),
            Self::Pg(pool) => pg_rows(query!(statement).fetch_all(pool).await?),
        })
    }

    async fn optional(self, statement: Statement) -> Result<Option<Row>, StorageError> {
        Ok(match self {
            Self::Lite(readers) => readers
                .with(async |one| query!(statement).fetch_optional(one).await)
                .await?
                .map(Row::Lite),
            Self::Pg(pool) => query!(statement).fetch_optional(pool).await?.map(Row::Pg),
        })
    }
}

impl<W: Writes> Reads for &mut W {
    async fn all(self, statement: Statement) -> Result<Vec<Row>, StorageError> {
        let rows = match self.connection() {
            Connection::Lite(one) => query!(statement).fetch_all(one).await.map(lite_rows),
            Connection::Pg(one) => query!(statement).fetch_all(one).await.map(pg_rows),
        };
        rows.map_err(|error| self.refused(error))
    }

    async fn optional(self, statement: Statement) -> Result<Option<Row>, StorageError> {
        let row = match self.connection() {
            Connection::Lite(one) => {
                let row = query!(statement).fetch_optional(one).await;
                row.map(|row| row.map(Row::Lite))
            }
            Connection::Pg(one) => {
                let row = query!(statement).fetch_optional(one).await;
                row.map(|row| row.map(Row::Pg))
            }
        };
        row.map_err(|error| self.refused(error))
    }
}

fn lite_rows(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Lite).collect()
}

fn pg_rows(rows: Vec<PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Pg).collect()
}

/// A row of either database.
pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

impl Row {
    /// The value of a column; a NULL only where an `Option` is asked for.
    pub(crate) fn get<'r, T>(&'r self, column: &'static str) -> Result<T, StorageError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        let found = match self {
            Self::Lite(row) => row.try_get(column),
            Self::Pg(row) => row.try_get(column),
        };
        found.map_err(|error| {
            if matches!(error, sqlx::Error::ColumnDecode { .. }) {
                StorageError::Unreadable(column)
            } else {
                error.into()
            }
        })
    }

    /// A column of whole seconds.
    pub(crate) fn time(&self, column: &'static str) -> Result<UnixTime, StorageError> {
        self.get(column).map(UnixTime::from_seconds)
    }

    /// A column of whole seconds that may be NULL.
    pub(crate) fn optional_time(
        &self,
        column: &'static str,
    ) -> Result<Option<UnixTime>, StorageError> {
        let seconds: Option<i64> = self.get(column)?;
        Ok(seconds.map(UnixTime::from_seconds))
    }
}
