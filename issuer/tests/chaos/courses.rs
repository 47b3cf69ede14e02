//! Which course of a refresh comes by which point, and which points are past the commit.

use edgeward_issuer::faults::Point;

use crate::site::Kind;

/// What a request for a refresh leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// The current token: the family moves.
    Rotation,
    /// Its parent: the same successor again.
    HandOut,
    /// An older token: the family ends.
    Reuse,
    /// The current token from another device, where that ends the family.
    Elsewhere,
    /// An access token that shows that the successor arrived.
    Confirmation,
    /// An edge that tells that the successor arrived: it is written behind the answer to the edge.
    Arrival,
}

/// Every course that comes by a point. The match has no rest: a new point is not done before it is told here how to get there.
pub(crate) const fn courses(point: Point) -> &'static [Course] {
    use Course::{Arrival, Confirmation, Elsewhere, HandOut, Reuse, Rotation};
    match point {
        Point::TurnTaken
        | Point::TokenGenuine
        | Point::FamilyRead
        | Point::TransactionBegun
        | Point::EntryWritten
        | Point::BeforeCommit
        | Point::AfterCommit
        | Point::TurnGivenBack
        | Point::AnswerMade => &[Rotation, HandOut, Reuse, Elsewhere],
        Point::AccessTokenMade => &[Rotation, HandOut],
        Point::SuccessorSealed | Point::BatchTaken | Point::FamilyMoved | Point::RotationKept => {
            &[Rotation]
        }
        Point::SuccessorOpened | Point::FamilyHandedOut | Point::HandOutKept => &[HandOut],
        Point::EventWritten => &[HandOut, Reuse, Elsewhere],
        Point::FamilyEnded | Point::CookiesEnded | Point::EndWritten => &[Reuse, Elsewhere],
        Point::ReuseKept => &[Reuse],
        Point::ChangeKept => &[Elsewhere],
        Point::ConfirmationJudged | Point::ConfirmationKept => &[Confirmation],
        Point::ArrivalsTaken | Point::ArrivalsWritten => &[Arrival],
    }
}

/// Whether processes of this kind come by the point: only SQLite has one writer, whose commits are shared, and only with Redis
/// there are turns.
pub(crate) const fn is_on(point: Point, kind: Kind) -> bool {
    match kind {
        Kind::Sqlite => !is_of_turns(point),
        Kind::Postgres => !is_of_turns(point) && !matches!(point, Point::BatchTaken),
        Kind::PostgresAndRedis => !matches!(point, Point::BatchTaken),
    }
}

/// Whether a course is killed there. Beside Redis the database does what it does without, so only what is about the turn is
/// done on every course.
pub(crate) fn is_tried(point: Point, course: Course, kind: Kind) -> bool {
    match kind {
        Kind::Sqlite | Kind::Postgres => true,
        Kind::PostgresAndRedis => is_of_turns(point) || course == Course::Rotation,
    }
}

const fn is_of_turns(point: Point) -> bool {
    matches!(point, Point::TurnTaken | Point::TurnGivenBack)
}

/// Whether who dies there leaves a turn behind that nobody gives back.
pub(crate) const fn leaves_turn(point: Point) -> bool {
    !matches!(
        point,
        Point::TurnGivenBack
            | Point::AnswerMade
            | Point::ConfirmationJudged
            | Point::ConfirmationKept
            | Point::ArrivalsTaken
            | Point::ArrivalsWritten
    )
}

/// Whether the act is done although nobody was told. Before the commit nothing of it may be there, after it all of it.
pub(crate) const fn is_kept(point: Point) -> bool {
    match point {
        Point::AfterCommit
        | Point::RotationKept
        | Point::HandOutKept
        | Point::ReuseKept
        | Point::ChangeKept
        | Point::ConfirmationKept
        | Point::ArrivalsWritten
        | Point::TurnGivenBack
        | Point::AnswerMade => true,
        Point::TurnTaken
        | Point::TokenGenuine
        | Point::FamilyRead
        | Point::SuccessorSealed
        | Point::SuccessorOpened
        | Point::AccessTokenMade
        | Point::BatchTaken
        | Point::TransactionBegun
        | Point::FamilyMoved
        | Point::FamilyHandedOut
        | Point::FamilyEnded
        | Point::CookiesEnded
        | Point::EntryWritten
        | Point::EventWritten
        | Point::EndWritten
        | Point::BeforeCommit
        | Point::ConfirmationJudged
        | Point::ArrivalsTaken => false,
    }
}
