//! PostgreSQL: what a server must be, how its sessions are set up, and the two locks that stand for "one at a time".

use std::str::FromStr;

use sqlx::{
    AssertSqlSafe, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{BUSY_TIMEOUT, StoreError, migrations};
use crate::{config::ServerUrl, domain::storage::StorageError};

/// The oldest server whose behaviour is tested.
const OLDEST: i32 = 150_000;

/// What every session is told, whatever the server, the database or the role has as its default. A statement may take
/// twice as long as it may wait for a lock; a transaction that its process forgot must not keep its locks; and what was
/// answered must survive a crash, so a commit is not reported before it is on the disk (a stricter setting stays).
const SESSION: &str = "
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '5s';
    SET statement_timeout = '10s';
    SET idle_in_transaction_session_timeout = '30s';
    SET client_min_messages = warning;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

/// And those that only read.
const READER: &str = "SET default_transaction_read_only = on;";

/// The first key of our advisory locks, the letters "EDGW": keeps them apart from those of other programs.
macro_rules! lock {
    ($number:literal) => {
        concat!("SELECT pg_advisory_xact_lock(1162102615, ", $number, ")")
    };
}

/// The connections that write, and those that only read: half of them each.
pub(super) async fn connect(
    url: &ServerUrl,
    connections: u32,
) -> Result<(PgPool, PgPool), StoreError> {
    let place = url.to_string();
    let failed = |source| StoreError::from_sqlx(&place, source);
    let options = PgConnectOptions::from_str(url.reveal())
        .map_err(failed)?
        .application_name("edgeward");
    let half = (connections / 2).max(1);
    let writers = pool(half, false)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    let readers = pool(half, true)
        .connect_with(options)
        .await
        .map_err(failed)?;
    let mut connection = readers.acquire().await.map_err(failed)?;
    judge_server(&place, &mut connection).await?;
    migrations::judge_postgres(&place, &mut connection).await?;
    drop(connection);
    Ok((writers, readers))
}

fn pool(connections: u32, only_reads: bool) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection
                    .execute(AssertSqlSafe(SESSION.to_owned()))
                    .await?;
                if only_reads {
                    connection.execute(READER).await?;
                }
                Ok(())
            })
        })
}

async fn judge_server(place: &str, connection: &mut PgConnection) -> Result<(), StoreError> {
    let (version, encoding, standby): (i32, String, bool) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery()",
    )
    .fetch_one(connection)
    .await
    .map_err(|source| StoreError::from_sqlx(place, source))?;
    let why = if version < OLDEST {
        format!(
            "is PostgreSQL {}, and 15 is the oldest that serves",
            version / 10_000
        )
    } else if encoding != "UTF8" {
        format!("the database's encoding is {encoding}: names need UTF8")
    } else if standby {
        "is a standby, which takes no writes: name the primary".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::UnfitServer {
        place: place.to_owned(),
        why,
    })
}

/// Answers, and is not a standby by now: a server that only reads can sign nobody in.
pub(super) async fn ping(pool: &PgPool) -> Result<(), StorageError> {
    let standby: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()")
        .fetch_one(pool)
        .await?;
    if standby {
        return Err(StorageError::Busy("the server is a standby".into()));
    }
    Ok(())
}

/// One at a time up to the end of the transaction: the log, see `audit`.
pub(super) async fn lock_log(connection: &mut PgConnection) -> Result<(), StorageError> {
    connection.execute(lock!(1)).await?;
    Ok(())
}

/// One at a time up to the end of the transaction: changes of the schema, which may take as long as they need.
pub(super) async fn lock_schema(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection
        .execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        .await?;
    connection.execute(lock!(2)).await?;
    Ok(())
}

/// One at a time up to the end of the transaction: changes of the signing keys. It is taken before any row, and no other
/// transaction asks for it, so who holds it waits for nobody who waits for it.
pub(super) async fn lock_keys(connection: &mut PgConnection) -> Result<(), StorageError> {
    connection.execute(lock!(3)).await?;
    Ok(())
}
