//! Redis, where several issuers share more than the database: limits, whose turn it is to refresh, and word that a session
//! has ended.
//!
//! Nothing here is the truth about a session. Who loses Redis goes on alone: it counts by itself, lets the database
//! decide between refreshes, and keeps a page of the feed for a shorter time. A question that fails or is not answered in
//! time ends the connection, and from then on Redis is left alone: requests ask nothing, while a task tries now and then
//! whether it does its work again. So a Redis that hangs costs what is under way at that moment one time limit and the
//! next requests nothing.

mod counters;
mod link;
mod mutex;
mod usage;

pub use counters::SharedCounters;
pub use link::{Link, LinkError};
pub use mutex::Held;
pub use usage::{Usage, Use};
