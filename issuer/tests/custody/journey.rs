//! Signing keys go from every place to every other, as an operator moves them.

use std::fs;

use base64ct::{Base64, Encoding};

use crate::{
    folder::Folder,
    program::{edgeward, run},
    settings::PRODUCTION,
    softhsm::World,
    transit::{Server, TOKEN},
};

/// Where a key-encryption key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `secrets/kek`
    Folder,
    Variable,
    File,
    Device,
    TransitEngine,
    Kms,
}

impl Place {
    const ALL: [Self; 6] = [
        Self::Folder,
        Self::Variable,
        Self::File,
        Self::Device,
        Self::TransitEngine,
        Self::Kms,
    ];

    /// What its name in envelopes begins with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Folder | Self::Variable | Self::File => "local:",
            Self::Device => "pkcs11:",
            Self::TransitEngine => "transit:",
            Self::Kms => "kms:",
        }
    }
}

/// Everything that the settings of some place name.
struct Named {
    file: String,
    variable: String,
    server: String,
    kms: crate::kms::moto::World,
}

impl Named {
    /// The settings under which `seals` seals, and `opens` opens too.
    fn settings(&self, seals: Place, opens: Place) -> Vec<(&'static str, &str)> {
        let mut settings = vec![(
            "SEALER",
            match seals {
                Place::Folder | Place::Variable | Place::File => "local",
                Place::Device => "pkcs11",
                Place::TransitEngine => "transit",
                Place::Kms => "kms",
            },
        )];
        for place in [seals, opens] {
            settings.extend(match (place, place == seals) {
                (Place::Folder, _) => vec![],
                (Place::Variable, true) => vec![("KEK", self.variable.as_str())],
                (Place::Variable, false) => vec![("OTHER_KEK", self.variable.as_str())],
                (Place::File, true) => vec![("KEK_FILE", self.file.as_str())],
                (Place::File, false) => vec![("OTHER_KEK_FILE", self.file.as_str())],
                // The world names it in any case.
                (Place::Device, _) => vec![],
                (Place::TransitEngine, _) => vec![
                    ("TRANSIT__ADDRESS", self.server.as_str()),
                    ("TRANSIT__KEY", "edgeward"),
                    ("TRANSIT__TOKEN", TOKEN),
                    ("TIMEOUT_MS", "20000"),
                ],
                (Place::Kms, _) => vec![
                    ("KMS__KEY", self.kms.key.as_str()),
                    ("KMS__ENDPOINT", self.kms.endpoint.as_str()),
                    ("TIMEOUT_MS", "20000"),
                ],
            });
        }
        settings
    }
}

/// A way that goes from each to each other, and ends where it began.
fn every_move() -> Vec<(Place, Place)> {
    let all = Place::ALL;
    let mut moves = Vec::new();
    for (at, place) in all.into_iter().enumerate() {
        for other in &all[at + 1..] {
            moves.extend([(place, *other), (*other, place)]);
        }
        if let Some(next) = all.get(at + 1) {
            // The last of these went back to `place`; the next ones begin at `next`.
            moves.push((place, *next));
        }
    }
    moves.push((Place::Kms, Place::Folder));
    moves
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_keys_move_from_every_place_to_every_other() {
    let world = World::new();
    let server = Server::start().await;
    let file = world.path().join("kek-file");
    fs::write(&file, Base64::encode_string(&[2; 32])).unwrap();
    let named = Named {
        file: file.display().to_string(),
        variable: Base64::encode_string(&[1; 32]),
        server: server.address.clone(),
        kms: crate::kms::moto::World::new().await,
    };
    tokio::task::spawn_blocking(move || {
        let only = |place| named.settings(place, place);
        world.done(&["custody", "make-key"], &[]);
        world.done(&["migrate", "up"], &only(Place::Folder));
        world.done(&["keys", "rotate", "--force"], &only(Place::Folder));
        let keys = world.done(&["keys", "list"], &only(Place::Folder));
        assert!(world.path().join("data/secrets/kek").exists());
        let moves = every_move();
        for (from, to) in &moves {
            let told = world.done(&["keys", "reseal"], &named.settings(*to, *from));
            let all = format!(" re-sealed, 0 already under {}", to.prefix());
            assert!(told.contains(&all), "{from:?} to {to:?}: {told}");
            assert!(
                told.contains(&format!(": {}", from.prefix())),
                "{from:?} to {to:?}: {told}"
            );
            let alone = world.done(&["keys", "reseal", "--all"], &only(*to));
            assert!(alone.contains(&all), "{to:?} alone opens: {alone}");
        }
        assert_eq!(world.done(&["keys", "list"], &only(Place::Folder)), keys);
        for from in Place::ALL {
            for to in Place::ALL.into_iter().filter(|to| *to != from) {
                assert!(moves.contains(&(from, to)), "{from:?} to {to:?}");
            }
        }
    })
    .await
    .unwrap();
}

#[test]
fn a_start_in_production_warns_of_each_secret_in_the_environment() {
    let folder = Folder::new();
    let at = folder.path();
    fs::write(at.join("e.toml"), PRODUCTION).unwrap();
    // The start ends by this, after it has said what there is to say.
    fs::create_dir_all(at.join("data/secrets")).unwrap();
    fs::write(at.join("data/secrets/csrf"), [0; 32]).unwrap();
    let started = |variables: &[(&str, &str)]| {
        let mut serve = edgeward(at);
        serve.args(["--config", "e.toml", "serve"]);
        for (name, value) in variables {
            serve.env(format!("EDGEWARD__CUSTODY__{name}"), value);
        }
        let ran = run(&mut serve, b"");
        assert_eq!(ran.code, Some(2), "{ran:?}");
        ran.err
    };
    let kek = Base64::encode_string(&[1; 32]);
    let variables = [
        ("KEK", kek.as_str()),
        ("PKCS11__MODULE", "/nowhere.so"),
        ("PKCS11__TOKEN", "edgeward"),
        ("PKCS11__KEY", "kek"),
        ("PKCS11__PIN", "1234"),
        ("TRANSIT__ADDRESS", "https://vault.example.com"),
        ("TRANSIT__KEY", "edgeward"),
        ("TRANSIT__TOKEN", TOKEN),
    ];
    let said = started(&variables);
    for name in ["custody.kek", "custody.pkcs11.pin", "custody.transit.token"] {
        let warning = format!("{name} is in the environment, which stays readable");
        assert!(said.contains(&warning), "{name}: {said}");
    }
    assert!(!said.contains(&kek) && !said.contains("1234") && !said.contains(TOKEN));
    assert!(!started(&[]).contains("is in the environment"));
}
