//! A Redis server of this test program's own: in a temporary folder, on a Unix socket, with nothing on the disk.
//!
//! A shell watches over it from outside and does what it is told on its standard input: kill it, start it anew, let it
//! hang, let it go on. The end of that input, which comes when this process ends in whatever way, ends the server and
//! removes the folder.

use std::{
    env, fs,
    io::{BufRead, BufReader, Lines, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use edgeward_issuer::config::{self, RedisUrl};
use redis::aio::MultiplexedConnection;

/// Each command is answered by its own name once it is done.
const GUARD: &str = r#"
    folder=$1; shift
    start() {
        redis-server --port 0 --unixsocket "$folder/socket" --dir "$folder" --save "" --appendonly no "$@" >>"$folder/log" 2>&1 &
        pid=$!
        until redis-cli -s "$folder/socket" ping 2>/dev/null | grep -q PONG; do
            kill -0 $pid 2>/dev/null || { cat "$folder/log"; return; }
            sleep 0.02
        done
    }
    end() { kill -CONT $pid; kill -KILL $pid; wait $pid; } 2>/dev/null
    start "$@" && echo start
    while read -r command; do
        case $command in
            start) start "$@" ;;
            kill) end ;;
            hang) kill -STOP $pid ;;
            go-on) kill -CONT $pid ;;
        esac
        echo "$command"
    done
    end
    rm -rf "$folder"
"#;

/// The longest that can be set: a machine under load must not be taken for a Redis that hangs.
pub(crate) const PATIENT: Duration = Duration::from_secs(1);

/// Longer than can be set, for processes that read no settings, where no Redis hangs.
const VERY_PATIENT: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    folder: PathBuf,
    guard: Mutex<Guard>,
    _process: Child,
}

struct Guard {
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// The server of this program. A machine without one fails the test: a suite that leaves Redis out proves nothing.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::with(&[]))
}

impl Server {
    /// A server beside that of the program, for a test that stops it, with these options.
    pub(crate) fn of_its_own(options: &[&str]) -> Self {
        Self::with(options)
    }

    fn with(options: &[&str]) -> Self {
        let has = Command::new("redis-server").arg("--version").output();
        assert!(has.is_ok(), "no redis-server: run `cargo xtask setup`");
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("edgeward-redis-{:016x}", u64::from_le_bytes(random));
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut process = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(&folder)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let guard = Guard {
            commands: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
        };
        let server = Self {
            folder,
            guard: Mutex::new(guard),
            _process: process,
        };
        server.expect("start");
        server
    }

    fn expect(&self, answer: &str) {
        let mut guard = self.guard.lock().unwrap();
        let said = guard.answers.next().unwrap().unwrap();
        assert_eq!(said, answer, "the server did not start");
    }

    /// Tells the guard one of its commands.
    pub(crate) fn control(&self, command: &str) {
        let mut guard = self.guard.lock().unwrap();
        writeln!(guard.commands, "{command}").unwrap();
        drop(guard);
        self.expect(command);
    }

    /// Ends it as a power failure does. What it knew is gone.
    pub(crate) fn kill(&self) {
        self.control("kill");
    }

    pub(crate) fn start(&self) {
        self.control("start");
    }

    /// It takes connections and answers nothing.
    pub(crate) fn hang(&self) {
        self.control("hang");
    }

    pub(crate) fn go_on(&self) {
        self.control("go-on");
    }

    pub(crate) fn url(&self) -> RedisUrl {
        let socket = self.folder.join("socket");
        RedisUrl::parse(&format!("unix://{}", socket.display())).unwrap()
    }

    /// The settings of a site of its own.
    pub(crate) fn site(&self) -> config::Redis {
        static SITES: AtomicUsize = AtomicUsize::new(0);
        config::Redis {
            url: Some(self.url()),
            url_file: None,
            ca_file: None,
            timeout: VERY_PATIENT,
            turn_seconds: 10,
            prefix: format!("site-{}", SITES.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// A connection past the issuer.
    pub(crate) async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url().reveal()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}
