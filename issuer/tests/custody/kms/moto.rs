//! moto's KMS: a process of its own for each test, and the client of whoever administers the keys.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use aws_sdk_kms::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::{KeySpec, KeyUsageType},
};
use edgeward_issuer::{
    config::{Config as Settings, Kms, KmsKey, SealerKind},
    domain::reseal::{SealedKey, SealedKeys},
    open_existing_store,
};

use super::CREDENTIALS;
use crate::{
    folder::Folder,
    program::{NEVER, Ran, edgeward, run},
};

/// Where the packages are that the list beside the schema suite names.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/tools/python/bin/python"
);
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/custody/kms/server.py");
pub(crate) const REGION: &str = "eu-central-1";

/// A data folder and a KMS with one symmetric key.
pub(crate) struct World {
    folder: Folder,
    server: Child,
    pub(crate) endpoint: String,
    pub(crate) administrator: Client,
    /// The ARN of the key.
    pub(crate) key: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        assert!(
            Path::new(PYTHON).exists(),
            "{PYTHON} is missing: run `cargo xtask setup`"
        );
        let folder = Folder::new();
        let log = folder.path().join("moto.log");
        let mut server = Command::new(PYTHON)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let said = first_line(server.stdout.take().unwrap());
        let port: u16 = said.trim().parse().unwrap_or_else(|_| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            panic!("moto says no port but {said:?}: {log}")
        });
        let endpoint = format!("http://127.0.0.1:{port}");
        let administrator = administrator(&endpoint);
        let mut world = Self {
            folder,
            server,
            endpoint,
            administrator,
            key: String::new(),
        };
        let symmetric = KeySpec::SymmetricDefault;
        world.key = world.make(symmetric, KeyUsageType::EncryptDecrypt).await;
        world
    }

    /// Makes a key and gives its ARN.
    pub(crate) async fn make(&self, spec: KeySpec, usage: KeyUsageType) -> String {
        let request = self.administrator.create_key();
        let made = request.key_spec(spec).key_usage(usage).send().await;
        let made = made.unwrap().key_metadata.unwrap();
        made.arn.unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `edgeward` that seals by the key, but for what `changes` says.
    pub(crate) fn command(&self, arguments: &[&str], changes: &[(&str, &str)]) -> Command {
        let mut command = edgeward(self.folder.path());
        command
            .args(arguments)
            .envs(CREDENTIALS)
            .env("EDGEWARD__CUSTODY__SEALER", "kms")
            .env("EDGEWARD__CUSTODY__KMS__KEY", &self.key)
            .env("EDGEWARD__CUSTODY__KMS__ENDPOINT", &self.endpoint)
            .env("EDGEWARD__CUSTODY__TIMEOUT_MS", "20000")
            .env("EDGEWARD__PASSWORDS__ARGON2__MEMORY_KIB", "64");
        for (name, value) in changes {
            command.env(format!("EDGEWARD__CUSTODY__{name}"), value);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], changes: &[(&str, &str)]) -> Ran {
        run(&mut self.command(arguments, changes), b"")
    }

    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str], changes: &[(&str, &str)]) -> String {
        let ran = self.run(arguments, changes);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.out
    }

    pub(crate) async fn rows(&self) -> Vec<SealedKey> {
        let settings = Settings::defaults(&self.folder.path().join("data"));
        let store = open_existing_store(&settings).await.unwrap();
        let rows = store.sealed_keys().await.unwrap();
        store.close().await;
        rows
    }
}

impl World {
    /// Ends the server: nobody listens any more.
    pub(crate) fn end(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// The settings of [`World::command`] for this process.
    pub(crate) fn config(&self) -> Settings {
        let mut config = Settings::defaults(&self.folder.path().join("data"));
        config.passwords.argon2.memory_kib = 8;
        config.custody.sealer = SealerKind::Kms;
        config.custody.timeout = Duration::from_secs(20);
        config.custody.kms = Some(Kms {
            key: KmsKey::parse(&self.key).unwrap(),
            other_key: None,
            endpoint: Some(self.endpoint.clone()),
        });
        config
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the server says once it listens. One that says nothing ends with the test, as its standard input closes.
fn first_line(stdout: ChildStdout) -> String {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        let _ = tell.send(read.map(|_| line));
    });
    let line = told.recv_timeout(NEVER);
    line.expect("moto says on which port it listens").unwrap()
}

fn administrator(endpoint: &str) -> Client {
    let credentials = Credentials::new("AKIDADMINISTRATOR", "another", None, None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(credentials)
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}
