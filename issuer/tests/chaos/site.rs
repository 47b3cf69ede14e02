//! A site: one data folder, a database, and processes that serve from them until they are killed.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    clock::Clock,
    config,
    faults::{self, Point},
    store::{Store, audit::ChainVerdict},
};
use serde_json::Value;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    edge::Edge,
    folder::Folder,
    postgres::{Database, Server, server},
    program::{
        edgeward, run,
        served::{SERVE, Served},
    },
    redis_server,
};

pub(crate) const EMAIL: &str = "ada@example.test";
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// For so many seconds a spent token is told to wait. It is the longest that can be set: the next request has to come in time
/// on a busy machine too.
pub(crate) const CONFLICT_SECONDS: i64 = 5;

/// Past that time.
pub(crate) const PAST_THE_CONFLICT: i64 = CONFLICT_SECONDS + 1;

/// Which database, and what is beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    PostgresAndRedis,
}

pub(crate) struct Site {
    folder: Folder,
    database: Option<Database>,
    redis: Option<config::Redis>,
    processes: AtomicUsize,
    clock_step: AtomicI64,
    writes_clock: Mutex<()>,
}

impl Site {
    pub(crate) async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::with(None, None),
            Kind::Postgres => Self::on(server()).await,
            Kind::PostgresAndRedis => {
                let redis = redis_server::server().site();
                Self::with(Some(server().database().await), Some(redis))
            }
        }
    }

    /// On a server that the test stops.
    pub(crate) async fn on(server: &'static Server) -> Self {
        Self::with(Some(server.database().await), None)
    }

    fn with(database: Option<Database>, redis: Option<config::Redis>) -> Self {
        let site = Self {
            folder: Folder::new(),
            database,
            redis,
            processes: AtomicUsize::new(0),
            clock_step: AtomicI64::new(0),
            writes_clock: Mutex::new(()),
        };
        site.step_clock(0);
        let add = ["user", "add", "--email", EMAIL, "--password-stdin"];
        let added = run(
            site.command(edgeward(site.folder.path())).args(add),
            PASSWORD.as_bytes(),
        );
        assert_eq!(added.code, Some(0), "{added:?}");
        site
    }

    fn command(&self, mut command: Command) -> Command {
        if let Some(database) = &self.database {
            command.env("EDGEWARD__STORE__URL", database.url().reveal());
        }
        if let Some(redis) = &self.redis {
            command
                .env("EDGEWARD__REDIS__URL", redis.url.as_ref().unwrap().reveal())
                .env("EDGEWARD__REDIS__PREFIX", &redis.prefix)
                .env(
                    "EDGEWARD__REDIS__TIMEOUT_MS",
                    redis_server::PATIENT.as_millis().to_string(),
                );
        }
        command
            // The cost of hashing is not what is tried here.
            .env("EDGEWARD__PASSWORDS__ARGON2__MEMORY_KIB", "64")
            .env(
                "EDGEWARD__REFRESH__CONFLICT_SECONDS",
                CONFLICT_SECONDS.to_string(),
            )
            .env("EDGEWARD__REFRESH__ON_DEVICE_CHANGE", "revoke");
        command
    }

    /// Lets somebody speak for clients.
    pub(crate) fn enroll_edge(&self) -> Edge {
        const NAME: &str = "edge-1";
        let enroll = ["edge", "enroll", NAME];
        let enrolled = run(self.command(edgeward(self.folder.path())).args(enroll), b"");
        assert_eq!(enrolled.code, Some(0), "{enrolled:?}");
        Edge::of(NAME, &enrolled.out)
    }

    /// What the clocks of its processes say.
    pub(crate) fn now(&self) -> UnixTime {
        Clock.now().plus(self.clock_step.load(Ordering::SeqCst))
    }

    pub(crate) fn serve(&self) -> Issuer {
        self.serve_by(edgeward(self.folder.path()))
    }

    /// A process that is told of a refused write by an error and not by the signal `SIGXFSZ`, as on a full disk.
    pub(crate) fn serve_to_be_refused(&self) -> Issuer {
        let program = edgeward(self.folder.path());
        let mut shell = Command::new("sh");
        shell
            .env_clear()
            .current_dir(self.folder.path())
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(program.get_program())
            .args(program.get_args());
        self.serve_by(shell)
    }

    fn serve_by(&self, command: Command) -> Issuer {
        let number = self.processes.fetch_add(1, Ordering::SeqCst);
        let faults = self.folder.path().join(format!("faults-{number}"));
        fs::create_dir(&faults).unwrap();
        std::os::unix::fs::symlink(self.clock_file(), faults.join("clock-step")).unwrap();
        let mut command = self.command(command);
        command.args(SERVE).env(faults::FOLDER, &faults);
        let served = Served::start(command);
        Issuer {
            origin: served.origin.clone(),
            served,
            faults,
        }
    }

    /// Steps the clock of every process of this site, as an operator or a time server would.
    pub(crate) fn step_clock(&self, seconds: i64) {
        let _one = self.writes_clock.lock().unwrap();
        let step = self.clock_step.fetch_add(seconds, Ordering::SeqCst) + seconds;
        put(&self.clock_file(), &step.to_string());
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock-step")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("data/edgeward.db")
    }

    /// Somebody in the midst of reading the file.
    pub(crate) async fn reader(&self) -> SqliteConnection {
        let file = SqliteConnectOptions::new().filename(self.file());
        let mut reader = file.connect().await.unwrap();
        let reads = "BEGIN; SELECT count(*) FROM families";
        sqlx::raw_sql(reads).execute(&mut reader).await.unwrap();
        reader
    }

    /// Runs statements past the issuer, on a server.
    pub(crate) async fn run(&self, statements: &'static str) {
        let mut sql = self.database.as_ref().unwrap().sql().await;
        sqlx::raw_sql(statements).execute(&mut sql).await.unwrap();
    }

    /// How many turns are taken in Redis, where there is one. They last until the test ends them, however slow the machine is.
    pub(crate) async fn hold_turns(&self) -> Option<usize> {
        let taken = self.turn_keys().await?;
        let mut raw = redis_server::server().raw().await;
        for key in &taken {
            let mut hold = redis::cmd("PERSIST");
            let held: u64 = hold.arg(key).query_async(&mut raw).await.unwrap();
            assert_eq!(held, 1, "it would never have ended");
        }
        Some(taken.len())
    }

    /// As if they had lasted for their time.
    pub(crate) async fn let_turns_end(&self) {
        let mut raw = redis_server::server().raw().await;
        for key in self.turn_keys().await.unwrap() {
            let mut end = redis::cmd("DEL");
            let _: u64 = end.arg(key).query_async(&mut raw).await.unwrap();
        }
    }

    async fn turn_keys(&self) -> Option<Vec<String>> {
        let pattern = format!("{}:refresh:*", self.redis.as_ref()?.prefix);
        let mut raw = redis_server::server().raw().await;
        let mut keys = redis::cmd("KEYS");
        Some(keys.arg(pattern).query_async(&mut raw).await.unwrap())
    }

    /// The store as another process opens it.
    pub(crate) async fn store(&self) -> Store {
        match &self.database {
            Some(database) => Store::connect(&database.url(), 2).await.unwrap(),
            None => Store::open(&self.file()).await.unwrap(),
        }
    }

    /// The first column of a query, as numbers.
    pub(crate) async fn numbers(&self, query: &'static str) -> Vec<i64> {
        match &self.database {
            Some(database) => {
                let rows = sqlx::query_scalar(query);
                rows.fetch_all(&mut database.sql().await).await.unwrap()
            }
            None => {
                let rows = sqlx::query_scalar(query);
                let file = SqliteConnectOptions::new().filename(self.file());
                rows.fetch_all(&mut file.connect().await.unwrap())
                    .await
                    .unwrap()
            }
        }
    }

    /// The audit log, which must be one whole chain.
    pub(crate) async fn audit(&self) -> Vec<Value> {
        let store = self.store().await;
        let verdict = store.verify_audit_chain().await.unwrap();
        store.close().await;
        let ChainVerdict::Whole(walk) = verdict else {
            panic!("the audit log: {verdict:?}");
        };
        let query = "SELECT entry FROM audit_log ORDER BY seq";
        let entries: Vec<String> = match &self.database {
            Some(database) => {
                let rows = sqlx::query_scalar(query);
                rows.fetch_all(&mut database.sql().await).await.unwrap()
            }
            None => {
                let rows = sqlx::query_scalar(query);
                let file = SqliteConnectOptions::new().filename(self.file());
                rows.fetch_all(&mut file.connect().await.unwrap())
                    .await
                    .unwrap()
            }
        };
        assert_eq!(u64::try_from(entries.len()).unwrap(), walk.entries());
        entries
            .iter()
            .map(|entry| serde_json::from_str(entry).unwrap())
            .collect()
    }
}

/// Writes a file that a process may be reading at this moment.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// A process that serves, and the folder by which a test kills it.
pub(crate) struct Issuer {
    served: Served,
    pub(crate) origin: String,
    faults: PathBuf,
}

impl Issuer {
    pub(crate) fn pid(&self) -> u32 {
        self.served.pid()
    }

    /// Lets it kill itself at this pass of the point, counted from now.
    pub(crate) fn kill_at(&self, point: Point, pass: u32) {
        put(
            &self.faults.join("kill-at"),
            &format!("{} {pass}", point.name()),
        );
    }

    /// Waits for its end, and expects that it was killed there and nowhere else.
    #[track_caller]
    pub(crate) fn expect_killed_at(self, point: Point) {
        let (status, log) = self.served.end();
        assert_eq!(status.signal(), Some(9), "{point:?}: {status}");
        let said = log
            .iter()
            .find(|line| line["message"] == "killed by a test");
        let said = said.unwrap_or_else(|| panic!("{point:?}: somebody else killed it"));
        assert_eq!(said["point"], point.name());
    }
}
