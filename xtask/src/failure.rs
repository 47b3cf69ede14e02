//! Why a task could not be done, in words for the person at the keyboard.
//!
//! There is one kind of failure here, because there is one reader: it says what was attempted, what went wrong and, where
//! one exists, the command that helps. Nothing branches on it.

use std::fmt;

/// A sentence or more that tells what went wrong and what to do.
#[derive(Debug, Clone)]
pub struct Failure(String);

/// The result of a task.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure that is told with `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(message)
    }
}

/// Puts what was attempted in front of an error from elsewhere.
pub trait Attempt<T> {
    /// Turns the error into a [`Failure`] that begins with `what`.
    fn attempt(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: fmt::Display> Attempt<T> for Result<T, E> {
    fn attempt(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", what())))
    }
}
