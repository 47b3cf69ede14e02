//! Watches the security events and calls whom the rules name.
//!
//! Every few seconds each process asks whether it is its turn; the one that has it counts, raises, and sends what is due.
//! An alert is in the database before it is sent, so a process that ends in between loses none, and a receiver may get one
//! twice: it tells them apart by their identifier.

use std::time::Duration;

use edgeward_core::time::UnixTime;
use tokio::sync::watch;

use crate::{
    App,
    config::{AlertRule, Alerting, SecretText, Webhook},
    domain::{
        alerts::{self, Alert},
        session::{self, NoRandomness},
        storage::StorageError,
    },
    store::alerts::{DueAlert, Sent},
};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);

/// A process that died with the turn is waited for so long: longer than sending everything that is sent in one turn may take.
const TURN_SECONDS: i64 = 180;

/// Receivers take a message and work on it later; who needs longer is tried again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The identifier, which is the same in every attempt.
const ID_HEADER: &str = "edgeward-alert-id";

/// When this attempt was made, in seconds since 1970.
const TIMESTAMP_HEADER: &str = "edgeward-alert-timestamp";

/// `v1=` and the HMAC of moment and body.
const SIGNATURE_HEADER: &str = "edgeward-alert-signature";

/// Counts, raises and sends for one process.
#[derive(Debug)]
pub struct Watch {
    rules: Vec<(AlertRule, Webhook)>,
    secret: SecretText,
    client: reqwest::Client,
    holder: String,
}

/// Why nobody watches.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The client cannot be made.
    #[error("the client for alerts: {0}")]
    Client(#[from] reqwest::Error),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Why a turn ended early.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Watch {
    /// Prepares to watch; `None` where no rule is in force.
    ///
    /// # Errors
    /// [`WatchError`].
    pub fn new(settings: &Alerting) -> Result<Option<Self>, WatchError> {
        let rules = settings.in_force();
        let (Some(secret), false) = (&settings.secret, rules.is_empty()) else {
            return Ok(None);
        };
        let holder = u128::from_be_bytes(session::random()?);
        Ok(Some(Self {
            rules,
            secret: secret.clone(),
            client: reqwest::Client::builder()
                // Whoever could redirect could have alerts sent into the network that the issuer is in.
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TIMEOUT)
                .build()?,
            holder: format!("{holder:032x}"),
        }))
    }

    /// Looks every few seconds, until it is told to stop.
    pub async fn run(&self, app: &App, mut stopped: watch::Receiver<()>) {
        loop {
            self.turn(app, app.clock.now()).await;
            tokio::select! {
                _ = stopped.changed() => break,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        // Another process need not wait for the end of the turn; if this fails, it does.
        let _ = app.store.give_alert_turn_back(&self.holder).await;
    }

    /// One look: nothing if it is another process's turn. A failure is said and ends the turn; the next one goes on.
    pub async fn turn(&self, app: &App, now: UnixTime) {
        if let Err(error) = self.try_turn(app, now).await {
            tracing::warn!(detail = %error, "alerts could not be watched");
        }
    }

    async fn try_turn(&self, app: &App, now: UnixTime) -> Result<(), TurnError> {
        let until = now.plus(TURN_SECONDS);
        if !app.store.take_alert_turn(&self.holder, now, until).await? {
            return Ok(());
        }
        for (rule, _) in &self.rules {
            for alert in self.due_of(app, rule, now).await? {
                if app.store.raise_alert(&alert).await? {
                    tracing::warn!(id = alert.id, rule = alert.rule, "alert raised");
                }
            }
        }
        for due in app.store.due_alerts(now).await? {
            let sent = self.send(&due, now).await;
            app.store.settle_alert(&due.id, sent, now).await?;
        }
        Ok(())
    }

    async fn due_of(
        &self,
        app: &App,
        rule: &AlertRule,
        now: UnixTime,
    ) -> Result<Vec<Alert>, TurnError> {
        let window = alerts::window(rule, now);
        let counted = app.store.count_for_alert(rule, window).await?;
        if counted.is_empty() {
            return Ok(Vec::new());
        }
        let cooling = app.store.cooling_subjects(&rule.name, now).await?;
        let issuer = &app.config.issuer.url;
        Ok(alerts::raise(rule, &counted, &cooling, issuer, now)?)
    }

    async fn send(&self, due: &DueAlert, now: UnixTime) -> Sent {
        let mut rules = self.rules.iter();
        let Some((_, webhook)) = rules.find(|(rule, _)| rule.name == due.rule) else {
            tracing::warn!(
                id = due.id,
                rule = due.rule,
                "alert given up: its rule is gone"
            );
            return Sent::Failed(None);
        };
        let signature = alerts::signature(self.secret.reveal(), now, &due.body);
        let asked = self
            .client
            .post(webhook.reveal())
            .header("content-type", "application/json")
            .header(ID_HEADER, &due.id)
            .header(TIMESTAMP_HEADER, now.seconds())
            .header(SIGNATURE_HEADER, format!("v1={signature}"))
            .body(due.body.clone())
            .send()
            .await;
        let wrong = match asked {
            Ok(response) if response.status().is_success() => return Sent::Taken,
            Ok(response) => response.status().to_string(),
            // The address may hold a token of the receiver's.
            Err(error) => error.without_url().to_string(),
        };
        let next = alerts::next_try(due.tries.saturating_add(1), now);
        tracing::warn!(
            id = due.id,
            rule = due.rule,
            detail = wrong,
            given_up = next.is_none(),
            "alert not taken"
        );
        Sent::Failed(next)
    }
}
