//! Which refreshes arrived, written into the database behind the answers.

use std::time::Duration;

use tokio::sync::watch;

use crate::App;

/// How long a database is left alone that failed. What is told meanwhile waits, as far as there is room.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Writes as soon as there is something to write, until it is told to stop.
pub(super) async fn keep(app: &App, mut stopped: watch::Receiver<()>) {
    let mut failing = false;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = app.arrivals.wait() => {}
        }
        match app.arrivals.write(&app.store).await {
            Ok(confirmed) => {
                app.metrics.confirmed(confirmed);
                failing = false;
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(detail = %error, "which refreshes arrived could not be written");
                }
                failing = true;
                tokio::select! {
                    _ = stopped.changed() => return,
                    () = tokio::time::sleep(AFTER_FAILURE) => {}
                }
            }
        }
    }
}
