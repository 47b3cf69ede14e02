//! Private keys sealed by a transit engine. The server here is scripted from the published interface of Vault and OpenBao; it
//! is neither of them.

mod engine;

use std::{fs, time::Duration};

use base64ct::{Base64, Encoding};
use edgeward_issuer::{
    config::{Config, SealerKind, Transit},
    custody::{Sealed, Secrets},
};
use serde_json::json;

use self::engine::PATIENT;
pub(crate) use self::engine::{Server, TOKEN};
use crate::folder::Folder;
use crate::program::{Ran, edgeward, run};
use crate::settings::check;

struct World {
    folder: Folder,
    server: Server,
}

impl World {
    async fn new() -> Self {
        Self {
            folder: Folder::new(),
            server: Server::start().await,
        }
    }

    fn transit(&self) -> Transit {
        self.server.transit()
    }

    fn open(&self, transit: Transit, timeout: Duration) -> Secrets {
        let mut config = Config::defaults(&self.folder.path().join("data"));
        config.custody.sealer = SealerKind::Transit;
        config.custody.cache = Duration::ZERO;
        config.custody.timeout = timeout;
        config.custody.transit = Some(transit);
        Secrets::open_configured(&config).unwrap()
    }

    /// The binary, on a thread of its own, so that the server here goes on.
    async fn run(&self, arguments: &'static [&'static str], changes: &[(&str, &str)]) -> Ran {
        let mut command = edgeward(self.folder.path());
        command
            .args(arguments)
            .env("EDGEWARD__CUSTODY__SEALER", "transit")
            .env("EDGEWARD__CUSTODY__TRANSIT__ADDRESS", &self.server.address)
            .env("EDGEWARD__CUSTODY__TRANSIT__KEY", "edgeward")
            .env("EDGEWARD__CUSTODY__TRANSIT__TOKEN", TOKEN)
            .env(
                "EDGEWARD__CUSTODY__TIMEOUT_MS",
                PATIENT.as_millis().to_string(),
            );
        for (name, value) in changes {
            command.env(format!("EDGEWARD__CUSTODY__{name}"), value);
        }
        tokio::task::spawn_blocking(move || run(&mut command, b""))
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_goes_to_the_server_and_the_secret_does_not() {
    let world = World::new().await;
    let transit = Transit {
        namespace: Some("team/a".to_owned()),
        ..world.transit()
    };
    let secrets = world.open(transit, PATIENT);
    let sealed = secrets.seal("key-1", b"a private key").unwrap();
    assert_eq!(
        Secrets::key_of(&sealed).as_deref(),
        Some("transit:transit/edgeward")
    );
    assert_eq!(
        secrets.open("key-1", &sealed).unwrap().as_slice(),
        b"a private key"
    );
    world.server.script(|script| {
        let paths: Vec<&str> = script
            .asked
            .iter()
            .map(|(path, _, _)| path.as_str())
            .collect();
        assert_eq!(paths, ["encrypt/edgeward", "decrypt/edgeward"]);
        for (_, headers, body) in &script.asked {
            assert_eq!(headers["x-vault-token"], TOKEN);
            assert_eq!(headers["x-vault-namespace"], "team/a");
            assert!(!body.to_string().contains("private"), "{body}");
        }
        let sent = script.asked[0].2["plaintext"].as_str().unwrap();
        assert_eq!(
            Base64::decode_vec(sent).unwrap().len(),
            32,
            "a data key and nothing else"
        );
    });
    // The server's key has a new version; what was wrapped under the one before opens as long as the server keeps it.
    world
        .server
        .script(|script| script.keys.get_mut("edgeward").unwrap().push([4; 32]));
    assert_eq!(
        secrets.open("key-1", &sealed).unwrap().as_slice(),
        b"a private key"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_told_in_its_words() {
    let world = World::new().await;
    let secrets = || world.open(world.transit(), PATIENT);
    let sealed = secrets().seal("key-1", b"seed").unwrap();
    let told = |says: &str| {
        let refused = secrets().open("key-1", &sealed).unwrap_err().to_string();
        let whole = format!("the key-encryption key transit:transit/edgeward {says}");
        assert!(refused.starts_with(&whole), "{refused}\nis not\n{whole}");
        assert!(!refused.contains(TOKEN), "{refused}");
    };
    for (status, error, says) in [
        (
            403,
            "permission denied",
            "is refused: the server answers 403: permission denied",
        ),
        (
            404,
            "no handler for route",
            "is not there: the server answers 404: no handler",
        ),
        (
            400,
            "encryption key not found",
            "is not there: the server answers 400: encryption key",
        ),
        (400, "invalid ciphertext: no prefix", "does not open"),
        (
            429,
            "too many requests",
            "is out of reach: the server answers 429",
        ),
        (
            500,
            "1 error\noccurred",
            "is out of reach: the server answers 500: 1 error occurred",
        ),
        (
            503,
            "Vault is sealed",
            "is out of reach: the server answers 503: Vault is sealed",
        ),
        (307, "elsewhere", "is out of reach: the server answers 307"),
    ] {
        let body = json!({ "errors": [error] });
        world
            .server
            .script(|script| script.instead = Some((status, body)));
        told(says);
    }
    for body in [
        json!({}),
        json!({ "data": { "plaintext": 7 } }),
        json!({ "data": { "plaintext": "!" } }),
        json!({ "data": { "plaintext": "x".repeat(70_000) } }),
    ] {
        world
            .server
            .script(|script| script.instead = Some((200, body)));
        told("is out of reach: the server answers what is no answer of a transit engine");
    }
    let short = json!({ "data": { "plaintext": Base64::encode_string(&[1; 16]) } });
    world
        .server
        .script(|script| script.instead = Some((200, short)));
    told("does not open");
    let another = json!({ "data": { "plaintext": Base64::encode_string(&[1; 32]) } });
    world
        .server
        .script(|script| script.instead = Some((200, another)));
    assert!(
        secrets().open("key-1", &sealed).is_err(),
        "a server that lies opens nothing"
    );
    world.server.script(|script| script.instead = None);
    assert_eq!(
        secrets().open("key-1", &sealed).unwrap().as_slice(),
        b"seed"
    );
    let mut bytes = sealed.as_bytes().to_vec();
    let at = bytes
        .windows(9)
        .position(|window| window == b"vault:v1:")
        .unwrap()
        + 12;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let changed = secrets().open("key-1", &Sealed::from_bytes(bytes));
    assert!(changed.unwrap_err().to_string().contains("does not open"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_or_is_gone_is_asked_once_and_then_left_alone() {
    let world = World::new().await;
    // Long enough for a client to be made on a busy machine, which is within the limit.
    let secrets = world.open(world.transit(), Duration::from_secs(5));
    secrets.seal("key-1", b"seed").unwrap();
    world.server.script(|script| script.hangs = true);
    let slow = secrets.seal("key-1", b"seed").unwrap_err().to_string();
    assert!(slow.contains("gave no answer within 5000 ms"), "{slow}");
    for _ in 0..10 {
        let resting = secrets.seal("key-1", b"seed").unwrap_err().to_string();
        assert!(resting.contains("is left alone for another"), "{resting}");
    }
    assert_eq!(world.server.asked(), 2);
    assert_eq!(secrets.failures().unwrap().len(), 1);

    let nobody = Transit {
        address: "http://127.0.0.1:9".to_owned(),
        ..world.transit()
    };
    let gone = world.open(nobody, PATIENT);
    let gone = gone.seal("key-1", b"seed").unwrap_err().to_string();
    assert!(
        gone.contains("is out of reach: ") && gone.contains("refused"),
        "{gone}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_an_agent_renewed_is_read_again() {
    let world = World::new().await;
    let file = world.folder.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let transit = Transit {
        token_file: Some(file.clone()),
        ..world.transit()
    };
    let secrets = world.open(transit, PATIENT);
    let sealed = secrets.seal("key-1", b"seed").unwrap();
    world
        .server
        .script(|script| script.token = "hvs.second-token".to_owned());
    fs::write(&file, "hvs.second-token\n").unwrap();
    assert_eq!(secrets.open("key-1", &sealed).unwrap().as_slice(), b"seed");
    assert_eq!(world.server.asked(), 3, "once with each token");
    world
        .server
        .script(|script| script.token = "hvs.third-token".to_owned());
    assert!(secrets.open("key-1", &sealed).is_err());
    assert_eq!(world.server.asked(), 4, "the same token is not tried twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_checks_and_moves_between_keys_of_the_server() {
    let world = World::new().await;
    let checked = world.run(&["custody", "check"], &[]).await;
    assert_eq!(
        (checked.code, checked.out.as_str()),
        (Some(0), "transit:transit/edgeward: seals and opens\n"),
        "{checked:?}"
    );
    let other = [("TRANSIT__KEY", "another")];
    let checked = world.run(&["custody", "check"], &other).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked
            .out
            .contains("transit:transit/another is not there: the server answers 400"),
        "{checked:?}"
    );
    let made = world.run(&["custody", "make-key"], &[]).await;
    assert_eq!(made.code, Some(2), "{made:?}");
    assert!(
        made.err.contains("custody.pkcs11 names no device"),
        "{made:?}"
    );
}

#[test]
fn the_settings_of_devices_and_servers_are_judged_as_a_whole() {
    check(
        "[custody]\nsealer = \"pkcs11\"\n",
        &[],
        &["FILE:2: custody.sealer: needs custody.pkcs11.module"],
    );
    check(
        "[custody]\nsealer = \"transit\"\ntimeout_ms = 10\n[custody.transit]\naddress = \"http://vault.example.com\"\nmount = \"a/b\"\n",
        &[],
        &[
            "FILE:3: custody.timeout_ms: must be a whole number from 50 to 20000",
            "FILE:5: custody.transit.address: must be an origin, as https://vault",
            "FILE:6: custody.transit.mount: must be letters, digits, -, _ and .",
        ],
    );
    check(
        "[custody.transit]\naddress = \"https://vault.example.com:8200\"\n",
        &[],
        &[
            "FILE:2: custody.transit.address: needs custody.transit.key",
            "FILE:2: custody.transit.address: needs custody.transit.token",
        ],
    );
    check(
        "[custody.pkcs11]\nkey = \"kek-1\"\nother_key = \"kek-1\"\npin = \"1234\"\n",
        &[],
        &[
            "FILE:3: custody.pkcs11.other_key: names the key that seals",
            "FILE:4: custody.pkcs11.pin: is a secret, which this file would show",
        ],
    );
    check(
        "[custody.pkcs11]\nkey = \"kek-1\"\n",
        &[],
        &["FILE:2: custody.pkcs11.key: does nothing without custody.pkcs11.module"],
    );
}
