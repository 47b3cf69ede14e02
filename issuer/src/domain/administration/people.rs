//! Looking for people, and at one of them. Both are acts: who looked is in the log, before anything is shown.

use edgeward_core::time::UnixTime;

use super::{Authority, Words};
use crate::domain::{
    accounts::{Account, Role, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{CounterKey, LockoutKey},
    session::ListedFamily,
    storage::{Storage, StorageError},
};

/// The most people on a page: more are no list for a person, and a program asks again.
pub const LISTED_MAX: u32 = 100;

/// So many pages are looked through for people who are locked, of whom the database can name only candidates. Who finds
/// fewer than a page is told from where to go on.
const PAGES_SCANNED_MAX: usize = 10;

/// How long ago a lock may have begun that still holds: the longest that can be configured.
const LOCK_SECONDS_MAX: i64 = 24 * 3600;

/// More roles than this are not offered for choice; they can be typed.
pub const ROLES_KNOWN_MAX: u32 = 100;

/// What people can be told apart by, beside name and role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Too many failures lock a sign-in, a known device or a repeated proof.
    Locked,
    /// There is a session that can be refreshed.
    SignedIn,
}

/// Whom somebody looks for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Whose address or name begins so.
    pub words: Option<Words>,
    /// Who holds this role.
    pub role: Option<Role>,
    /// In which state.
    pub status: Option<Status>,
    /// Those whose address comes after that of this person.
    pub after: Option<UserId>,
    /// So many, at most [`LISTED_MAX`].
    pub limit: u32,
}

/// A page of accounts as the database is asked for it, in the order of their addresses.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// As in [`Search`].
    pub words: Option<&'a Words>,
    /// As in [`Search`].
    pub role: Option<&'a Role>,
    /// For [`Status::Locked`] who may be: a lock began since [`Selection::locked_since`].
    pub status: Option<Status>,
    /// As in [`Search`].
    pub after: Option<UserId>,
    /// How many.
    pub limit: u32,
    /// A lock that began before does not hold any more.
    pub locked_since: UnixTime,
    /// The moment.
    pub now: UnixTime,
}

/// An account and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: Account,
    /// When it was made.
    pub created_at: UnixTime,
}

/// A person on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The person.
    pub person: Person,
    /// The end of the lock that ends last, if one holds.
    pub locked_until: Option<UnixTime>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The people, in the order of their addresses.
    pub people: Vec<Listed>,
    /// After whom to go on, if there may be more.
    pub next: Option<UserId>,
}

/// A person whom an administrator looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The person.
    pub listed: Listed,
    /// The live sessions, the newest first.
    pub sessions: Vec<ListedFamily>,
}

/// Looks for people.
///
/// # Errors
/// When the database fails.
pub async fn search(
    storage: &impl Storage,
    key: &LockoutKey,
    authority: &Authority,
    search: &Search,
    (now, origin): (UnixTime, &Origin),
) -> Result<Page, StorageError> {
    let limit = search.limit.clamp(1, LISTED_MAX);
    let mut people = Vec::new();
    let mut after = search.after;
    let mut next = None;
    for _ in 0..PAGES_SCANNED_MAX {
        let selection = Selection {
            words: search.words.as_ref(),
            role: search.role.as_ref(),
            status: search.status,
            after,
            // One more than is shown tells whether there are more.
            limit: limit.saturating_add(1),
            locked_since: now.plus(-LOCK_SECONDS_MAX),
            now,
        };
        let mut batch = storage.people(&selection).await?;
        let is_more = batch.len() > limit as usize;
        batch.truncate(limit as usize);
        let locks = locks(storage, key, &batch, now).await?;
        let mut all = batch.into_iter().zip(locks);
        for (person, locked_until) in all.by_ref() {
            after = Some(person.account.id);
            if search.status == Some(Status::Locked) && locked_until.is_none() {
                continue;
            }
            people.push(Listed {
                person,
                locked_until,
            });
            if people.len() == limit as usize {
                break;
            }
        }
        next = after.filter(|_| is_more || all.next().is_some());
        if people.len() == limit as usize || next.is_none() {
            break;
        }
        // Only candidates can be left out; what the database says otherwise is so.
    }
    let entry = seen(Action::SearchAccounts, authority, now, origin).with("found", people.len());
    let entry = match &search.role {
        Some(role) => entry.with("role", role.as_str()),
        None => entry,
    };
    storage.record(&entry).await?;
    Ok(Page { people, next })
}

/// Looks at one. `None`: there is no such account.
///
/// # Errors
/// When the database fails.
pub async fn view(
    storage: &impl Storage,
    key: &LockoutKey,
    authority: &Authority,
    user: UserId,
    (now, origin): (UnixTime, &Origin),
) -> Result<Option<Found>, StorageError> {
    let Some(person) = storage.person(user).await? else {
        return Ok(None);
    };
    let sessions = storage.live_families(user, now).await?;
    let people = [person];
    let mut locks = locks(storage, key, &people, now).await?;
    let [person] = people;
    let entry = seen(Action::ViewAccount, authority, now, origin).about("user", user);
    storage.record(&entry).await?;
    Ok(Some(Found {
        listed: Listed {
            person,
            locked_until: locks.pop().flatten(),
        },
        sessions,
    }))
}

async fn locks(
    storage: &impl Storage,
    key: &LockoutKey,
    people: &[Person],
    now: UnixTime,
) -> Result<Vec<Option<UnixTime>>, StorageError> {
    let names: Vec<CounterKey> = people
        .iter()
        .map(|person| key.of_name(person.account.email.as_str()))
        .collect();
    storage.locks(&names, now).await
}

fn seen(action: Action, authority: &Authority, now: UnixTime, origin: &Origin) -> AuditEntry {
    AuditEntry::done(action, Actor::User(authority.user()), now, origin)
}
