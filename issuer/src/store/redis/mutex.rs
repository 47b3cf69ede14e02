//! Whose turn it is to refresh, in Redis.

use std::{fmt, sync::LazyLock, time::Duration};

use redis::{Script, aio::MultiplexedConnection};

use super::{Link, Use};
use crate::domain::{
    refresh::{FamilyMutex, Hold, Turn},
    session::{self, Sid},
};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("give_back.lua")));

impl FamilyMutex for Link {
    type Hold = Held;

    async fn take(&self, sid: Sid, seq: u64) -> Turn<Held> {
        let Ok(owner) = session::random::<16>() else {
            return Turn::Unknown;
        };
        let owner = format!("{seq}.{:032x}", u128::from_be_bytes(owner));
        let key = self.key("refresh", &sid.to_string());
        let mut call = TAKE.key(&key);
        call.arg(&owner).arg(whole(self.turn()));
        let ask = |mut connection: MultiplexedConnection| async move {
            call.invoke_async(&mut connection).await
        };
        let holder: Option<String> = self.ask(Use::Mutex, ask).await;
        let Some(holder) = holder else {
            return Turn::Unknown;
        };
        if holder.is_empty() {
            return Turn::Ours(Held {
                held: Some((self.clone(), key, owner)),
            });
        }
        // A token of another generation is none that the holder's answer would help: it may be a thief's.
        match holder.split_once('.') {
            Some((of, _)) if of == seq.to_string() => Turn::Others,
            Some(_) | None => Turn::Unknown,
        }
    }
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A turn in Redis: where, which, and by whom.
pub struct Held {
    /// `None` once it was given back.
    held: Option<(Link, String, String)>,
}

impl Hold for Held {
    async fn give_back(mut self) {
        if let Some(held) = self.held.take() {
            end(held).await;
        }
    }
}

/// Who stopped waiting in the midst of a request gives it back behind it.
impl Drop for Held {
    fn drop(&mut self) {
        if let Some(held) = self.held.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(end(held));
        }
    }
}

async fn end((link, key, owner): (Link, String, String)) {
    let mut call = GIVE_BACK.key(key);
    call.arg(owner);
    let ask = |mut connection: MultiplexedConnection| async move {
        call.invoke_async(&mut connection).await
    };
    // If it fails, the turn ends by itself.
    let _: Option<u64> = link.ask(Use::Mutex, ask).await;
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}
