//! A table on a PostgreSQL server of another system, read through a cursor in one transaction that sees one moment and
//! cannot write.

use std::str::FromStr;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgConnection, Row,
    postgres::{PgConnectOptions, PgRow},
};

use super::{LegacyError, VALUE_MAX_CHARS, judge_key, named, place_of, quoted, row_of};
use crate::{
    config::{ServerUrl, mapping::Mapping},
    domain::import::{LegacyRow, Unread},
};

/// One spelling of moments and bytes, whatever the server's settings are; and time to read a large table in.
const BEGIN: &str = "
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL DateStyle = 'ISO';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL client_encoding = 'UTF8';
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
";

/// The table, read in the order of its key.
pub(super) struct ServerTable {
    connection: PgConnection,
    mapping: Mapping,
    place: String,
}

impl ServerTable {
    pub(super) async fn open(url: &ServerUrl, mapping: &Mapping) -> Result<Self, LegacyError> {
        let place = url.to_string();
        let failed = |source| LegacyError::Database {
            place: place.clone(),
            source,
        };
        let (table, key) = named(mapping)?;
        let options = PgConnectOptions::from_str(url.reveal()).map_err(failed)?;
        let mut connection = options
            .application_name("edgeward-import")
            .connect()
            .await
            .map_err(failed)?;
        connection.execute(BEGIN).await.map_err(failed)?;
        let table = match &mapping.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(table),
        };
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT attname::text FROM pg_attribute
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        )
        .bind(&table)
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
        if columns.is_empty() {
            let what = "there is no such table, or it is in another schema".to_owned();
            return Err(mapping.complain("table", what).into());
        }
        mapping.judge_columns(&columns)?;
        let key = quoted(key);
        let text = format!(
            "SELECT count(*) - count({key}), count({key}) - count(DISTINCT {key}) FROM {table}"
        );
        let (absent, repeated) = sqlx::query_as(AssertSqlSafe(text))
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        judge_key(mapping, absent, repeated)?;
        let names: Vec<String> = mapping
            .columns
            .values()
            .map(|name| format!("left({}::text, {VALUE_MAX_CHARS})", quoted(name)))
            .collect();
        let text = format!(
            "DECLARE people NO SCROLL CURSOR FOR SELECT {key}::text, {} FROM {table} ORDER BY {key}",
            names.join(", ")
        );
        connection
            .execute(AssertSqlSafe(text))
            .await
            .map_err(failed)?;
        Ok(Self {
            connection,
            mapping: mapping.clone(),
            place,
        })
    }

    pub(super) async fn next(
        &mut self,
        most: usize,
    ) -> Result<Vec<Result<LegacyRow, Unread>>, LegacyError> {
        let text = format!("FETCH FORWARD {most} FROM people");
        let read = sqlx::query(AssertSqlSafe(text))
            .fetch_all(&mut self.connection)
            .await;
        let rows = read.map_err(|source| LegacyError::Database {
            place: self.place.clone(),
            source,
        })?;
        Ok(rows.iter().map(|row| self.row(row)).collect())
    }

    fn row(&self, row: &PgRow) -> Result<LegacyRow, Unread> {
        let key_name = self.mapping.key.as_deref().unwrap_or_default();
        let key: String = row.try_get(0).unwrap_or_default();
        let place = place_of(key_name, &key);
        let mut values = Vec::new();
        for index in 1..row.len() {
            match row.try_get::<Option<String>, _>(index) {
                Ok(value) => values.push(value),
                Err(_) => {
                    return Err(Unread {
                        place,
                        why: "holds a value that cannot be read as text",
                    });
                }
            }
        }
        Ok(row_of(place, &self.mapping, values.into_iter()))
    }
}
