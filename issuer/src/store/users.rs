//! Users and their roles in the database.

use edgeward_core::time::UnixTime;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::is_unique_violation;
use crate::domain::{
    accounts::{Account, Email, NewAccount, PersonName, Role, UserId},
    storage::{Creation, PasswordHash, StorageError, StoredAccount},
};

pub(super) async fn by_email(
    pool: &SqlitePool,
    email: &Email,
) -> Result<Option<StoredAccount>, StorageError> {
    let row = sqlx::query(
        "SELECT id, email, first_name, last_name, password_hash FROM users WHERE email = $1",
    )
    .bind(email.as_str())
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredAccount {
        account: account(pool, &row).await?,
        password_hash: PasswordHash::from_phc(row.try_get("password_hash")?),
    }))
}

pub(super) async fn by_id(pool: &SqlitePool, id: UserId) -> Result<Option<Account>, StorageError> {
    let row = sqlx::query("SELECT id, email, first_name, last_name FROM users WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await?;
    match row {
        None => Ok(None),
        Some(row) => account(pool, &row).await.map(Some),
    }
}

async fn account(pool: &SqlitePool, row: &SqliteRow) -> Result<Account, StorageError> {
    let id: &str = row.try_get("id")?;
    let roles: Vec<String> =
        sqlx::query_scalar("SELECT role FROM user_roles WHERE user_id = $1 ORDER BY role")
            .bind(id)
            .fetch_all(pool)
            .await?;
    let unreadable = StorageError::Unreadable;
    let name = |column, text: &str| {
        PersonName::parse(column, text).map_err(|_| unreadable("users.first_name or last_name"))
    };
    Ok(Account {
        id: UserId::parse(id).ok_or(unreadable("users.id"))?,
        email: Email::parse(row.try_get("email")?).map_err(|_| unreadable("users.email"))?,
        first_name: name("firstName", row.try_get("first_name")?)?,
        last_name: name("lastName", row.try_get("last_name")?)?,
        roles: roles
            .iter()
            .map(|role| Role::parse(role).map_err(|_| unreadable("user_roles.role")))
            .collect::<Result<_, _>>()?,
    })
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewAccount,
) -> Result<Creation, StorageError> {
    let account = &new.account;
    let inserted = sqlx::query(
        "INSERT INTO users (id, email, first_name, last_name, password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(account.id.to_string())
    .bind(account.email.as_str())
    .bind(account.first_name.as_str())
    .bind(account.last_name.as_str())
    .bind(new.password_hash.as_phc())
    .bind(new.now.seconds())
    .execute(&mut *connection)
    .await;
    match inserted {
        Ok(_) => {}
        Err(error) if is_unique_violation(&error) => return Ok(Creation::EmailTaken),
        Err(error) => return Err(error.into()),
    }
    for role in &account.roles {
        // A role that was named twice is one role.
        sqlx::query(
            "INSERT INTO user_roles (user_id, role, granted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(account.id.to_string())
        .bind(role.as_str())
        .bind(new.now.seconds())
        .execute(&mut *connection)
        .await?;
    }
    Ok(Creation::Created)
}

pub(super) async fn replace_hash(
    connection: &mut SqliteConnection,
    id: UserId,
    hash: &PasswordHash,
    now: UnixTime,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1")
        .bind(id.to_string())
        .bind(hash.as_phc())
        .bind(now.seconds())
        .execute(connection)
        .await?;
    Ok(())
}
