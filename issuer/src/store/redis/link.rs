//! The one connection to Redis, and leaving Redis alone while it does not do its work.

use std::{
    fmt, fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind,
    RedisError, RedisResult, TlsCertificates, aio::MultiplexedConnection,
};
use tokio::time::{sleep, timeout};

use super::{
    counters,
    usage::{Usage, Use},
};
use crate::{config, domain::revocations::News};

/// How long connecting and trying out may take, and at least as long as a question. No request waits for it, only a start
/// does.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long Redis is left alone at first, and at most: long enough that a server which staggers is not leant upon, and
/// short enough that one which was started anew is used again within seconds.
const REST: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Why there is no link. For the operator; a server that is away is no reason.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The file of `redis.ca_file` cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The driver does not take the address or the certificate.
    #[error("{place}: {source}")]
    Unfit {
        /// The server, without its password.
        place: String,
        /// What the driver said.
        source: RedisError,
    },
}

/// The way to Redis. Cheap to clone; the last one that is dropped ends the connection.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    client: Client,
    place: String,
    prefix: String,
    /// How long a question may take.
    patience: Duration,
    /// How long a turn to refresh lasts that nobody gives back.
    turn: Duration,
    way: Mutex<Way>,
    connected: AtomicU64,
    usage: Usage,
    news: Arc<News>,
}

/// Whether Redis is asked at the moment.
enum Way {
    Open {
        /// Which connection: what another one met says nothing about this one.
        number: u64,
        connection: MultiplexedConnection,
    },
    /// A task tries now and then.
    LeftAlone,
}

impl Link {
    /// How long a turn to refresh lasts that nobody gives back.
    pub(super) fn turn(&self) -> Duration {
        self.0.turn
    }

    /// Connects, if `settings` name a server. One that is away or unfit is told in the log and tried again.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn open(
        settings: &config::Redis,
        news: &Arc<News>,
    ) -> Result<Option<Self>, LinkError> {
        let Some(url) = &settings.url else {
            return Ok(None);
        };
        let place = url.to_string();
        let client = client(settings, url).map_err(|refused| match refused {
            Refused::File(path, source) => LinkError::Authority { path, source },
            Refused::Driver(source) => LinkError::Unfit {
                place: place.clone(),
                source,
            },
        })?;
        let link = Self(Arc::new(Inner {
            client,
            place,
            prefix: settings.prefix.clone(),
            patience: settings.timeout,
            turn: Duration::from_secs(settings.turn_seconds.unsigned_abs()),
            way: Mutex::new(Way::LeftAlone),
            connected: AtomicU64::new(0),
            usage: Usage::default(),
            news: Arc::clone(news),
        }));
        match link.0.connect().await {
            Ok(()) => tracing::info!(redis = link.place(), "Redis is asked"),
            Err(why) => {
                link.0.tell_lost(&why);
                tokio::spawn(come_back(Arc::downgrade(&link.0)));
            }
        }
        tokio::spawn(pass_on(Arc::downgrade(&link.0), news.told()));
        Ok(Some(link))
    }

    /// The server without its password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// What it was asked for.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.0.usage
    }

    /// Whether Redis is asked at the moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(*self.0.way(), Way::Open { .. })
    }

    /// Whether Redis does its work at this moment: whether it is asked, and answers.
    ///
    /// # Errors
    /// What is the matter, in words.
    pub async fn check(&self) -> Result<(), String> {
        let Some((number, mut connection)) = self.0.open_way() else {
            return Err("Redis is left alone after an error".to_owned());
        };
        let asked = timeout(self.0.patience, async {
            redis::cmd("PING").exec_async(&mut connection).await
        });
        let answer = in_time(asked.await);
        answer.inspect_err(|why| self.0.leave(number, why))
    }

    /// A name below the prefix of this site.
    pub(super) fn key(&self, kind: &str, name: &str) -> String {
        self.0.key(kind, name)
    }

    /// Asks a question within the time limit. `None`: go on without; it is counted and told.
    pub(super) async fn ask<T, Answer>(
        &self,
        what: Use,
        question: impl FnOnce(MultiplexedConnection) -> Answer,
    ) -> Option<T>
    where
        Answer: Future<Output = RedisResult<T>>,
    {
        self.0.ask(what, question).await
    }
}

