//! What a serving issuer does by itself, now and then, and what is left to be written when it ends.

pub mod accesses;
mod arrivals;
pub mod audit_log;
mod keys;

use std::time::Duration;

use tokio::sync::watch;

use self::audit_log::Walk;
use crate::{
    App,
    domain::{custody_log, events, mail},
    store::backfill::Batch,
};

/// How often. What is kept too long by this much is kept for months anyway.
const EVERY: Duration = Duration::from_secs(3600);

/// How often key-encryption keys elsewhere are tried: a loss is noticed within a minute, and no service bills that by the month.
const CUSTODY_EVERY: Duration = Duration::from_secs(60);

/// Cleans up and walks the audit log at once and then every hour, writes down which refreshes arrived, and watches for alerts, over the
/// signing keys and over the key-encryption keys elsewhere, until it is told to stop. Several processes may do it beside each other.
pub async fn run(app: &App, stopped: watch::Receiver<()>) {
    let alerts = async {
        if let Some(watch) = &app.watch {
            watch.run(app, stopped.clone()).await;
        }
    };
    tokio::join!(
        alerts,
        keys::keep(app, stopped.clone()),
        clean(app, stopped.clone()),
        arrivals::keep(app, stopped.clone()),
        watch_custody(app, stopped.clone()),
    );
}

/// Tries key-encryption keys elsewhere now and then, so that a loss is told before a key is needed, and writes down what was asked.
async fn watch_custody(app: &App, mut stopped: watch::Receiver<()>) {
    while app.secrets.failures().is_some() {
        app.secrets.probe().await;
        if let Err(error) = custody_log::write(&app.store, &app.secrets).await {
            tracing::error!(detail = %error, "accesses to key-encryption keys are not in the audit log");
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(CUSTODY_EVERY) => {}
        }
    }
}

/// Does what is due of the signing keys, before anybody asks for them. What fails is tried again while serving.
pub async fn make_next_key(app: &App) {
    keys::once(app).await;
}

async fn clean(app: &App, mut stopped: watch::Receiver<()>) {
    let mut walk = Walk::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = fill_back(app) => {}
        }
        end_old_events(app).await;
        end_old_mails(app).await;
        measure_storage(app).await;
        tokio::select! {
            _ = stopped.changed() => return,
            () = walk.go_on(app) => {}
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Does what a migration left for later, batch by batch. Ends wherever it is when the process stops.
async fn fill_back(app: &App) {
    loop {
        let now = app.clock.now();
        let since = events::kept_since(now, app.config.events.retention_days);
        match app.store.fill_back(now, since).await {
            Ok(Batch::Nothing) => return,
            Ok(Batch::Done(progress)) if progress.finished => {
                let (name, rows) = (progress.backfill.name(), progress.filled);
                tracing::info!(name, rows, "older rows filled");
            }
            Ok(Batch::Done(_)) => {}
            Err(error) => {
                tracing::warn!(detail = %error, "older rows could not be filled");
                return;
            }
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

async fn measure_storage(app: &App) {
    if let Err(error) = app.store.measure_storage(app.clock.now()).await {
        tracing::warn!(detail = %error, "the sizes of tables could not be written down");
    }
}

/// Also where no mail is configured any more: what is left of it is personal.
async fn end_old_mails(app: &App) {
    let now = app.clock.now();
    let mails = app.store.end_mails(now.plus(-mail::KEPT_SECONDS)).await;
    let registrations = app.store.end_registrations(now).await;
    for (ended, what) in [(mails, "old mails"), (registrations, "old registrations")] {
        match ended {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, what, "ended"),
            Err(error) => tracing::warn!(detail = %error, what, "could not be ended"),
        }
    }
}
