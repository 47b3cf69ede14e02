//! Moving from the SQLite file to a PostgreSQL server: every row of every table, in one transaction, into an empty schema.
//!
//! Tables and columns are read from the file's own catalogue, which the migrations have made, so a later column is not
//! forgotten here. The file is held against writers meanwhile: an issuer that still runs on it gets no further act done
//! that the copy would lack.

use sqlx::{
    AssertSqlSafe, PgConnection, Postgres, QueryBuilder, Row, SqliteConnection, sqlite::SqliteRow,
};

use super::{Db, Store, StoreError, postgres, sql::Value};

/// Rows of one statement: with the widest table well under the 65,535 values that PostgreSQL takes.
const PAGE: i64 = 500;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The way is from a file to a server only.
    #[error(
        "copying goes from a SQLite file to a PostgreSQL server: name the server with store.url or store.url_file"
    )]
    Direction,
    /// The file's schema is not this program's.
    #[error("{0} lacks migrations: stop the issuer and run `migrate up` on the file first")]
    Pending(String),
    /// The server's tables hold something.
    #[error("{place}: the table {table} is not empty, and nothing is ever overwritten")]
    NotEmpty {
        /// The server.
        place: String,
        /// The table.
        table: String,
    },
    /// The file holds a column of a kind that no migration makes.
    #[error("the file has a column of an unknown kind: {0}")]
    Column(String),
    /// Either database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
}

/// A table of the file.
struct Table {
    name: String,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: Kind,
    /// Its place in the primary key, counted from 1; 0 outside of it.
    key: i64,
}

/// What the columns of `STRICT` tables are here.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Bytes,
}

impl Store {
    /// Copies a file into this server, all or nothing, and answers what was copied.
    ///
    /// # Errors
    /// [`CopyError`]; this database is then as before, and the file always is.
    pub async fn copy_from(&self, file: &Self) -> Result<Vec<Copied>, CopyError> {
        let (Db::Lite { writer, .. }, Db::Pg { writers, .. }) = (&file.db, &self.db) else {
            return Err(CopyError::Direction);
        };
        if file
            .migration_status()
            .await?
            .iter()
            .any(|step| !step.applied)
        {
            return Err(CopyError::Pending(file.place.clone()));
        }
        let source = |error| StoreError::from_sqlx(&file.place, error);
        let target = |error| StoreError::from_sqlx(&self.place, error);
        let mut from = writer.begin_with("BEGIN IMMEDIATE").await.map_err(source)?;
        let mut into = writers.begin().await.map_err(target)?;
        postgres::lock_schema(&mut into).await.map_err(target)?;
        let mut copied = Vec::new();
        for table in tables(&mut from).await.map_err(source)? {
            let table = table.map_err(CopyError::Column)?;
            if is_filled(&mut into, &table).await.map_err(target)? {
                return Err(CopyError::NotEmpty {
                    place: self.place.clone(),
                    table: table.name,
                });
            }
            let mut rows = 0;
            let mut page = table.page(&mut from, None).await.map_err(source)?;
            while let Some(last) = page.last() {
                rows += insert(&mut into, &table, &page).await.map_err(target)?;
                page = table.page(&mut from, Some(last)).await.map_err(source)?;
            }
            count_on(&mut into, &table).await.map_err(target)?;
            copied.push(Copied {
                table: table.name,
                rows,
            });
        }
        into.commit().await.map_err(target)?;
        Ok(copied)
    }
}

/// The tables in the order in which the migrations made them, so that none refers to a later one.
async fn tables(from: &mut SqliteConnection) -> Result<Vec<Result<Table, String>>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations' ORDER BY rowid",
    )
    .fetch_all(&mut *from)
    .await?;
    let mut tables = Vec::new();
    for name in names {
        // Columns that are computed from others are not among these.
        let columns = sqlx::query("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid")
            .bind(&name)
            .fetch_all(&mut *from)
            .await?;
        let columns: Result<Vec<Column>, sqlx::Error> = columns.iter().map(column).collect();
        tables.push(match columns {
            Ok(columns) => Ok(Table { name, columns }),
            Err(error) => Err(format!("{name}: {error}")),
        });
    }
    Ok(tables)
}

