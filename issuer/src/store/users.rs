//! Users and their roles in the database.

use edgeward_core::time::UnixTime;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::is_unique_violation;
use crate::domain::{
    accounts::{Account, Email, NewAccount, PersonName, Role, UserId},
    storage::{Creation, PasswordHash, Rehash, StorageError, StoredAccount},
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

/// Does nothing when the account has another hash by now than the one that was compared.
pub(super) async fn replace_hash(
    connection: &mut SqliteConnection,
    id: UserId,
    rehash: &Rehash,
    now: UnixTime,
) -> Result<(), StorageError> {
    sqlx::query(
        "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1 AND password_hash = $4",
    )
    .bind(id.to_string())
    .bind(rehash.to.as_phc())
    .bind(now.seconds())
    .bind(rehash.from.as_phc())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{custody::tests::Folder, store::Store};

    #[tokio::test]
    async fn a_password_that_was_changed_meanwhile_is_not_put_back() {
        let folder = Folder::new();
        let store = Store::open(&folder.path().join("edgeward.db"))
            .await
            .unwrap();
        store.migrate_up().await.unwrap();
        let now = UnixTime::from_seconds(1_795_000_000);
        let id = UserId::from_random(now, [1; 10]);
        let mut tx = store.write().await.unwrap();
        sqlx::query("INSERT INTO users VALUES ($1, 'ada@example.test', '', '', 'changed', 0, 0)")
            .bind(id.to_string())
            .execute(tx.connection())
            .await
            .unwrap();
        let hash = |text: &str| PasswordHash::from_phc(text.to_owned());
        for (from, expected) in [("compared", "changed"), ("changed", "dearer")] {
            let rehash = Rehash {
                from: hash(from),
                to: hash("dearer"),
            };
            replace_hash(tx.connection(), id, &rehash, now)
                .await
                .unwrap();
            let found: String = sqlx::query_scalar("SELECT password_hash FROM users")
                .fetch_one(tx.connection())
                .await
                .unwrap();
            assert_eq!(found, expected, "{from}");
        }
    }
}
