//! The running parts, the story's clock, and the people in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use edgeward_core::revocation::LONGEST_BACKOFF_MILLISECONDS;
use serde_json::Value;
use xtask::stack::issuer::NewUser;
use xtask::stack::{Environment, Plan, Stack, ready};

use crate::answer::Answer;
use crate::authority::Authority;
use crate::client::{Asking, Client};
use crate::lone_edge::reasons;
use crate::person::Person;
use crate::tap::Tap;

/// The host name of the site in production. Nobody looks it up: the client is told the address. (Production refuses names
/// that cannot be public, `.test` among them.)
pub const PRODUCTION_HOST: &str = "app.example.com";

/// A password that the default policy accepts.
pub const PASSWORD: &str = "Correct-Horse-7-Battery";

/// What the demo app answers with 404 to whoever passes.
pub const STRICT_PATH: &str = "/api/strict";

/// The longest wait of an edge after failures to read the feed, with the quarter that lots add to it at most, in whole seconds, because
/// the clock of a story knows no parts of one.
pub const LONGEST_BACKOFF_SECONDS: i64 = (LONGEST_BACKOFF_MILLISECONDS * 5 / 4 + 999) / 1_000;

/// What has not come by then, in real time, does not come.
pub const NEVER: Duration = Duration::from_secs(60);

/// Where a client finds the site.
#[derive(Debug, Clone)]
pub struct Site {
    /// `http://127.0.0.1:PORT` or `https://app.example.com`.
    pub origin: String,
    /// The host name in the origin.
    pub host: String,
    /// The socket behind it.
    pub address: SocketAddr,
    /// The certificate to trust, as PEM; `None` for plain HTTP.
    pub root: Option<String>,
}

/// The time of one story, in seconds since the epoch.
#[derive(Debug, Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// A story that begins now.
    pub(crate) fn starting_now() -> Self {
        Self(Arc::new(AtomicI64::new(present())))
    }

    /// Lets time pass, or takes it back by a negative number.
    pub(crate) fn wait(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The story's time.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Which world a story wants.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Outside development the site is behind TLS, with a certificate of the world's own authority.
    pub environment: Environment,
    /// Its host name there.
    pub host: &'static str,
    /// The gate's policy; `None` for that of the checkout.
    pub policy: Option<String>,
    /// Whether taps listen behind the edge. Without them, a part that is down refuses connections itself.
    pub taps: bool,
    /// The origin of an app that runs already, in place of the demo app.
    pub app: Option<String>,
    /// Further settings of the issuer, as TOML.
    pub issuer_settings: &'static str,
    /// Further bindings of the Worker.
    pub edge_bindings: &'static [(&'static str, &'static str)],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            environment: Environment::Development,
            host: PRODUCTION_HOST,
            policy: None,
            taps: true,
            app: None,
            issuer_settings: "",
            edge_bindings: &[],
        }
    }
}

/// One running site and one story's time.
#[derive(Debug)]
pub struct World {
    /// The processes.
    pub stack: Stack,
    /// Where clients find the site.
    pub site: Site,
    clock: Clock,
    began: i64,
    /// How often the edge had read the feed in vain when it was asked last.
    failures_seen: AtomicU64,
    /// Who asks the edge how it is.
    watcher: Client,
    issuer_tap: Option<Tap>,
    app_tap: Option<Tap>,
    folder: PathBuf,
}

impl World {
    /// The world of most stories: development, the policy of the checkout, taps.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// The same, and [`STRICT_PATH`] as a route on which nothing but current word of ended sessions will do.
    pub async fn with_a_strict_path() -> Self {
        let route = format!(
            "[[route]]\npath = \"{STRICT_PATH}\"\nallow = \"signed-in\"\nrevocation = \"strict\"\n"
        );
        Self::with(Setup {
            policy: Some([include_str!("../../gate.toml"), &route].concat()),
            ..Setup::default()
        })
        .await
    }

    /// A world of a certain kind.
    pub async fn with(setup: Setup) -> Self {
        let built = tokio::task::spawn_blocking(move || Self::build(&setup)).await;
        built.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }

