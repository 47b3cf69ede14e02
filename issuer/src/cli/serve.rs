//! `edgeward serve`: listens until it is told to stop, then lets running requests end.

use std::{
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{Answer, Failure, Outcome, Place};
use crate::{
    App,
    chores::{self, accesses},
    http::{
        forward_auth::{self, ForwardAuth},
        health, listener, metrics, routes,
    },
    mail,
};

/// How long running requests may go on after the signal: less than the 30 seconds after which supervisors kill, and as
/// long as a request may take at all.
const GRACE: Duration = routes::REQUEST_TIMEOUT;

/// The options of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Where to listen, instead of `server.listen`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Limit requests from this machine too, which development otherwise does not.
    #[arg(long)]
    limits: bool,
    /// Give verdicts to a proxy here, instead of `forward_auth.listen`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    forward_auth: Option<SocketAddr>,
    /// The route policy for verdicts, instead of `forward_auth.policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(super) async fn run(place: &Place, serve: Serve) -> Outcome {
    let mut overruled = Vec::new();
    if let Some(address) = serve.forward_auth {
        overruled.push(("forward_auth.listen", address.to_string()));
    }
    if let Some(policy) = &serve.policy {
        let path = policy.to_str();
        let path = path.ok_or_else(|| Failure("--policy: the path is no text".to_owned()))?;
        overruled.push(("forward_auth.policy", path.to_owned()));
    }
    let mut config = place.configure_with(overruled)?;
    if let Some(listen) = serve.listen {
        config.server.listen = listen;
    }
    config.limits.loopback |= serve.limits;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    // From here on a signal ends in order, also one that comes while the parts are opened.
    let mut signals = Signals::listen()?;
    let app = Arc::new(App::open(config).await?);
    let served = serve_app(&app, &mut signals).await;
    // Whatever was asked of key-encryption keys is in the audit log before the process ends, of a start that is refused as well.
    if let Err(error) = accesses::drain(&app.store, &app.secrets).await {
        tracing::error!(detail = %error, "accesses to key-encryption keys are not in the audit log");
    }
    app.store.close().await;
    if served.is_ok() {
        tracing::info!("stopped");
    }
    served
}

async fn serve_app(app: &Arc<App>, signals: &mut Signals) -> Outcome {
    // A device that does not sign is told to whoever starts the issuer, and not to the first person who signs in.
    health::try_signing_keys(app).await.map_err(Failure)?;
    // So the first key set that anybody fetches has the next key in it.
    chores::make_next_key(app).await;
    let listen = app.config.server.listen;
    let listener = bind(listen).await?;
    let metrics_listener = match app.config.metrics.listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let forward_auth = match (
        app.config.forward_auth.listen,
        app.config.forward_auth.dialect,
    ) {
        (Some(address), Some(dialect)) => {
            let verdicts = ForwardAuth::open(app, dialect).await?;
            let listener = bind(address).await?;
            let (address, dialect) = (listener.local_addr()?, dialect.name());
            tracing::info!(%address, dialect, "forward-auth");
            Some((listener, verdicts))
        }
        (Some(_) | None, _) => None,
    };
    if let Some(listener) = &metrics_listener {
        tracing::info!(address = %listener.local_addr()?, "metrics");
    }
    tracing::info!(
        address = %listener.local_addr()?,
        issuer = app.config.issuer.url,
        environment = %app.config.environment,
        signing_key = app.keyring.signing_key(app.clock.now(), Instant::now())?.key_id(),
        "listening"
    );
    let (stop, stopped) = watch::channel(());
    let server = listener::serve(
        listener,
        routes::router(Arc::clone(app)),
        listener::HEADER_TIMEOUT,
        told(stopped.clone()),
    );
    let chores = chores::run(app, stopped.clone());
    let mails = mail::run(app, stopped.clone());
    let stopped_too = stopped.clone();
    let verdicts = async {
        if let Some((listener, verdicts)) = forward_auth {
            let router = forward_auth::router(verdicts);
            listener::serve(
                listener,
                router,
                listener::HEADER_TIMEOUT,
                told(stopped_too),
            )
            .await;
        }
    };
    let numbers = async {
        if let Some(listener) = metrics_listener {
            let router = metrics::endpoint::router(Arc::clone(app));
            listener::serve(listener, router, listener::HEADER_TIMEOUT, told(stopped)).await;
        }
    };
    finish(
        async { tokio::join!(server, verdicts, numbers, chores, mails) },
        signals,
        stop,
    )
    .await;
    Ok(Answer::Yes)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure(format!("cannot listen on {address}: {error}")))
}

async fn told(mut stopped: watch::Receiver<()>) {
    // The sender only goes away with the process; either way it is time to stop.
    let _ = stopped.changed().await;
}

async fn finish<T>(
    server: impl Future<Output = T>,
    signals: &mut Signals,
    stop: watch::Sender<()>,
) {
    tokio::pin!(server);
    tokio::select! {
        _ = &mut server => return,
        name = signals.next() => tracing::info!(signal = name, "stopping"),
    }
    stop.send_replace(());
    if tokio::time::timeout(GRACE, server).await.is_err() {
        tracing::warn!("requests were still running and were cut off");
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
