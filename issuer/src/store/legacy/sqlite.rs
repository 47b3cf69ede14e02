//! A table in a SQLite file of another system, opened for reading only.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Row, SqliteConnection, TypeInfo, ValueRef,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{LegacyError, VALUE_MAX_CHARS, judge_key, named, place_of, quoted, row_of};
use crate::{
    config::mapping::Mapping,
    domain::import::{LegacyRow, Unread},
    store::{BUSY_TIMEOUT, sql::Value},
};

/// The table, read in the order of its key.
pub(super) struct FileTable {
    connection: SqliteConnection,
    mapping: Mapping,
    place: String,
    key: String,
    table: String,
    /// The key of the last row that was read.
    after: Option<Value>,
}

impl FileTable {
    pub(super) async fn open(path: &Path, mapping: &Mapping) -> Result<Self, LegacyError> {
        let place = path.display().to_string();
        let failed = |source| LegacyError::Database {
            place: place.clone(),
            source,
        };
        if mapping.schema.is_some() {
            let what = "must be left out: a SQLite file has no schemas".to_owned();
            return Err(mapping.complain("schema", what).into());
        }
        let (table, key) = named(mapping)?;
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .connect()
            .await
            .map_err(failed)?;
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_xinfo($1) WHERE hidden <> 1")
                .bind(table)
                .fetch_all(&mut connection)
                .await
                .map_err(failed)?;
        if columns.is_empty() {
            let what = "there is no such table".to_owned();
            return Err(mapping.complain("table", what).into());
        }
        mapping.judge_columns(&columns)?;
        // With the table's name before it, a quoted name is never taken for a text.
        let (key_name, key, table) = (key, format!("t.{}", quoted(key)), quoted(table));
        let text = format!(
            "SELECT count(*) - count({key}), count({key}) - count(DISTINCT {key}) FROM {table} AS t"
        );
        let (absent, repeated) = sqlx::query_as(AssertSqlSafe(text))
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        judge_key(mapping, absent, repeated)?;
        let text = format!(
            "SELECT count(*) FROM {table} AS t WHERE typeof({key}) NOT IN ('integer', 'text', 'blob')"
        );
        let fractions: i64 = sqlx::query_scalar(AssertSqlSafe(text))
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        if fractions > 0 {
            let what = format!("{key_name} holds fractions, which have no exact order");
            return Err(mapping.complain("key", what).into());
        }
        Ok(Self {
            connection,
            mapping: mapping.clone(),
            place,
            key,
            table,
            after: None,
        })
    }

    pub(super) async fn next(
        &mut self,
        most: usize,
    ) -> Result<Vec<Result<LegacyRow, Unread>>, LegacyError> {
        let (key, table) = (&self.key, &self.table);
        let names: Vec<String> = self
            .mapping
            .columns
            .values()
            .map(|name| as_text(&format!("t.{}", quoted(name))))
            .collect();
        let rest = if self.after.is_some() {
            format!("WHERE {key} > $1")
        } else {
            String::new()
        };
        let text = format!(
            "SELECT {key}, {}, {} FROM {table} AS t {rest} ORDER BY {key} LIMIT {most}",
            as_text(key),
            names.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        if let Some(after) = &self.after {
            query = match after.clone() {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        let read = query.fetch_all(&mut self.connection).await;
        let failed = |source| LegacyError::Database {
            place: self.place.clone(),
            source,
        };
        let rows = read.map_err(failed)?;
        if let Some(last) = rows.last() {
            self.after = Some(key_of(last).map_err(failed)?);
        }
        Ok(rows.iter().map(|row| self.row(row)).collect())
    }

    fn row(&self, row: &SqliteRow) -> Result<LegacyRow, Unread> {
        let key_name = self.mapping.key.as_deref().unwrap_or_default();
        // A TEXT column may hold any bytes; those of a key are only shown.
        let key: String = row
            .try_get_unchecked::<Vec<u8>, _>(1)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let place = place_of(key_name, &key);
        let mut values = Vec::new();
        for index in 2..row.len() {
            match row.try_get::<Option<String>, _>(index) {
                Ok(value) => values.push(value),
                Err(_) => {
                    return Err(Unread {
                        place,
                        why: "holds a value that is no UTF-8",
                    });
                }
            }
        }
        Ok(row_of(place, &self.mapping, values.into_iter()))
    }
}

/// Numbers in decimal, bytes in hexadecimal.
fn as_text(name: &str) -> String {
    format!(
        "CASE typeof({name}) WHEN 'blob' THEN '\\x' || hex(substr({name}, 1, {VALUE_MAX_CHARS}))
         ELSE substr(CAST({name} AS TEXT), 1, {VALUE_MAX_CHARS}) END"
    )
}

fn key_of(row: &SqliteRow) -> Result<Value, sqlx::Error> {
    let kind = row.try_get_raw(0)?.type_info().name().to_owned();
    Ok(match kind.as_str() {
        "INTEGER" => Value::Integer(row.try_get_unchecked(0)?),
        "BLOB" => Value::Bytes(row.try_get_unchecked(0)?),
        _ => Value::Text(row.try_get_unchecked(0)?),
    })
}
