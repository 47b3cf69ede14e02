//! A site without an edge Worker: Debian's nginx with the configuration that the documentation ships, the issuer that gives the
//! verdicts, and an app that remembers what it was asked.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use xtask::guard::{Guarded, Program};
use xtask::stack::issuer::{Issuer, IssuerPlan, NewUser};
use xtask::stack::{Environment, ready};
use xtask::{toolchain, workspace};

use crate::answer::Answer;
use crate::client::Client;
use crate::http_server::{Reply, response, serve};
use crate::person::Person;
use crate::raw;
use crate::tap::Seen;
use crate::world::{Clock, PASSWORD, Site, folder, given};

/// The configuration that is shipped.
pub const SHIPPED: &str = "docs/ops/nginx/edgeward.conf";

/// Where a policy names the port of the site, which is another one in each story.
pub const PORT: &str = "NGINX_PORT";

/// What is shipped for a site with a certificate and a name, and tried on loopback without.
const LISTENS: &str = "    listen 443 ssl http2;\n";
const CERTIFICATE: &str = "    ssl_certificate     /etc/nginx/tls/app.example.com.pem;\n    ssl_certificate_key /etc/nginx/tls/app.example.com.key;\n";

/// nginx, issuer and app.
#[derive(Debug)]
pub struct NginxSite {
    /// Where clients find the site.
    pub address: SocketAddr,
    /// The issuer, which gives the verdicts too.
    pub issuer: Issuer,
    nginx: Guarded,
    seen: Arc<Mutex<Vec<Seen>>>,
    clock: Clock,
    folder: PathBuf,
}

impl NginxSite {
    /// Starts all of it, with this policy, in which [`PORT`] stands for the one on which nginx listens.
    pub async fn start(policy: &str) -> Self {
        let policy = policy.to_owned();
        let built = tokio::task::spawn_blocking(move || Self::build(&policy)).await;
        built.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }

    fn build(policy: &str) -> Self {
        let folder = folder();
        workspace::create_private_folder(&folder).expect("a folder");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let notes = Arc::clone(&seen);
        let app = serve(move |head, _| {
            notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(head.clone());
            Reply::Whole(app_answers(head))
        });
        let free = || ready::free_address().expect("a free port");
        let (address, verdict) = (free(), free());
        let gate = folder.join("gate.toml");
        let policy = policy.replace(PORT, &address.port().to_string());
        fs::write(&gate, policy).expect("the policy is written");
        let origin = format!("http://{address}");
        let mut issuer = Issuer::new(IssuerPlan {
            program: given("EDGEWARD_BIN"),
            folder: folder.join("issuer"),
            address: free(),
            url: origin.clone(),
            audience: origin,
            environment: Environment::Development,
            more_settings: format!(
                "[forward_auth]\nlisten = \"{verdict}\"\ndialect = \"nginx\"\npolicy = \"{}\"\n",
                gate.display()
            ),
        })
        .expect("an issuer");
        let settings = folder.join("issuer/edgeward.toml");
        let text = workspace::read(&settings).expect("its settings");
        let text = text.replace(
            "[server]\n",
            "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n",
        );
        workspace::write_private(&settings, text.as_bytes()).expect("its settings");
        issuer.start().expect("the issuer starts");

        let files = folder.join("www/files");
        fs::create_dir_all(&files).expect("a folder of files");
        fs::write(files.join("plan.txt"), "a plan").expect("a file");
        let conf = shipped()
            .replace(LISTENS, &format!("    listen {address};\n"))
            .replace(CERTIFICATE, "")
            .replace("127.0.0.1:3000", &app.to_string())
            .replace("127.0.0.1:8080", &issuer.address().to_string())
            .replace("127.0.0.1:8791", &verdict.to_string())
            .replace("/srv/www", &folder.join("www").display().to_string());
        let nginx = start(&folder, &conf, address);
        Self {
            address,
            issuer,
            nginx,
            seen,
            clock: Clock::starting_now(),
            folder,
        }
    }

    /// A browser that nobody has signed in with.
    #[must_use]
    pub fn browser(&self) -> Client {
        let site = Site {
            origin: format!("http://{}", self.address),
            host: self.address.ip().to_string(),
            address: self.address,
            root: None,
        };
        Client::new(site, self.clock.clone())
    }

    /// Somebody with an account and these roles, signed in.
    pub async fn person(&self, name: &str, roles: &[&str]) -> Person {
        let email = format!("{name}@example.test");
        let user = NewUser {
            email: &email,
            first_name: name,
            last_name: "Example",
            password: PASSWORD,
            roles,
        };
        self.issuer.add_user(&user).expect("a user is added");
        let person = Person::new(email, PASSWORD.to_owned(), self.browser());
        let _ = person.log_in().await;
        person
    }

