//! `edgeward serve`: listens until it is told to stop, then lets running requests end.

use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::serve::ListenerExt;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{Answer, Failure, Outcome, Place};
use crate::{App, http::routes};

/// How long running requests may go on after the signal: less than the 30 seconds after which supervisors kill, and as
/// long as a request may take at all.
const GRACE: Duration = routes::REQUEST_TIMEOUT;

/// The options of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Where to listen, instead of `server.listen`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(place: &Place, serve: Serve) -> Outcome {
    let mut config = place.configure()?;
    if let Some(listen) = serve.listen {
        config.server.listen = listen;
    }
    // From here on a signal ends in order, also one that comes while the parts are opened.
    let mut signals = Signals::listen()?;
    let app = Arc::new(App::open(config).await?);
    let listen = app.config.server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure(format!("cannot listen on {listen}: {error}")))?;
    tracing::info!(
        address = %listener.local_addr()?,
        issuer = app.config.issuer.url,
        environment = %app.config.environment,
        signing_key = app.keyring.active().key_id(),
        "listening"
    );
    // Answers are small and complete: waiting for more to send only delays them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
    });
    let service = routes::router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, mut stopped) = watch::channel(());
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            // The sender only goes away with the process; either way it is time to stop.
            let _ = stopped.changed().await;
        })
        .into_future();
    finish(server, &mut signals, stop).await?;
    app.store.close().await;
    tracing::info!("stopped");
    Ok(Answer::Yes)
}

async fn finish(
    server: impl Future<Output = std::io::Result<()>>,
    signals: &mut Signals,
    stop: watch::Sender<()>,
) -> Result<(), Failure> {
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        name = signals.next() => tracing::info!(signal = name, "stopping"),
    }
    stop.send_replace(());
    match tokio::time::timeout(GRACE, server).await {
        Ok(ended) => Ok(ended?),
        Err(_) => {
            tracing::warn!("requests were still running and were cut off");
            Ok(())
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
