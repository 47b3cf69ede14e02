//! Work that goes on when whoever asked for it has hung up.

use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::problem::ApiError;
use crate::store::stopwatch;

/// Runs on a task of its own what a caller who hangs up must not leave undone, such as counting an attempt.
pub(super) async fn to_the_end(work: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::spawn(stopwatch::taken_along(work).in_current_span()).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            // The outermost layer answers it, as it does for every other handler.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => ApiError::internal(error).into_response(),
        },
    }
}
