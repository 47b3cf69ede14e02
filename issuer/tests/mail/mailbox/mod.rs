//! A mail server of a test's own: aiosmtpd, which `cargo xtask setup` installs, on a port of this machine.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use edgeward_issuer::{
    App,
    config::{Config, Links, Mail, MailPassword, MailTls, Notify},
    mail,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::{folder::Folder, port::free_port, program::NEVER};

/// Where the packages are that the list beside the schema suite names.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/tools/python/bin/python"
);

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/mailbox/server.py");

pub(crate) const LOGIN: (&str, &str) = ("edgeward", "mail pass:word");

pub(crate) struct Mailbox {
    folder: Folder,
    tls: MailTls,
    port: u16,
    server: Option<(Child, Receiver<String>)>,
}

/// What the server took in.
#[derive(Debug, Clone)]
pub(crate) struct Taken(pub(crate) Value);

impl Mailbox {
    /// Without TLS, as on one's own machine.
    pub(crate) fn open() -> Self {
        Self::open_with(MailTls::None)
    }

    /// With a certificate of an authority that only [`Mailbox::settings`] names; with TLS it also wants a password.
    pub(crate) fn open_with(tls: MailTls) -> Self {
        let folder = Folder::new();
        certify(folder.path());
        let mut mailbox = Self {
            folder,
            tls,
            port: free_port(),
            server: None,
        };
        mailbox.start();
        mailbox
    }

    /// Starts the server, again on the port that it had.
    pub(crate) fn start(&mut self) {
        assert!(
            Path::new(PYTHON).exists(),
            "{PYTHON} is missing: run `cargo xtask setup`"
        );
        let mut command = Command::new(PYTHON);
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(PROGRAM)
            .arg(self.mails_folder())
            .args(["--port", &self.port.to_string()])
            .args(["--tls", self.tls.name()]);
        if self.tls != MailTls::None {
            command
                .arg("--certificate")
                .arg(self.folder.path().join("certificate.pem"))
                .arg("--key")
                .arg(self.folder.path().join("key.pem"))
                .args(["--login", &format!("{}:{}", LOGIN.0, LOGIN.1)]);
        }
        let mut server = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it says of refused handshakes is expected; the file is there for whoever looks into a failure.
            .stderr(fs::File::create(self.folder.path().join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let (hears, said) = mpsc::channel();
        thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| hears.send(line))
        });
        let port: u16 = said.recv_timeout(NEVER).unwrap().parse().unwrap();
        assert_eq!(port, self.port);
        self.server = Some((server, said));
    }

    /// Stops the server; nobody listens on its port then.
    pub(crate) fn stop(&mut self) {
        if let Some((mut server, _)) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Waits until the server has taken another mail in.
    pub(crate) fn wait(&mut self) {
        let (_, said) = self.server.as_mut().unwrap();
        assert_eq!(said.recv_timeout(NEVER).unwrap(), "taken");
    }

    /// What the server says to every recipient from now on.
    pub(crate) fn reply(&self, reply: Option<&str>) {
        let file = self.mails_folder().join("reply");
        match reply {
            Some(reply) => fs::write(file, reply).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
    }

    fn mails_folder(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    /// How to reach it.
    pub(crate) fn settings(&self) -> Mail {
        let with_tls = self.tls != MailTls::None;
        let name = |text: &str| with_tls.then(|| text.to_owned());
        Mail {
            // The certificate bears the name; without one the address will do.
            server: if with_tls { "localhost" } else { "127.0.0.1" }.to_owned(),
            port: self.port,
            tls: self.tls,
            ca_file: with_tls.then(|| self.folder.path().join("authority.pem")),
            from: "Example <no-reply@example.test>".parse().unwrap(),
            username: name(LOGIN.0),
            password: name(LOGIN.1).map(MailPassword::new),
            password_file: None,
            timeout_seconds: 5,
            links: Links::default(),
            notify: Notify::default(),
        }
    }

    /// For [`Desk::open_with`](crate::desk::Desk::open_with).
    pub(crate) fn configure(&self, config: &mut Config) {
        config.mail = Some(self.settings());
    }

    /// Everything that was taken in, in order.
    pub(crate) fn mails(&self) -> Vec<Taken> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.mails_folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .collect();
        files.sort();
        files
            .iter()
            .map(|path| Taken(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()))
            .collect()
    }

    /// Has everything sent that is due, and answers what came.
    pub(crate) async fn receive(&self, app: &App) -> Vec<Taken> {
        let before = self.mails().len();
        mail::send_all_due(app, app.post.as_ref().unwrap())
            .await
            .unwrap();
        self.mails().split_off(before)
    }

    /// The same where one mail is expected.
    pub(crate) async fn receive_one(&self, app: &App) -> Taken {
        let mut mails = self.receive(app).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Taken {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap()
    }

    pub(crate) fn subject(&self) -> &str {
        self.text("subject").split(" – ").next().unwrap()
    }

    pub(crate) fn recipient(&self) -> &str {
        self.0["recipients"][0].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let headers = self.0["headers"].as_array().unwrap().iter();
        headers
            .filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name))
            .map(|header| header[1].as_str().unwrap())
            .collect()
    }

    /// The only address in the plain text, which the HTML must have too.
    pub(crate) fn link(&self) -> &str {
        let plain = self.text("plain");
        let mut links = plain
            .lines()
            .filter(|line| line.starts_with("http") && line.contains("/auth/"));
        let link = links.next().unwrap().trim_end();
        assert!(links.next().is_none(), "{plain}");
        assert!(
            self.text("html").contains(&format!("href=\"{link}\"")),
            "{self:?}"
        );
        link
    }

    /// The token of the link.
    pub(crate) fn token(&self) -> &str {
        self.link().split_once("?token=").unwrap().1
    }

    /// Path and query of the link.
    pub(crate) fn path(&self) -> &str {
        let (_, rest) = self.link().split_once("://").unwrap();
        &rest[rest.find('/').unwrap()..]
    }
}

/// An authority, and a certificate of it for this machine.
fn certify(folder: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    fs::create_dir(folder.join("mails")).unwrap();
    for (name, pem) in [
        ("authority.pem", authority.pem()),
        ("certificate.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), pem).unwrap();
    }
}
