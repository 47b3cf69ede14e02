//! No byte of a key is in a log: an issuer and the commands beside it run at the most talkative level while keys are made, sealed,
//! opened, rotated, revoked, moved, and while all of that fails.

use std::{
    fs::{self, File},
    io::Read,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use edgeward_issuer::{
    config::Config, custody::Secrets, domain::reseal::SealedKeys, open_existing_store,
};

use crate::{
    folder::Folder,
    program::{edgeward, run},
    served::{SERVE, Served},
    transit::{Server, TOKEN},
};

/// So many bytes in a row are no accident.
const WINDOW: usize = 12;

/// The ways in which bytes are written down.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
    let texts = [
        lower.to_uppercase(),
        lower,
        Base64::encode_string(bytes),
        Base64UrlUnpadded::encode_string(bytes),
        decimal.join(", "),
        decimal.join(","),
    ];
    let texts = texts.into_iter().map(String::into_bytes);
    texts.chain([bytes.to_vec()]).collect()
}

/// Whether a part of the secret stands there in any form. Three beginnings, because the letters of base64 depend on what stands before.
fn is_in(secret: &[u8], log: &[u8]) -> bool {
    let parts = (0..3).chain([secret.len() - WINDOW]);
    let mut parts = parts.map(|at| &secret[at..at + WINDOW]);
    parts.any(|part| {
        let mut forms = forms(part).into_iter();
        forms.any(|form| log.windows(form.len()).any(|there| there == form))
    })
}

#[test]
fn whatever_form_a_key_is_written_in_it_is_found() {
    let secret: Vec<u8> = (0..32_u8)
        .map(|byte| byte.wrapping_mul(37) ^ 0xa5)
        .collect();
    assert!(!is_in(&secret, b"{\"message\":\"custody\"}"));
    for before in ["", "a", "ab"] {
        let whole = [before.as_bytes(), &secret].concat();
        for form in forms(&whole) {
            let log = [b"{\"key\":\"".as_slice(), &form, b"\"}\n"].concat();
            assert!(is_in(&secret, &log), "{}", String::from_utf8_lossy(&log));
        }
    }
}

/// What all processes said, on both of their outputs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    fn says(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.bytes()).contains(text)
    }

    fn takes(&self, some: &[u8]) {
        let mut log = self.0.lock().unwrap();
        log.extend_from_slice(some);
        log.push(b'\n');
    }

    fn hears(&self, mut from: impl Read) {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all).unwrap();
        self.takes(&all);
    }
}

struct World {
    folder: Folder,
    server: Server,
    log: Log,
}

impl World {
    fn command(&self, arguments: &[&str], changes: &[(&str, &str)]) -> Command {
        let mut command = edgeward(self.folder.path());
        command
            .args(arguments)
            .env("EDGEWARD__LOG__LEVEL", "debug")
            .env("EDGEWARD__CUSTODY__SEALER", "transit")
            .env("EDGEWARD__CUSTODY__TRANSIT__ADDRESS", &self.server.address)
            .env("EDGEWARD__CUSTODY__TRANSIT__KEY", "edgeward")
            .env("EDGEWARD__CUSTODY__TRANSIT__TOKEN", TOKEN)
            .env("EDGEWARD__CUSTODY__TIMEOUT_MS", "20000");
        for (name, value) in changes {
            command.env(format!("EDGEWARD__{name}"), value);
        }
        command
    }

    /// An issuer that serves, and is heard on both of its outputs.
    fn serve(&self) -> Served {
        let mut command = self.command(&SERVE, &[]);
        command.stdout(File::create(self.printed()).unwrap());
        let log = self.log.clone();
        Served::start_heard(command, move |line| log.takes(line))
    }

    /// Where what the issuer prints is kept.
    fn printed(&self) -> PathBuf {
        self.folder.path().join("printed")
    }

    /// Runs to the end and answers the exit code.
    async fn run(&self, arguments: &[&str], changes: &[(&str, &str)]) -> Option<i32> {
        let mut command = self.command(arguments, changes);
        let ran = tokio::task::spawn_blocking(move || run(&mut command, b"")).await;
        let ran = ran.unwrap();
        self.log.takes(ran.out.as_bytes());
        self.log.takes(ran.err.as_bytes());
        ran.code
    }

    /// Everything secret that there is, opened under the keys of these settings.
    async fn secrets(&self) -> Vec<Vec<u8>> {
        let data = self.folder.path().join("data");
        let mut config = Config::defaults(&data);
        self.server.seals(&mut config.custody);
        let secrets = Secrets::open_configured(&config).unwrap();
        let store = open_existing_store(&config).await.unwrap();
        let rows = store.sealed_keys().await.unwrap();
        store.close().await;
        let mut all = Vec::new();
        for row in &rows {
            all.push(
                secrets
                    .open_apart(&row.key_id, &row.sealed)
                    .await
                    .unwrap()
                    .to_vec(),
            );
        }
        for file in ["kek", "refresh-mac", "csrf"] {
            all.extend(fs::read(data.join("secrets").join(file)).ok());
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_key_is_in_a_log() {
    let world = World {
        folder: Folder::new(),
        server: Server::start().await,
        log: Log::default(),
    };
    let issuer = world.serve();
    let mut known = world.secrets().await;
    let local = [("CUSTODY__SEALER", "local")];
    let kek = Base64::encode_string(&[0x5c; 32]);
    let given = [("CUSTODY__SEALER", "local"), ("CUSTODY__KEK", kek.as_str())];
    let rotate = ["keys", "rotate", "--force"];
    for (arguments, changes, code) in [
        (&rotate[..], &[][..], 0),
        (&["keys", "rotate", "csrf"], &[], 0),
        (&["keys", "list"], &[], 0),
        (&["custody", "check"], &[], 0),
        (&["keys", "reseal", "--all"], &[], 0),
        (&["keys", "reseal"], &given, 0),
        (&["custody", "check"], &given, 0),
        // Under a key that is not named any more, and with a token that is refused.
        (&["keys", "reseal"], &[], 2),
        (&SERVE, &[], 2),
        (
            &rotate,
            &[("CUSTODY__TRANSIT__TOKEN", "hvs.another-token")],
            2,
        ),
        (&["keys", "reseal"], &[("CUSTODY__KEK", kek.as_str())], 0),
        (&["config", "show"], &given, 0),
    ] {
        assert_eq!(
            world.run(arguments, changes).await,
            Some(code),
            "{arguments:?} {changes:?}"
        );
        if code == 0 && changes.is_empty() {
            known.extend(world.secrets().await);
        }
    }
    // Rows that do not open, before an issuer that serves.
    world.server.breaks();
    assert_eq!(world.run(&rotate, &[]).await, Some(2));
    assert_eq!(world.run(&SERVE, &local).await, Some(2));
    let _ = issuer.stop("-TERM");
    world.log.hears(File::open(world.printed()).unwrap());

    known.extend([vec![0x5c; 32], kek.into_bytes(), TOKEN.as_bytes().to_vec()]);
    let data_keys = world.server.data_keys();
    assert!(data_keys.len() > 10, "{}", data_keys.len());
    known.extend(data_keys);
    assert!(known.len() > 30, "{}", known.len());
    known.sort();
    known.dedup();
    let log = world.log.bytes();
    assert!(world.log.says("\"level\":\"DEBUG\"") && world.log.says("does not open"));
    for secret in &known {
        assert!(!is_in(secret, &log), "{}", String::from_utf8_lossy(&log));
    }
}