impl Inner {
    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.prefix)
    }

    /// Where it is told that sessions ended.
    fn channel(&self) -> String {
        format!("{}:ended", self.prefix)
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_way(&self) -> Option<(u64, MultiplexedConnection)> {
        match &*self.way() {
            Way::Open { number, connection } => Some((*number, connection.clone())),
            Way::LeftAlone => None,
        }
    }

    async fn ask<T, Answer>(
        self: &Arc<Self>,
        what: Use,
        question: impl FnOnce(MultiplexedConnection) -> Answer,
    ) -> Option<T>
    where
        Answer: Future<Output = RedisResult<T>>,
    {
        let Some((number, connection)) = self.open_way() else {
            self.usage.went_without(what);
            return None;
        };
        match in_time(timeout(self.patience, question(connection)).await) {
            Ok(answer) => {
                self.usage.answered(what);
                Some(answer)
            }
            Err(why) => {
                self.usage.failed(what);
                self.usage.went_without(what);
                self.leave(number, &why);
                None
            }
        }
    }

    /// Leaves Redis alone after what happened on a connection, unless that is not the one in use any more.
    fn leave(self: &Arc<Self>, number: u64, why: &str) {
        {
            let mut way = self.way();
            match &*way {
                Way::Open { number: used, .. } if *used == number => *way = Way::LeftAlone,
                Way::Open { .. } | Way::LeftAlone => return,
            }
        }
        self.news.listen(false);
        self.tell_lost(why);
        // Outside of a runtime everything ends anyway.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(come_back(Arc::downgrade(self)));
        }
    }

    fn tell_lost(&self, why: &str) {
        tracing::warn!(
            redis = self.place,
            detail = why,
            "Redis is lost: limits are counted by each process, and the database decides alone"
        );
    }

    /// Connects, listens, and tries out what requests need.
    async fn connect(self: &Arc<Self>) -> Result<(), String> {
        let number = self.connected.fetch_add(1, Ordering::Relaxed);
        let connection = in_time(timeout(CONNECT_WITHIN, self.try_out(number)).await)?;
        *self.way() = Way::Open { number, connection };
        // What was told while nobody listened is not told again.
        self.news.listen(true);
        Ok(())
    }

    async fn try_out(self: &Arc<Self>, number: u64) -> RedisResult<MultiplexedConnection> {
        let link = Arc::downgrade(self);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(CONNECT_WITHIN))
            .set_push_sender(move |push: PushInfo| hear(&link, number, &push));
        let client = &self.client;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        connection.subscribe(self.channel()).await?;
        counters::try_out(&self.key("probe", "bucket"), &mut connection).await?;
        Ok(connection)
    }
}

/// What the server says by itself, or the driver about the connection.
fn hear(link: &Weak<Inner>, number: u64, push: &PushInfo) -> Result<(), &'static str> {
    let link = link.upgrade().ok_or("the link is gone")?;
    if push.kind == PushKind::Message {
        link.news.hear();
    } else if push.kind == PushKind::Disconnection {
        link.leave(number, "the connection was closed");
    }
    Ok(())
}

/// Tries until Redis does its work again, or nobody wants it any more.
async fn come_back(link: Weak<Inner>) {
    let (mut rest, longest) = REST;
    loop {
        sleep(rest).await;
        let Some(link) = link.upgrade() else { return };
        match link.connect().await {
            Ok(()) => {
                tracing::info!(redis = link.place, "Redis is back");
                return;
            }
            Err(why) => tracing::debug!(redis = link.place, detail = why, "Redis is still lost"),
        }
        rest = longest.min(rest * 2);
    }
}

/// Tells the other processes what this one tells. A word that cannot be passed on is lost: the greatest age of a page of
/// the feed makes up for it.
async fn pass_on(link: Weak<Inner>, mut told: tokio::sync::watch::Receiver<()>) {
    while told.changed().await.is_ok() {
        let Some(link) = link.upgrade() else { return };
        let channel = link.channel();
        link.ask(Use::News, |mut connection| async move {
            redis::cmd("PUBLISH")
                .arg(channel)
                .arg("ended")
                .exec_async(&mut connection)
                .await
        })
        .await;
    }
}

fn in_time<T>(answer: Result<RedisResult<T>, tokio::time::error::Elapsed>) -> Result<T, String> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

enum Refused {
    File(PathBuf, io::Error),
    Driver(RedisError),
}

impl From<RedisError> for Refused {
    fn from(error: RedisError) -> Self {
        Self::Driver(error)
    }
}

fn client(settings: &config::Redis, url: &config::RedisUrl) -> Result<Client, Refused> {
    let info = url.reveal().into_connection_info()?;
    // What the server says by itself comes on the connection of the answers only by this protocol (Redis 6 or newer).
    let resp3 = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(resp3);
    let Some(path) = &settings.ca_file else {
        return Ok(Client::open(info)?);
    };
    let authority = fs::read(path).map_err(|source| Refused::File(path.clone(), source))?;
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(authority),
    };
    Ok(Client::build_with_tls(info, certificates)?)
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("place", &self.0.place)
            .field("prefix", &self.0.prefix)
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}
