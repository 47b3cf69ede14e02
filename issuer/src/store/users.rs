//! Users and their roles in the database.

use edgeward_core::time::UnixTime;

use super::WriteTx;
use super::sql::{Readers, Reads, Row, Writes, sql};
use crate::domain::{
    accounts::{Account, Email, NewAccount, PersonName, Role, UserId},
    administration::Holder,
    roles::{Changed, RoleChange},
    storage::{Creation, PasswordHash, Proved, StorageError, StoredAccount},
};

/// What [`account`] reads, of `users AS u`. A role has no comma in it. In one statement, so that an account that is there
/// costs no more questions than one that is not, and roles and names are of one moment.
macro_rules! account_columns {
    () => {
        "u.id AS account_id, u.email, u.first_name, u.last_name,
         (SELECT string_agg(r.role, ',' ORDER BY r.role) FROM user_roles AS r WHERE r.user_id = u.id) AS roles"
    };
}
pub(super) use account_columns;

pub(super) async fn by_email(
    readers: Readers<'_>,
    email: &Email,
) -> Result<Option<StoredAccount>, StorageError> {
    let row = sql(concat!(
        "SELECT ",
        account_columns!(),
        ", u.password_hash FROM users AS u WHERE u.email = $1"
    ))
    .bind(email.as_str())
    .optional(readers)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredAccount {
        account: account(&row)?,
        password_hash: PasswordHash::from_phc(row.get("password_hash")?),
    }))
}

pub(super) async fn by_id(on: impl Reads, id: UserId) -> Result<Option<Account>, StorageError> {
    let row = sql(concat!(
        "SELECT ",
        account_columns!(),
        " FROM users AS u WHERE u.id = $1"
    ))
    .bind(id.to_string())
    .optional(on)
    .await?;
    row.as_ref().map(account).transpose()
}

pub(super) fn account(row: &Row) -> Result<Account, StorageError> {
    let id: &str = row.get("account_id")?;
    let roles: Option<&str> = row.get("roles")?;
    let unreadable = StorageError::Unreadable;
    let name = |column, text: &str| {
        PersonName::parse(column, text).map_err(|_| unreadable("users.first_name or last_name"))
    };
    Ok(Account {
        id: UserId::parse(id).ok_or(unreadable("users.id"))?,
        email: Email::parse(row.get("email")?).map_err(|_| unreadable("users.email"))?,
        first_name: name("firstName", row.get("first_name")?)?,
        last_name: name("lastName", row.get("last_name")?)?,
        roles: roles
            .into_iter()
            .flat_map(|roles| roles.split(','))
            .map(|role| Role::parse(role).map_err(|_| unreadable("user_roles.role")))
            .collect::<Result<_, _>>()?,
    })
}

pub(super) async fn insert(
    on: &mut impl Writes,
    new: &NewAccount,
) -> Result<Creation, StorageError> {
    insert_made_at(on, new, new.now).await
}

