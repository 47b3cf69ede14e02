//! A PostgreSQL server of this test program's own: in a temporary folder, on a Unix socket and a free loopback port.
//!
//! It is started once, by the first test that asks. A shell watches over it from outside and waits for the end of its
//! standard input, which comes when this process ends in whatever way; then it stops the server and removes the folder.

#![allow(dead_code, reason = "each suite uses its part of the server")]

use std::{
    env, fs,
    io::{BufRead, BufReader},
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

use crate::port::free_port;

/// Where Debian puts each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The oldest version that is to serve, which is taken when there are several.
const OLDEST: u32 = 15;

/// The server runs with its defaults, fsync among them. Only what a test run needs many of is raised.
const GUARD: &str = r#"
    "$1/initdb" -D "$2/data" -A trust -U edgeward -E UTF8 --no-locale >"$2/log" 2>&1 &&
    printf "%s\n" "unix_socket_directories = '$2'" "listen_addresses = '127.0.0.1'" "port = $3" \
        "max_connections = 300" >>"$2/data/postgresql.conf" &&
    "$1/pg_ctl" -D "$2/data" -w -l "$2/log" start >/dev/null 2>&1 &&
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
    /// A server beside that of the program, for a test that stops it.
    pub(crate) fn of_its_own() -> &'static Self {
        Box::leak(Box::new(Self::start()))
    }

    fn start() -> Self {
        let programs = programs();
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("edgeward-pg-{:016x}", u64::from_le_bytes(random));
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let port = free_port();
        if is_root() {
            let chown = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(chown.unwrap().success());
        }
        let mut guard = as_owner("sh");
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

    /// Stops or starts the server in the midst of a test. Only for a server that no other test uses.
    pub(crate) fn control(&self, what: &str) {
        self.control_by("fast", what);
    }

    /// The same, by how it is stopped: `fast`, or `immediate` as a crash would.
    pub(crate) fn control_by(&self, mode: &str, what: &str) {
        let program = programs().join("pg_ctl");
        let mut control = as_owner(program.to_str().unwrap());
        control
            .args(["-D", "data", "-w", "-m", mode, "-l", "log", what])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        assert!(control.status().unwrap().success(), "{what}");
    }

    /// Lets it offer TLS with this certificate.
    pub(crate) async fn certify(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.folder.join("data").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            if is_root() {
                let chown = Command::new("chown").arg("postgres").arg(&path).status();
                assert!(chown.unwrap().success());
            }
        }
        let mut sql = self.options("postgres").connect().await.unwrap();
        let on = sqlx::raw_sql("ALTER SYSTEM SET ssl = on");
        on.execute(&mut sql).await.unwrap();
        self.control("restart");
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

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A command of the user whom the server belongs to: it refuses to run as root.
fn as_owner(program: &str) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            program,
        ]);
        command
    } else {
        Command::new(program)
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