    /// `GET target`, byte for byte, with these header lines.
    #[must_use]
    pub fn gets(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        raw::get(self.address, target, headers).unwrap_or_else(|| panic!("{target}: no answer"))
    }

    /// The status of `GET target` from another address of this machine.
    pub async fn status_from(&self, from: Ipv4Addr, target: &str, cookie: &str) -> u16 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("a loopback address");
        let mut stream = socket.connect(self.address).await.expect("nginx listens");
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("nginx reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .expect("nginx answers");
        let status = answer.split(' ').nth(1).expect("a status");
        status.parse().expect("a number")
    }

    /// Ends all sessions of somebody by the command line.
    pub fn end_sessions_of(&self, email: &str) {
        let mut command = self.issuer.command();
        command.args(["session", "revoke", "--user", email]);
        let output = command.output().expect("the command runs");
        assert!(output.status.success(), "{output:?}");
    }

    /// The story's time, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// What arrived at the app since this was asked last.
    #[must_use]
    pub fn arrived(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What nginx wrote since it started.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("nginx.log")).unwrap_or_default()
    }
}

impl Drop for NginxSite {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the parts' logs stay in {}", self.folder.display());
            eprintln!("{}", self.nginx.log_tail());
        }
    }
}

/// In what an app tells shared caches something else than `Cache-Control` does.
pub const FOR_SHARED_CACHES: [&str; 3] = [
    "CDN-Cache-Control",
    "Cloudflare-CDN-Cache-Control",
    "Surrogate-Control",
];

/// Says what a story needs of an app: who was announced, and whatever cookie and caching the query asks for.
fn app_answers(head: &Seen) -> Vec<u8> {
    let websocket = head.header("upgrade");
    if websocket == ["websocket"] {
        return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec();
    }
    let mut headers = vec![("Set-Cookie", "a=1; Domain=app.internal; Path=/")];
    if head.target.ends_with("?cached") {
        headers.push(("Cache-Control", "public, max-age=60"));
        headers.extend(FOR_SHARED_CACHES.map(|name| (name, "max-age=60")));
    }
    if head.target.ends_with("?kept") {
        headers.push(("Cache-Control", "no-store, private"));
    }
    if head.target.ends_with("?named") {
        headers.push(("X-Request-Id", "of-the-app"));
        headers.push(("Traceparent", "of-the-app"));
    }
    if head.target.ends_with("?framed") {
        headers.push(("X-Frame-Options", "SAMEORIGIN"));
    }
    let assertion = head.header("edgeward-assertion").join(",");
    if head.target.ends_with("?mirror") {
        headers.push(("Edgeward-Assertion", &assertion));
        headers.push(("Access-Control-Allow-Origin", "*"));
    }
    response(200, &headers, b"the app")
}

/// The text of the configuration that is shipped.
#[must_use]
pub fn shipped() -> String {
    workspace::read(&workspace::root().join(SHIPPED)).expect("the shipped configuration")
}

/// nginx, which `cargo xtask setup` installs.
#[must_use]
pub fn nginx() -> PathBuf {
    toolchain::nginx().expect("nginx is not installed: run `cargo xtask setup`")
}

/// Starts nginx with what stands in its `http` block, which has it listen at this address.
#[must_use]
pub fn start(folder: &Path, conf: &str, address: SocketAddr) -> Guarded {
    let main = main_configuration(folder, conf);
    let mut started = Guarded::start(&Program {
        name: "nginx",
        path: nginx(),
        args: ["-e", "stderr", "-p"]
            .into_iter()
            .map(Into::into)
            .chain([folder.into(), "-c".into(), main.into()])
            .collect(),
        env: [].into(),
        log: folder.join("nginx.log"),
    })
    .expect("nginx starts");
    ready::until_listens(&mut started, address).expect("nginx listens");
    started
}

/// What surrounds the shipped file: nothing but where nginx may write.
#[must_use]
pub fn main_configuration(folder: &Path, conf: &str) -> PathBuf {
    let site = folder.join("edgeward.conf");
    fs::write(&site, conf).expect("the configuration is written");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|of| format!("    {of}_temp_path {}/{of};\n", folder.display()))
        .collect();
    // Debian's nginx starts as root or as anybody; as root its workers must be able to read the test's folder.
    let main = format!(
        "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n    access_log off;\n{temporary}    include {0}/edgeward.conf;\n}}\n",
        folder.display()
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, main).expect("the configuration is written");
    path
}