fn column(row: &SqliteRow) -> Result<Column, sqlx::Error> {
    let kind: String = row.try_get("type")?;
    Ok(Column {
        name: row.try_get("name")?,
        kind: match kind.as_str() {
            "TEXT" => Kind::Text,
            "INTEGER" => Kind::Integer,
            "BLOB" => Kind::Bytes,
            _ => return Err(sqlx::Error::Decode(kind.into())),
        },
        key: row.try_get("pk")?,
    })
}

/// A name as SQL takes it whatever it is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    fn names(&self) -> String {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|column| quoted(&column.name))
            .collect();
        names.join(", ")
    }

    fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.key > 0)
            .collect();
        key.sort_by_key(|column| column.key);
        key
    }

    /// The rows after one, in the order of the primary key.
    async fn page(
        &self,
        from: &mut SqliteConnection,
        after: Option<&SqliteRow>,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let key = self.key();
        let names: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
        let names = names.join(", ");
        let rest = match after {
            Some(_) => {
                let marks: Vec<String> = (1..=key.len()).map(|place| format!("${place}")).collect();
                format!("WHERE ({names}) > ({})", marks.join(", "))
            }
            None => String::new(),
        };
        let text = format!(
            "SELECT {} FROM {} {rest} ORDER BY {names} LIMIT {PAGE}",
            self.names(),
            quoted(&self.name)
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        if let Some(row) = after {
            for column in key {
                query = match column.value(row)? {
                    Value::Text(text) => query.bind(text),
                    Value::Integer(number) => query.bind(number),
                    Value::Bytes(bytes) => query.bind(bytes),
                };
            }
        }
        query.fetch_all(from).await
    }
}

impl Column {
    fn value(&self, row: &SqliteRow) -> Result<Value, sqlx::Error> {
        let name = self.name.as_str();
        Ok(match self.kind {
            Kind::Text => Value::Text(row.try_get(name)?),
            Kind::Integer => Value::Integer(row.try_get(name)?),
            Kind::Bytes => Value::Bytes(row.try_get(name)?),
        })
    }
}

async fn is_filled(into: &mut PgConnection, table: &Table) -> Result<bool, sqlx::Error> {
    let text = format!("SELECT EXISTS (SELECT 1 FROM {})", quoted(&table.name));
    sqlx::query_scalar(AssertSqlSafe(text))
        .fetch_one(into)
        .await
}

async fn insert(
    into: &mut PgConnection,
    table: &Table,
    rows: &[SqliteRow],
) -> Result<u64, sqlx::Error> {
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let of_row: Result<Vec<Value>, sqlx::Error> = table
            .columns
            .iter()
            .map(|column| column.value(row))
            .collect();
        values.push(of_row?);
    }
    // Numbers that the server would give by itself are copied like everything else.
    let text = format!(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE ",
        quoted(&table.name),
        table.names()
    );
    let mut query = QueryBuilder::<Postgres>::new(text);
    query.push_values(values, |mut row, values| {
        for value in values {
            match value {
                Value::Text(text) => row.push_bind(text),
                Value::Integer(number) => row.push_bind(number),
                Value::Bytes(bytes) => row.push_bind(bytes),
            };
        }
    });
    Ok(query.build().execute(into).await?.rows_affected())
}

/// Has the server go on behind the copied numbers, where it gives them by itself.
async fn count_on(into: &mut PgConnection, table: &Table) -> Result<(), sqlx::Error> {
    let numbered: Vec<String> = sqlx::query_scalar(
        "SELECT column_name::text FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 AND is_identity = 'YES'",
    )
    .bind(&table.name)
    .fetch_all(&mut *into)
    .await?;
    for column in numbered {
        // An empty table has no last number, and `setval` of none does nothing.
        let text = format!(
            "SELECT setval(pg_get_serial_sequence($1, $2), max({})) FROM {}",
            quoted(&column),
            quoted(&table.name)
        );
        sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(quoted(&table.name))
            .bind(&column)
            .execute(&mut *into)
            .await?;
    }
    Ok(())
}