/// The same of an account that was made earlier, in another system.
pub(super) async fn insert_made_at(
    on: &mut impl Writes,
    new: &NewAccount,
    created_at: UnixTime,
) -> Result<Creation, StorageError> {
    let account = &new.account;
    // Not by the error of the UNIQUE column: in PostgreSQL that would end the transaction.
    let inserted = sql(
        "INSERT INTO users (id, email, first_name, last_name, password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email) DO NOTHING",
    )
    .bind(account.id.to_string())
    .bind(account.email.as_str())
    .bind(account.first_name.as_str())
    .bind(account.last_name.as_str())
    .bind(new.password_hash.as_phc())
    .bind(created_at)
    .bind(new.now)
    .execute(on)
    .await?;
    if inserted == 0 {
        return Ok(Creation::EmailTaken);
    }
    for role in &account.roles {
        // A role that was named twice is one role.
        sql(
            "INSERT INTO user_roles (user_id, role, granted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(account.id.to_string())
        .bind(role.as_str())
        .bind(new.now)
        .execute(on)
        .await?;
    }
    Ok(Creation::Created)
}

/// Gives and takes roles. After anything but [`Changed::Done`] the transaction is to be rolled back.
pub(super) async fn change_roles(
    on: &mut impl Writes,
    change: &RoleChange,
) -> Result<Changed, StorageError> {
    // Nobody signs in with the roles of before while they change: both go through the account's row, as in [`hold`].
    sql("UPDATE users SET updated_at = $2 WHERE id = $1")
        .bind(change.user.to_string())
        .bind(change.now)
        .execute(on)
        .await?;
    if let Some(holder) = &change.holder
        && !is_held(on, holder).await?
    {
        return Ok(Changed::NotHeld);
    }
    if let Some(from) = &change.from {
        let account = by_id(&mut *on, change.user).await?;
        if account.is_none_or(|account| account.roles != *from) {
            return Ok(Changed::Moved);
        }
    }
    let user = change.user.to_string();
    let mut changed = 0;
    for role in &change.give {
        changed += sql(
            "INSERT INTO user_roles (user_id, role, granted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(&user)
        .bind(role.as_str())
        .bind(change.now)
        .execute(on)
        .await?;
    }
    for role in &change.take {
        changed += sql("DELETE FROM user_roles WHERE user_id = $1 AND role = $2")
            .bind(&user)
            .bind(role.as_str())
            .execute(on)
            .await?;
    }
    if changed == 0 {
        return Ok(Changed::Nothing);
    }
    if let Some(holder) = &change.holder
        && !has_holders(on, &holder.role).await?
    {
        return Ok(Changed::LastHolder);
    }
    Ok(Changed::Done(0))
}

/// Whether somebody holds a role. Nobody else gives or takes it before the transaction ends, so of two administrators who
/// take it from each other at once, one comes second and is refused.
async fn is_held(on: &mut impl Writes, holder: &Holder) -> Result<bool, StorageError> {
    // Writing the rows is what locks them on a server.
    sql("UPDATE user_roles SET granted_at = granted_at WHERE role = $1")
        .bind(holder.role.as_str())
        .execute(on)
        .await?;
    let row = sql("SELECT role FROM user_roles WHERE user_id = $1 AND role = $2")
        .bind(holder.user.to_string())
        .bind(holder.role.as_str())
        .optional(on)
        .await?;
    Ok(row.is_some())
}

async fn has_holders(on: &mut impl Writes, role: &Role) -> Result<bool, StorageError> {
    let row = sql("SELECT role FROM user_roles WHERE role = $1 LIMIT 1")
        .bind(role.as_str())
        .optional(on)
        .await?;
    Ok(row.is_some())
}

/// From here to the end of the transaction nobody signs in to an account, nor changes it. Writing the row is what locks it on a
/// server; in SQLite it is so from the beginning.
pub(super) async fn hold(tx: &mut WriteTx, user: UserId) -> Result<(), StorageError> {
    sql("UPDATE users SET updated_at = updated_at WHERE id = $1")
        .bind(user.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether an account is as it was when its password was compared. Then its hash is replaced, if it is to be, and nobody
/// changes the account before the transaction ends.
pub(super) async fn stands(
    tx: &mut WriteTx,
    proved: &Proved,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let to = proved.rehashed.as_ref().unwrap_or(&proved.compared);
    // Also where the hash stays, because writing the row is what locks it on a server.
    let done = sql("UPDATE users
         SET password_hash = $2, updated_at = CASE WHEN password_hash = $2 THEN updated_at ELSE $3 END
         WHERE id = $1 AND password_hash = $4")
    .bind(proved.account.id.to_string())
    .bind(to.as_phc())
    .bind(now)
    .bind(proved.compared.as_phc())
    .execute(tx)
    .await?;
    Ok(done == 1 && by_id(tx, proved.account.id).await?.as_ref() == Some(&proved.account))
}

/// Stores another password than whichever the account has; `false` when there is no such account.
pub(super) async fn set_hash(
    on: &mut impl Writes,
    id: UserId,
    hash: &PasswordHash,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let done = sql("UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1")
        .bind(id.to_string())
        .bind(hash.as_phc())
        .bind(now)
        .execute(on)
        .await?;
    Ok(done == 1)
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
        sql("INSERT INTO users VALUES ($1, 'ada@example.test', '', '', 'changed', 0, 0, NULL)")
            .bind(id.to_string())
            .execute(&mut tx)
            .await
            .unwrap();
        let account = by_id(&mut tx, id).await.unwrap().unwrap();
        let hash = |text: &str| PasswordHash::from_phc(text.to_owned());
        for (compared, expected) in [("compared", "changed"), ("changed", "dearer")] {
            let proved = Proved {
                account: account.clone(),
                compared: hash(compared),
                rehashed: Some(hash("dearer")),
            };
            let stood = stands(&mut tx, &proved, now).await.unwrap();
            assert_eq!(stood, compared == "changed");
            let found = sql("SELECT password_hash FROM users")
                .optional(&mut tx)
                .await
                .unwrap()
                .unwrap();
            let found: String = found.get("password_hash").unwrap();
            assert_eq!(found, expected, "{compared}");
        }
    }
}