    fn build(setup: &Setup) -> Self {
        let folder = folder();
        let mut plan = Plan::new(&folder, given("EDGEWARD_BIN"), given("EDGEWARD_WORKER_DIR"))
            .expect("a plan");
        if let Some(policy) = &setup.policy {
            plan.gate_policy.clone_from(policy);
        }
        plan.environment = setup.environment;
        plan.own_app.clone_from(&setup.app);
        plan.issuer_settings.push_str(setup.issuer_settings);
        let bindings = setup.edge_bindings.iter();
        plan.edge_bindings
            .extend(bindings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let authority = match setup.environment {
            Environment::Development => None,
            Environment::Production | Environment::Preview => Some(Authority::for_host(setup.host)),
        };
        if let Some(authority) = &authority {
            plan.site = Some(format!("https://{}", setup.host));
            plan.tls = Some(authority.tls.clone());
        }
        let tap = |upstream| setup.taps.then(|| Tap::to(upstream));
        let (issuer_tap, app_tap) = (tap(plan.issuer), tap(plan.app));
        plan.in_front_of_issuer = issuer_tap.as_ref().map(Tap::address);
        plan.in_front_of_app = app_tap.as_ref().map(Tap::address);
        let site = Site {
            origin: plan.site(),
            host: authority
                .as_ref()
                .map_or_else(|| plan.edge.ip().to_string(), |_| setup.host.to_owned()),
            address: plan.edge,
            root: authority.map(|authority| authority.root),
        };
        let stack = Stack::start(&plan)
            .unwrap_or_else(|failure| panic!("the world did not start: {failure}"));
        let clock = Clock::starting_now();
        let watcher = Client::new(site.clone(), clock.clone());
        Self {
            stack,
            site,
            began: clock.now(),
            failures_seen: AtomicU64::new(0),
            watcher,
            clock,
            issuer_tap,
            app_tap,
            folder,
        }
    }

    /// Waits until the edge refuses what it let pass, after a command in a process of its own told the database, and returns the
    /// refusal. Each question comes a second of the story later than the one before, so the edge asks the issuer anew for each; what is
    /// left is the moment of real time for which an issuer holds a page of the feed, which the clock of a story does not shorten. How
    /// long it takes where the edge goes by real time is measured by `cargo xtask bench revocation`. Nothing is promised where the issuer
    /// answers later than a request waits for it; the edge counts what passes so.
    ///
    /// # Panics
    /// When the answer is neither that it passes nor that there is no sign-in; when something passes that was asked a second of real
    /// time after the command, or later, and the issuer had answered; and when a minute is over.
    pub async fn until_refused(&self, person: &Person) -> Answer {
        const PROMISED: Duration = Duration::from_secs(1);
        let since = Instant::now();
        loop {
            self.wait(1);
            let unconfirmed = self.passed_unconfirmed().await;
            let asked = since.elapsed();
            let answer = person.get("/api/echo").send().await;
            match answer.status {
                200 => {}
                401 => return answer,
                _ => panic!("neither passed nor refused: {answer:?}"),
            }
            let was_confirmed = self.passed_unconfirmed().await == unconfirmed;
            assert!(
                asked < PROMISED || !was_confirmed,
                "passed {asked:?} after the command"
            );
            assert!(asked < NEVER, "the issuer never answers in time");
        }
    }

    /// What comes of a request that is judged by current word of ended sessions. An edge waits less than a second of real time for the
    /// issuer; then it lets the request pass and counts it, or says on a strict route that it cannot be judged. Whoever is answered so
    /// asks again. The story's time goes on only where the edge would not ask the issuer before.
    ///
    /// # Panics
    /// When a minute is over.
    pub async fn confirmed(&self, asking: Asking) -> Answer {
        let since = Instant::now();
        loop {
            let (answer, is_confirmed) = self.asks_once(&asking).await;
            if is_confirmed {
                return answer;
            }
            assert!(since.elapsed() < NEVER, "never in time: {answer:?}");
        }
    }

    /// One attempt of [`Self::confirmed`], and whether its answer is one.
    pub async fn asks_once(&self, asking: &Asking) -> (Answer, bool) {
        let unconfirmed = self.passed_unconfirmed().await;
        let answer = asking.clone().send().await;
        let was_judged = answer.status != 503 || !answer.body.contains("REVOCATIONS_UNAVAILABLE");
        let feed = self.feed_health().await;
        let is_confirmed = was_judged && passed_unconfirmed(&feed) == unconfirmed;
        let failures = feed["failures"].as_u64().expect("a number");
        // Once for each, because an attempt that is under way has to end at the time at which it began.
        let has_failed = self.failures_seen.swap(failures, Ordering::SeqCst) != failures;
        if !is_confirmed && has_failed {
            self.wait(LONGEST_BACKOFF_SECONDS);
        }
        (answer, is_confirmed)
    }

    /// What the edge tells of the feed of ended sessions.
    pub async fn feed_health(&self) -> Value {
        let health = self.watcher.get("/_edgeward/health").send().await;
        health.expect(200).json()["revocations"].take()
    }

    /// How many requests the edge has let pass without current word of ended sessions.
    async fn passed_unconfirmed(&self) -> u64 {
        passed_unconfirmed(&self.feed_health().await)
    }

    /// Lets time pass. What has passed may be taken back by a negative number, for a clock that is set back; but the demo app goes by the
    /// time of the machine, by which what is made before the story's beginning has expired.
    ///
    /// # Panics
    /// When it would be earlier than at the beginning.
    pub fn wait(&self, seconds: i64) {
        self.clock.wait(seconds);
        assert!(self.now() >= self.began, "before the story began");
    }

    /// The story's time, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// A browser that nobody has signed in with.
    #[must_use]
    pub fn browser(&self) -> Client {
        Client::new(self.site.clone(), self.clock.clone())
    }

    /// A client that reaches the issuer directly, past the edge.
    #[must_use]
    pub fn stranger_at_the_issuer(&self) -> Client {
        let address = self.stack.issuer.address();
        let site = Site {
            origin: format!("http://{address}"),
            host: address.ip().to_string(),
            address,
            root: None,
        };
        Client::new(site, self.clock.clone())
    }

    /// Somebody with an account and without a role.
    pub async fn user(&self, name: &str) -> Person {
        self.person(name, &[]).await
    }

    /// Somebody with an account and the role `admin`.
    pub async fn admin(&self, name: &str) -> Person {
        self.person(name, &["admin"]).await
    }

    async fn person(&self, name: &str, roles: &[&str]) -> Person {
        let email = format!("{name}@example.test");
        let user = NewUser {
            email: &email,
            first_name: name,
            last_name: "Example",
            password: PASSWORD,
            roles,
        };
        self.stack.issuer.add_user(&user).expect("a user is added");
        Person::new(email, PASSWORD.to_owned(), self.browser())
    }

    /// What went from the edge to the issuer.
    #[must_use]
    pub fn to_issuer(&self) -> &Tap {
        self.issuer_tap.as_ref().expect("this world has taps")
    }

    /// What went from the edge to the app.
    #[must_use]
    pub fn to_app(&self) -> &Tap {
        self.app_tap.as_ref().expect("this world has taps")
    }

    /// `edgeward keys …`, and what it printed.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn keys(&self, args: &[&str]) -> String {
        let mut command = self.stack.issuer.command();
        let ran = command.arg("keys").args(args).output().expect("it runs");
        assert!(ran.status.success(), "{args:?}: {ran:?}");
        String::from_utf8(ran.stdout).expect("text")
    }

