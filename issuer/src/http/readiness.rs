//! Answers `/readyz` by what the parts said a moment ago.
//!
//! Nobody has to prove anything who asks here, and one look at the parts signs by each algorithm, in a device or in a KMS where the
//! keys are there. So however many ask, the parts are asked once a second, and never twice at once.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use tokio::sync::Mutex;

use super::{
    health::{self, Readiness},
    to_the_end::to_the_end,
};
use crate::{SharedApp, domain::moment::Moment};

/// How old an answer may be. Whoever sends traffic by it asks every few seconds, so a second delays nothing, and it bounds what
/// anybody can spend of the database and of the device that signs.
const FRESH_MILLIS: i64 = 1_000;

/// What the parts said the last time.
#[derive(Debug, Default)]
pub struct Recent {
    last: RwLock<Option<Look>>,
    /// Whoever holds it asks the parts.
    turn: Arc<Mutex<()>>,
}

/// One look at the parts.
#[derive(Debug, Clone, Copy)]
struct Look<T = Readiness> {
    /// Counts the looks, so that who waited for one knows it from those before.
    number: u64,
    began: Moment,
    found: T,
}

impl<T> Look<T> {
    /// Whether it answers a question asked `now`. The age counts from the beginning, because a part may have answered first of all.
    /// A look from the future is one from before the clock was set back, and no answer.
    fn is_fresh(&self, now: Moment) -> bool {
        (0..FRESH_MILLIS).contains(&now.millis_since(self.began))
    }

    /// Whether it answers a question that waited for its turn and had seen `seen` when it came: also if looking took longer than it
    /// is fresh, or else those who wait would look one after the other.
    fn answers(&self, seen: Option<&Self>, now: Moment) -> bool {
        seen.is_none_or(|seen| seen.number != self.number) || self.is_fresh(now)
    }
}

impl Recent {
    fn last(&self) -> Option<Look> {
        *self.last.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<Self>, app: SharedApp) -> Response {
        let seen = self.last();
        if let Some(look) = seen.filter(|look| look.is_fresh(app.clock.moment())) {
            return look.found.into_response();
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let last = self.last();
        if let Some(look) = last.filter(|look| look.answers(seen.as_ref(), app.clock.moment())) {
            return look.found.into_response();
        }
        // Whoever asks and hangs up at once would otherwise begin a look each time that nobody has the answer of.
        to_the_end(async move {
            let began = app.clock.moment();
            let found = health::probe(&app).await;
            self.keep(Look {
                number: last.map_or(0, |look| look.number.wrapping_add(1)),
                began,
                found,
            });
            drop(turn);
            found.into_response()
        })
        .await
    }

    fn keep(&self, look: Look) {
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(look);
    }
}

/// Every part that a sign-in needs works, or did within the last second.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "Nothing fails; a part may be degraded", body = Readiness),
    (status = 503, description = "At least one part fails", body = Readiness),
))]
pub async fn ready(
    State(app): State<SharedApp>,
    Extension(recent): Extension<Arc<Recent>>,
) -> Response {
    recent.answer(app).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_millis(1_795_000_000_000);

    fn look(number: u64, milliseconds_ago: i64) -> Look<()> {
        Look {
            number,
            began: Moment::from_millis(NOW.millis() - milliseconds_ago),
            found: (),
        }
    }

    #[test]
    fn a_look_answers_for_a_second_and_whoever_waited_for_it() {
        for (ago, is_fresh) in [
            (0, true),
            (999, true),
            (1_000, false),
            (3_600_000, false),
            (-1, false),
            (-3_600_000, false),
        ] {
            let last = look(7, ago);
            assert_eq!(last.is_fresh(NOW), is_fresh, "{ago}");
            // Who saw nothing, or an earlier one, waited while it was made.
            assert!(last.answers(None, NOW), "{ago}");
            assert!(last.answers(Some(&look(6, ago + 1)), NOW), "{ago}");
            assert_eq!(last.answers(Some(&last), NOW), is_fresh, "{ago}");
        }
    }
}
