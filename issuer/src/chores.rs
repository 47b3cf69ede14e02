//! What a serving issuer does by itself, now and then.

use std::time::Duration;

use tokio::sync::watch;

use crate::{App, domain::events};

/// How often. What is kept too long by this much is kept for months anyway.
const EVERY: Duration = Duration::from_secs(3600);

/// Cleans up at once and then every hour, and watches for alerts, until it is told to stop. Several processes may do it beside
/// each other.
pub async fn run(app: &App, stopped: watch::Receiver<()>) {
    let alerts = async {
        if let Some(watch) = &app.watch {
            watch.run(app, stopped.clone()).await;
        }
    };
    tokio::join!(alerts, clean(app, stopped.clone()));
}

async fn clean(app: &App, mut stopped: watch::Receiver<()>) {
    loop {
        end_old_events(app).await;
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn end_old_events(app: &App) {
    let before = events::kept_since(app.clock.now(), app.config.events.retention_days);
    if let Err(error) = app.store.end_alerts(before, app.clock.now()).await {
        tracing::warn!(detail = %error, "old alerts could not be ended");
    }
    match app.store.end_events(before).await {
        Ok(0) => {}
        Ok(ended) => tracing::info!(ended, "old security events ended"),
        Err(error) => tracing::warn!(detail = %error, "old security events could not be ended"),
    }
}
