//! The domain's [`People`]: a batch of imported accounts in one transaction with its audit entry.

use edgeward_core::time::UnixTime;

use super::{Store, sql::sql, users};
use crate::domain::{
    accounts::{Email, NewAccount},
    audit::AuditEntry,
    import::{People, Person},
    storage::{Creation, StorageError},
};

impl People for Store {
    async fn known(&self, emails: &[Email]) -> Result<Vec<bool>, StorageError> {
        let mut known = Vec::with_capacity(emails.len());
        for email in emails {
            let found = sql("SELECT id FROM users WHERE email = $1")
                .bind(email.as_str())
                .optional(self.readers())
                .await?;
            known.push(found.is_some());
        }
        Ok(known)
    }

    async fn import(
        &self,
        people: &[Person],
        now: UnixTime,
        entry: impl Fn(&[&Person]) -> AuditEntry + Send,
    ) -> Result<Vec<bool>, StorageError> {
        let mut tx = self.write().await?;
        let mut is_new = Vec::with_capacity(people.len());
        for person in people {
            let account = NewAccount {
                account: person.account.clone(),
                password_hash: person.password_hash.clone(),
                now,
            };
            let made = users::insert_made_at(&mut tx, &account, person.created_at).await?;
            is_new.push(made == Creation::Created);
        }
        let new: Vec<&Person> = people
            .iter()
            .zip(&is_new)
            .filter_map(|(person, is_new)| is_new.then_some(person))
            .collect();
        tx.commit_if(!new.is_empty(), &entry(&new)).await?;
        Ok(is_new)
    }
}
