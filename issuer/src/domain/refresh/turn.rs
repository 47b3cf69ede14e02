//! One request at a time with the same token, where processes can tell each other whose turn it is.
//!
//! What is right is decided by the database alone, by compare-and-swap. This only spares it work: of many requests with
//! one token all but the first are told to wait before anything is read. To the protocol such an answer is a request
//! that was lost on the way, so whatever becomes of a turn (it is lost, forgotten, or given twice), nobody is signed out
//! by it. A token of another generation does not wait: it is judged as if there were no turns.

use std::future::Future;

use super::{Context, RefreshError, Refreshed, genuine, refresh};
use crate::{
    domain::{session::Sid, storage::Storage},
    faults::{Point, reach},
};

/// Whose turn it is to exchange a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Turn<H> {
    /// Ours, until it is given back.
    Ours(H),
    /// That of another request with the same token.
    Others,
    /// Nobody says: there is no mutex, it cannot be asked, or another generation of the family holds it.
    Unknown,
}

/// A turn that was taken. Dropping gives it back too, a little later: a client may go in the midst of its request.
pub trait Hold: Send {
    /// Lets the next one have it.
    fn give_back(self) -> impl Future<Output = ()> + Send;
}

/// A mutex for each family. Answers within a time that a request can spare, and lets a turn that nobody gives back end.
pub trait FamilyMutex: Sync {
    /// What is held.
    type Hold: Hold;

    /// Takes the turn to exchange the family's token of number `seq`, without waiting for it.
    fn take(&self, sid: Sid, seq: u64) -> impl Future<Output = Turn<Self::Hold>> + Send;
}

impl<M: FamilyMutex> FamilyMutex for Option<M> {
    type Hold = M::Hold;

    async fn take(&self, sid: Sid, seq: u64) -> Turn<Self::Hold> {
        match self {
            Some(mutex) => mutex.take(sid, seq).await,
            None => Turn::Unknown,
        }
    }
}

/// [`refresh`], unless another request is exchanging the same token at this moment.
///
/// # Errors
/// [`RefreshError`]; [`RefreshError::InProgress`] also where it is not this request's turn.
pub async fn refresh_in_turn(
    storage: &impl Storage,
    mutex: &impl FamilyMutex,
    context: Context<'_>,
    text: &str,
) -> Result<Refreshed, RefreshError> {
    let token = genuine(context.keys, text).ok_or(RefreshError::Invalid)?;
    match mutex.take(token.sid, token.seq).await {
        Turn::Ours(hold) => {
            reach(Point::TurnTaken);
            let result = refresh(storage, context, text).await;
            hold.give_back().await;
            reach(Point::TurnGivenBack);
            result
        }
        Turn::Others => Err(context.in_progress()),
        Turn::Unknown => refresh(storage, context, text).await,
    }
}
