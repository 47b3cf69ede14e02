//! Points between the steps of a refresh at which a build for tests kills its own process, as a machine that loses its power
//! would end it.
//!
//! They are there only with the cargo feature `fault-points`; without it [`reach`] is empty and nothing of this is in the
//! binary. A test names a folder in [`FOLDER`]. A file `kill-at` in it holds the name of a point and which pass of it is the
//! last, `family-moved 3`; a file `clock-step` holds by how many seconds the machine's clock was stepped. Both are read
//! each time, so that a running process can be told.

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A place between two steps. The test walks all of them; one that it cannot reach fails it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Point { $($(#[$doc])* $point,)* }

        #[cfg(feature = "fault-points")]
        impl Point {
            /// Every point.
            pub const ALL: &'static [Self] = &[$(Self::$point,)*];

            /// The name in the file `kill-at`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$point => $name,)* }
            }
        }
    };
}

points! {
    /// The turn of the family is ours in Redis, and the token was not judged.
    TurnTaken = "turn-taken",
    /// The token was read and its MAC is good; the database was not asked.
    TokenGenuine = "token-genuine",
    /// The family was read, and nothing judged.
    FamilyRead = "family-read",
    /// The successor is made and sealed.
    SuccessorSealed = "successor-sealed",
    /// The successor that was kept is opened, to be handed out again.
    SuccessorOpened = "successor-opened",
    /// The new access token is signed.
    AccessTokenMade = "access-token-made",
    /// Rotations that will share a commit were taken from their queue.
    BatchTaken = "batch-taken",
    /// A write transaction has begun.
    TransactionBegun = "transaction-begun",
    /// The compare-and-swap moved the row.
    FamilyMoved = "family-moved",
    /// The row notes that the successor is handed out again.
    FamilyHandedOut = "family-handed-out",
    /// The tombstone stands.
    FamilyEnded = "family-ended",
    /// The session cookies of the ended family are gone.
    CookiesEnded = "cookies-ended",
    /// The audit entry stands.
    EntryWritten = "entry-written",
    /// The security event of the entry stands.
    EventWritten = "event-written",
    /// The end stands in the feed for edges.
    EndWritten = "end-written",
    /// Everything is written, and nothing committed.
    BeforeCommit = "before-commit",
    /// The commit is on the disk, and nobody knows of it.
    AfterCommit = "after-commit",
    /// Who asked for a rotation knows that it was done.
    RotationKept = "rotation-kept",
    /// Who asked for a hand-out knows that it was done.
    HandOutKept = "hand-out-kept",
    /// Who ended a family because of a spent token knows that it was done.
    ReuseKept = "reuse-kept",
    /// Who ended a family because it was used from elsewhere knows that it was done.
    ChangeKept = "change-kept",
    /// Others may take the turn again; the answer is not made.
    TurnGivenBack = "turn-given-back",
    /// An access token shows that the successor arrived; it is not written down.
    ConfirmationJudged = "confirmation-judged",
    /// It is.
    ConfirmationKept = "confirmation-kept",
    /// What was told of refreshes that arrived was taken up to be written; nothing of it is.
    ArrivalsTaken = "arrivals-taken",
    /// It stands in the database, and the writer does not know it.
    ArrivalsWritten = "arrivals-written",
    /// The answer is made, and nothing of it sent.
    AnswerMade = "answer-made",
}

#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub(crate) const fn reach(_: Point) {}

#[cfg(feature = "fault-points")]
pub(crate) use armed::reach;
#[cfg(feature = "fault-points")]
pub use armed::{FOLDER, clock_step_millis};

#[cfg(feature = "fault-points")]
mod armed {
    use std::{
        env, fs,
        path::Path,
        process::{self, Command},
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use super::Point;

    /// The variable that names the folder. It stands in the text of every build with this feature and of no other, which is
    /// how what ships is searched for it.
    pub const FOLDER: &str = "EDGEWARD_FAULTS_OF_TESTS";

    /// Ends the process if a test wants it to end here.
    pub(crate) fn reach(point: Point) {
        static PASSES: AtomicU64 = AtomicU64::new(0);
        let Some(told) = read("kill-at") else { return };
        let Some((name, last)) = told.trim().split_once(' ') else {
            return;
        };
        if name != point.name() {
            return;
        }
        let pass = PASSES.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        if last.parse() == Ok(pass) {
            die(point);
        }
    }

    /// By how much the machine's clock was stepped.
    #[must_use]
    pub fn clock_step_millis() -> i64 {
        let seconds = read("clock-step").and_then(|text| text.trim().parse::<i64>().ok());
        seconds.unwrap_or(0).saturating_mul(1000)
    }

    fn read(name: &str) -> Option<String> {
        let folder = env::var_os(FOLDER)?;
        fs::read_to_string(Path::new(&folder).join(name)).ok()
    }

    /// By the signal that no process can catch. The shell sends it, because sending it oneself would need `unsafe`; this thread
    /// does nothing more meanwhile.
    fn die(point: Point) -> ! {
        tracing::error!(point = point.name(), "killed by a test");
        let pid = process::id().to_string();
        let _ = Command::new("sh")
            .args(["-c", "kill -9 \"$1\"", "sh", &pid])
            .status();
        loop {
            thread::park();
        }
    }
}