    /// The reasons that the edge logged with this event, in order.
    #[must_use]
    pub fn reasons(&self, event: &str) -> Vec<String> {
        reasons(&self.logs(), event)
    }

    /// Everything that issuer and edge wrote to their logs.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        read(self.stack.issuer.log()) + &read(self.stack.edge.log())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the parts' logs stay in {}", self.folder.display());
            for log in [
                self.stack.issuer.log(),
                self.stack.edge.log(),
                self.folder.join("app.log"),
            ] {
                print_end(&log);
            }
        }
    }
}

fn print_end(log: &Path) {
    const LINES: usize = 40; // because a story's last steps fit
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let end = lines
        .get(lines.len().saturating_sub(LINES)..)
        .unwrap_or_default();
    eprintln!("--- the end of {}\n{}", log.display(), end.join("\n"));
}

/// How many requests passed unconfirmed, by what the edge tells.
fn passed_unconfirmed(feed: &Value) -> u64 {
    feed["passedUnconfirmed"].as_u64().expect("a number")
}

/// A folder for this world. Those of processes that have ended go first, so logs stay for a look but never pile up.
pub(crate) fn folder() -> PathBuf {
    static SWEPT: Once = Once::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let worlds = xtask::workspace::own_target().join("worlds");
    SWEPT.call_once(|| sweep(&worlds));
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    worlds.join(format!("{}-{number}", std::process::id()))
}

/// A folder for a story that starts no world.
#[must_use]
pub fn folder_of_a_story() -> PathBuf {
    let folder = folder();
    xtask::workspace::create_private_folder(&folder).expect("a folder");
    folder
}

fn sweep(worlds: &Path) {
    for entry in std::fs::read_dir(worlds).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.split('-').next());
        let lives = process.is_some_and(|process| Path::new("/proc").join(process).exists());
        if !lives {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

pub(crate) fn given(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test e2e`"))
}

/// Where a story's time begins. Real time, because the demo app knows no other: what is made later is good to it, and what is made
/// earlier is not, so a story with that app never goes back behind this.
#[expect(
    clippy::disallowed_methods,
    reason = "read once, as the beginning of a story's own time"
)]
fn present() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the year 292 billion")
}

/// An address that nobody listens at, for upstreams that are down.
#[must_use]
pub fn nobody() -> SocketAddr {
    ready::free_address().expect("a free port")
}
