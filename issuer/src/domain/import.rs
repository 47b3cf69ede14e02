//! Taking over people from another system's table, in bounded batches.
//!
//! A row becomes an account, is known already, is left out for a reason that the mapping gives, or is told with its place
//! and what is wrong with it; there is no fifth way, so nothing is lost in silence. Nothing is remembered between runs: an
//! import that was cut off goes on when it is run again, because who is there already is known and left alone.

mod person;

pub use person::{Fault, LegacyRow, Person, Verdict};

use std::{collections::HashMap, future::Future};

use edgeward_core::time::UnixTime;
use sha2::{Digest as _, Sha256};

use super::{
    accounts::{Email, Role, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    session::{self, NoRandomness},
    storage::StorageError,
};
use crate::config::mapping::Mapping;

/// So many rows are read, judged and written at once: few enough that sign-ins beside it wait no longer than for one
/// another, and that the audit entry can name all the accounts.
pub const BATCH_ROWS: usize = 200;

/// Where accounts are written to.
pub trait People: Send + Sync {
    /// Which of these addresses have an account, in their order.
    fn known(
        &self,
        emails: &[Email],
    ) -> impl Future<Output = Result<Vec<bool>, StorageError>> + Send;

    /// Writes those whose address is not known, and the entry that is made of them, in one transaction. Answers who was
    /// written; of nobody nothing is written.
    fn import(
        &self,
        people: &[Person],
        now: UnixTime,
        entry: impl Fn(&[&Person]) -> AuditEntry + Send,
    ) -> impl Future<Output = Result<Vec<bool>, StorageError>> + Send;
}

/// Where rows come from.
pub trait LegacyTable {
    /// Why it cannot be read on.
    type Error;

    /// The next rows, at most so many; none at the end. A row that cannot be read is one with its place and reason.
    fn next(
        &mut self,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Result<LegacyRow, Unread>>, Self::Error>>;
}

/// A row whose values cannot be told.
#[derive(Debug, Clone)]
pub struct Unread {
    /// Where it stands.
    pub place: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// What is done with the accounts.
#[derive(Debug)]
pub enum Target<'p, P> {
    /// They are written.
    Database(&'p P),
    /// Nothing is written, and the same is told. Without a database nobody is known.
    Nothing(Option<&'p P>),
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// They are accounts now, or would be.
    pub imported: u64,
    /// The address has an account, which was left alone.
    pub known: u64,
    /// Disabled there.
    pub disabled: u64,
    /// Of an address that was never verified.
    pub unverified: u64,
    /// Told with their place, and not taken.
    pub faulty: u64,
}

/// Why an import ended before the table did. What was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError<E> {
    /// The table cannot be read on.
    #[error(transparent)]
    Source(E),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// One run of an import.
struct Run<'r> {
    mapping: &'r Mapping,
    source: &'static str,
    now: UnixTime,
    /// The place of each address so far, by the beginning of its hash: a table may have millions.
    seen: HashMap<[u8; 16], Box<str>>,
    tally: Tally,
}

/// Takes over every row of a table; `tell` hears of each that is not taken, with its place. `source` names the kind of the
/// table in the log.
///
/// # Errors
/// [`ImportError`]; whole batches were written or were not.
pub async fn run<P: People, T: LegacyTable>(
    mapping: &Mapping,
    source: &'static str,
    table: &mut T,
    into: Target<'_, P>,
    now: UnixTime,
    mut tell: impl FnMut(&str, &str),
) -> Result<Tally, ImportError<T::Error>> {
    let mut run = Run {
        mapping,
        source,
        now,
        seen: HashMap::new(),
        tally: Tally::default(),
    };
    loop {
        let rows = table.next(BATCH_ROWS).await.map_err(ImportError::Source)?;
        if rows.is_empty() {
            return Ok(run.tally);
        }
        let people = run.judge(rows, &mut tell)?;
        let new = run.write(&people, &into).await?;
        for is_new in new {
            let counted = if is_new {
                &mut run.tally.imported
            } else {
                &mut run.tally.known
            };
            *counted = counted.saturating_add(1);
        }
    }
}

impl Run<'_> {
    fn judge(
        &mut self,
        rows: Vec<Result<LegacyRow, Unread>>,
        tell: &mut impl FnMut(&str, &str),
    ) -> Result<Vec<Person>, NoRandomness> {
        let mut people = Vec::with_capacity(rows.len());
        for row in rows {
            let row = match row {
                Ok(row) => row,
                Err(Unread { place, why }) => {
                    self.tally.faulty = self.tally.faulty.saturating_add(1);
                    tell(&place, why);
                    continue;
                }
            };
            let verdict = person::judge(self.mapping, &row, self.now, session::random()?);
            match verdict.and_then(|verdict| self.once(verdict, &row.place)) {
                Ok(Verdict::Taken(person)) => people.push(*person),
                Ok(Verdict::Disabled) => {
                    self.tally.disabled = self.tally.disabled.saturating_add(1);
                }
                Ok(Verdict::Unverified) => {
                    self.tally.unverified = self.tally.unverified.saturating_add(1);
                }
                Err(fault) => {
                    self.tally.faulty = self.tally.faulty.saturating_add(1);
                    tell(&row.place, &fault.to_string());
                }
            }
        }
        Ok(people)
    }

    /// Two rows of one address may be two people with two passwords, whom the old system told apart by case. The first is
    /// taken; which of them is right nobody here can know, so the second is told.
    fn once(&mut self, verdict: Verdict, place: &str) -> Result<Verdict, Fault> {
        if let Verdict::Taken(person) = &verdict {
            let hash = Sha256::digest(person.account.email.as_str());
            let (beginning, _) = hash.split_at(16);
            let mut key = [0; 16];
            key.copy_from_slice(beginning);
            if let Some(first) = self.seen.get(&key) {
                return Err(Fault::Repeated(first.to_string()));
            }
            self.seen.insert(key, place.into());
        }
        Ok(verdict)
    }

    async fn write<P: People>(
        &self,
        people: &[Person],
        into: &Target<'_, P>,
    ) -> Result<Vec<bool>, StorageError> {
        match into {
            Target::Database(_) if people.is_empty() => Ok(Vec::new()),
            Target::Database(database) => {
                database
                    .import(people, self.now, |new| self.entry(new))
                    .await
            }
            Target::Nothing(None) => Ok(vec![true; people.len()]),
            Target::Nothing(Some(database)) => {
                let emails: Vec<Email> = people
                    .iter()
                    .map(|person| person.account.email.clone())
                    .collect();
                let known = database.known(&emails).await?;
                Ok(known.into_iter().map(|known| !known).collect())
            }
        }
    }

    /// What the log says of a batch: how each of these accounts came to be.
    fn entry(&self, new: &[&Person]) -> AuditEntry {
        let ids: Vec<String> = new
            .iter()
            .map(|person| UserId::to_string(&person.account.id))
            .collect();
        let mut roles: Vec<&str> = new
            .iter()
            .flat_map(|person| person.account.roles.iter().map(Role::as_str))
            .collect();
        roles.sort_unstable();
        roles.dedup();
        AuditEntry::done(
            Action::ImportAccounts,
            Actor::Operator,
            self.now,
            &Origin::default(),
        )
        .with("accounts", new.len())
        .with("roles", roles.join(","))
        .with("source", self.source)
        .with("users", ids.join(" "))
    }
}
