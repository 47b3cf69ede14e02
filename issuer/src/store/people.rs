//! Looking for accounts, a page at a time, in the order of their addresses.
//!
//! A page begins behind a person and not behind an address, so no address stands in a link. What is looked for comes as
//! ranges, so no letter of it has a meaning here, and an index serves each of them.

use super::{
    sql::{Reads, Row, sql},
    users::{account, account_columns},
};
use crate::domain::{
    accounts::{Role, UserId},
    administration::{Person, Prefix, Selection, Status},
    storage::StorageError,
};

/// A page with these conditions. The numbers of the placeholders are the same in all; a text need not use each of them.
macro_rules! page {
    ($($condition:expr),*) => {
        concat!(
            "SELECT ", account_columns!(), ", u.created_at FROM users AS u
             WHERE u.email > coalesce((SELECT b.email FROM users AS b WHERE b.id = $1), '')",
            $(" AND ", $condition,)*
            " ORDER BY u.email LIMIT $2"
        )
    };
}

macro_rules! with_role {
    () => {
        "u.id IN (SELECT r.user_id FROM user_roles AS r WHERE r.role = $3)"
    };
}

macro_rules! signed_in {
    () => {
        "EXISTS (SELECT 1 FROM families AS f WHERE f.user_id = u.id AND f.revoked_at IS NULL
             AND f.idle_expires_at > $4 AND f.absolute_expires_at > $4)"
    };
}

// The name of whoever is locked is not in the counters, only a keyed hash of it. The event of a lock names the account.
macro_rules! locked_lately {
    () => {
        "u.id IN (SELECT e.user_id FROM security_events AS e WHERE e.type = 'account.locked' AND e.at >= $5)"
    };
}

macro_rules! named {
    () => {
        "u.id IN (SELECT a.id FROM users AS a WHERE a.email >= $6 AND a.email < $7
             UNION SELECT n.user_id FROM sought_names AS n WHERE n.full_name >= $8 AND n.full_name < $9
             UNION SELECT n.user_id FROM sought_names AS n WHERE n.full_name >= $10 AND n.full_name < $11
             UNION SELECT n.user_id FROM sought_names AS n WHERE n.last_name >= $8 AND n.last_name < $9
             UNION SELECT n.user_id FROM sought_names AS n WHERE n.last_name >= $10 AND n.last_name < $11)"
    };
}

const fn text_of(named: bool, with_role: bool, status: Option<Status>) -> &'static str {
    match (named, with_role, status) {
        (false, false, None) => page!(),
        (false, false, Some(Status::SignedIn)) => page!(signed_in!()),
        (false, false, Some(Status::Locked)) => page!(locked_lately!()),
        (false, true, None) => page!(with_role!()),
        (false, true, Some(Status::SignedIn)) => page!(with_role!(), signed_in!()),
        (false, true, Some(Status::Locked)) => page!(with_role!(), locked_lately!()),
        (true, false, None) => page!(named!()),
        (true, false, Some(Status::SignedIn)) => page!(named!(), signed_in!()),
        (true, false, Some(Status::Locked)) => page!(named!(), locked_lately!()),
        (true, true, None) => page!(named!(), with_role!()),
        (true, true, Some(Status::SignedIn)) => page!(named!(), with_role!(), signed_in!()),
        (true, true, Some(Status::Locked)) => page!(named!(), with_role!(), locked_lately!()),
    }
}

/// A page behind somebody who is not there begins at the beginning.
pub(super) async fn select(
    on: impl Reads,
    selection: &Selection<'_>,
) -> Result<Vec<Person>, StorageError> {
    let words = selection.words;
    let text = text_of(words.is_some(), selection.role.is_some(), selection.status);
    let mut page = sql(text)
        .bind(selection.after.map(|after| after.to_string()))
        .bind(i64::from(selection.limit))
        .bind(selection.role.map(Role::as_str))
        .bind(selection.now)
        .bind(selection.locked_since);
    if let Some(words) = words {
        let [one, two] = &words.names;
        for Prefix { from, to } in [&words.email, one, two] {
            page = page.bind(from).bind(to);
        }
    }
    page.all(on).await?.iter().map(person).collect()
}

pub(super) async fn by_id(on: impl Reads, id: UserId) -> Result<Option<Person>, StorageError> {
    let row = sql(concat!(
        "SELECT ",
        account_columns!(),
        ", u.created_at FROM users AS u WHERE u.id = $1"
    ))
    .bind(id.to_string())
    .optional(on)
    .await?;
    row.as_ref().map(person).transpose()
}

fn person(row: &Row) -> Result<Person, StorageError> {
    Ok(Person {
        account: account(row)?,
        created_at: row.time("created_at")?,
    })
}

/// Goes from each role to the next in the index, so it costs as many steps as there are roles and not as there are people.
pub(super) async fn known_roles(on: impl Reads, limit: u32) -> Result<Vec<Role>, StorageError> {
    sql("WITH RECURSIVE known (role) AS (
             SELECT min(role) FROM user_roles
             UNION ALL
             SELECT (SELECT min(r.role) FROM user_roles AS r WHERE r.role > known.role)
             FROM known WHERE known.role IS NOT NULL
         )
         SELECT role FROM known WHERE role IS NOT NULL LIMIT $1")
    .bind(i64::from(limit))
    .all(on)
    .await?
    .iter()
    .map(|row| {
        let role: &str = row.get("role")?;
        Role::parse(role).map_err(|_| StorageError::Unreadable("user_roles.role"))
    })
    .collect()
}
