//! `edgeward openapi`: the description of the HTTP interface.

use super::{Answer, Outcome, print};
use crate::http::openapi;

pub(super) fn run() -> Outcome {
    print(openapi::json()?.trim_end())?;
    Ok(Answer::Yes)
}
