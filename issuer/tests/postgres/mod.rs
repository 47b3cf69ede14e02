//! A PostgreSQL server of this test program's own: in a temporary folder, on a Unix socket and a free loopback port.
//!
//! It is started once, by the first test that asks. A shell watches over it from outside and waits for the end of its
//! standard input, which comes when this process ends in whatever way; then it stops the server and removes the folder.

#![allow(dead_code, reason = "each suite uses its part of the server")]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use edgeward_issuer::config::ServerUrl;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// Where Debian puts each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The oldest version that is to serve, which is taken when there are several.
const OLDEST: u32 = 15;

/// The server runs with its defaults, fsync among them. Only what a test run needs many of is raised.
const GUARD: &str = r#"
    "$1/initdb" -D "$2/data" -A trust -U edgeward -E UTF8 --no-locale >"$2/log" 2>&1 &&
    "$1/pg_ctl" -D "$2/data" -w -l "$2/log" \
        -o "-k $2 -c listen_addresses=127.0.0.1 -p $3 -c max_connections=300" start >/dev/null 2>&1 &&
    echo ready || cat "$2/log"
    exec 1>&-
    cat >/dev/null
    "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$2"
"#;

pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
    /// Holds the guard's standard input open.
    _guard: Child,
}

/// The server of this program. A machine without one fails the test: a suite that leaves a database out proves nothing.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let programs = programs();
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("edgeward-pg-{:016x}", u64::from_le_bytes(random));
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let port = free_port();
        let mut guard = if fs::metadata(&folder).unwrap().uid() == 0 {
            // A server refuses to run as root.
            let chown = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(chown.unwrap().success());
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=postgres",
                "--regid=postgres",
                "--init-groups",
                "sh",
            ]);
            command
        } else {
            Command::new("sh")
        };
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let mut guard = guard
            .args(["-c", GUARD, "sh"])
            .arg(programs)
            .arg(&folder)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said: Vec<String> = BufReader::new(guard.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .collect();
        assert_eq!(said, ["ready"], "the server did not start");
        Self {
            folder,
            port,
            _guard: guard,
        }
    }

    /// A new, empty database.
    pub(crate) async fn database(&'static self) -> Database {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("case_{}", MADE.fetch_add(1, Ordering::Relaxed));
        let database = Database { server: self, name };
        let mut first = self.options("postgres").connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {}", database.name)))
            .execute(&mut first)
            .await
            .unwrap();
        database
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(self.port)
            .username("edgeward")
            .database(database)
    }
}

/// The server's programs, of the oldest version that may serve.
fn programs() -> PathBuf {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten();
    let versions = versions.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let oldest = versions.filter(|version: &u32| *version >= OLDEST).min();
    let oldest =
        oldest.unwrap_or_else(|| panic!("no PostgreSQL in {VERSIONS}: run `cargo xtask setup`"));
    Path::new(VERSIONS).join(oldest.to_string()).join("bin")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[derive(Clone)]
pub(crate) struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// The address for `store.url`, as the owner.
    pub(crate) fn url(&self) -> ServerUrl {
        self.url_as("edgeward")
    }

    /// The address, as another role.
    pub(crate) fn url_as(&self, role: &str) -> ServerUrl {
        let Server { port, .. } = self.server;
        ServerUrl::parse(&format!("postgres://{role}@127.0.0.1:{port}/{}", self.name)).unwrap()
    }

    /// A connection past the issuer, as an operator has it.
    pub(crate) async fn sql(&self) -> PgConnection {
        self.server.options(&self.name).connect().await.unwrap()
    }
}
