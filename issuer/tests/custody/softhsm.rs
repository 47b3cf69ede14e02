//! Tokens of SoftHSM, each world with its own.

#![allow(dead_code, reason = "each suite uses its part of it")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Module},
    error::{Error, RvError},
    session::{Session, UserType},
    types::AuthPin,
};
use edgeward_issuer::{
    config::{Config, Pkcs11, SealerKind, SecretText},
    domain::reseal::{SealedKey, SealedKeys},
    open_existing_store,
};

use crate::{
    folder::Folder,
    program::{Ran, edgeward, pass_in_own_process, run},
};

/// Where Debian puts the module.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const TOKEN: &str = "edgeward test";
pub(crate) const KEY: &str = "kek-1";
pub(crate) const PIN: &str = "648219";
const OFFICER_PIN: &str = "99817263";

/// Names the world of a process that was started for one test.
const WORLD: &str = "EDGEWARD_TEST_WORLD";

/// A data folder and a folder of tokens with one token in it.
pub(crate) struct World {
    folder: PathBuf,
    /// Removes it at the end; a process that was started for a test leaves it to the one that started it.
    _owner: Option<Folder>,
}

impl World {
    pub(crate) fn new() -> Self {
        let owner = Folder::new();
        let folder = owner.path().to_path_buf();
        fs::create_dir(folder.join("tokens")).unwrap();
        let tokens = folder.join("tokens").display().to_string();
        fs::write(
            folder.join("softhsm2.conf"),
            format!("directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"),
        )
        .unwrap();
        let world = Self {
            folder,
            _owner: Some(owner),
        };
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", TOKEN])
            .args(["--so-pin", OFFICER_PIN, "--pin", PIN])
            .env("SOFTHSM2_CONF", world.configuration())
            .output()
            .expect("softhsm2-util is installed by `cargo xtask setup`");
        assert!(made.status.success(), "{made:?}");
        world
    }

    /// The world of a test that speaks to the module itself. A module is configured by the environment of its process and
    /// has one state in it, so such a test runs once more in a process of its own; there it gets its world, and here nothing.
    pub(crate) fn of_own_process(module: &str, test: &str) -> Option<Self> {
        if let Some(folder) = env::var_os(WORLD) {
            return Some(Self {
                folder: folder.into(),
                _owner: None,
            });
        }
        let world = Self::new();
        let name = match module.split_once("::") {
            Some((_, module)) => format!("{module}::{test}"),
            None => test.to_owned(),
        };
        pass_in_own_process(
            &name,
            &[
                (WORLD, world.folder.as_os_str()),
                ("SOFTHSM2_CONF", world.configuration().as_os_str()),
            ],
        );
        None
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// Takes every token away, as somebody who pulls the device; gives back where they are now.
    pub(crate) fn pull(&self) -> PathBuf {
        let away = self.folder.join("pulled");
        fs::rename(self.folder.join("tokens"), &away).unwrap();
        fs::create_dir(self.folder.join("tokens")).unwrap();
        away
    }

    pub(crate) fn put_back(&self, away: &Path) {
        fs::remove_dir(self.folder.join("tokens")).unwrap();
        fs::rename(away, self.folder.join("tokens")).unwrap();
    }

    /// `edgeward` that seals in the device, but for what `changes` says.
    pub(crate) fn command(&self, arguments: &[&str], changes: &[(&str, &str)]) -> Command {
        let mut command = edgeward(&self.folder);
        command
            .args(arguments)
            .env("SOFTHSM2_CONF", self.configuration())
            .env("EDGEWARD__CUSTODY__SEALER", "pkcs11")
            .env("EDGEWARD__CUSTODY__PKCS11__MODULE", MODULE)
            .env("EDGEWARD__CUSTODY__PKCS11__TOKEN", TOKEN)
            .env("EDGEWARD__CUSTODY__PKCS11__KEY", KEY)
            .env("EDGEWARD__CUSTODY__PKCS11__PIN", PIN)
            .env("EDGEWARD__PASSWORDS__ARGON2__MEMORY_KIB", "64");
        // Where it is asked, KMS is a server of the test.
        #[cfg(feature = "kms")]
        command.envs(crate::kms::CREDENTIALS);
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

    pub(crate) fn pkcs11(&self) -> Pkcs11 {
        Pkcs11 {
            module: MODULE.into(),
            token: TOKEN.to_owned(),
            key: KEY.to_owned(),
            other_key: None,
            pin: SecretText::new(PIN),
            pin_file: None,
        }
    }

    /// The settings of [`World::command`] for this process.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::defaults(&self.folder.join("data"));
        config.passwords.argon2.memory_kib = 8;
        config.custody.sealer = SealerKind::Pkcs11;
        config.custody.pkcs11 = Some(self.pkcs11());
        config
    }

    pub(crate) async fn rows(&self) -> Vec<SealedKey> {
        let config = Config::defaults(&self.folder.join("data"));
        let store = open_existing_store(&config).await.unwrap();
        let rows = store.sealed_keys().await.unwrap();
        store.close().await;
        rows
    }
}

/// The device's own view, as somebody with the PIN has it.
pub(crate) fn log_in() -> Session {
    let module = Module::new(MODULE).unwrap();
    let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    match module.initialize(locking) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => panic!("{error}"),
    }
    let slots = module.get_slots_with_token().unwrap();
    let slot = slots
        .into_iter()
        .find(|slot| module.get_token_info(*slot).unwrap().label().trim_end() == TOKEN);
    let session = module.open_rw_session(slot.unwrap()).unwrap();
    match session.login(UserType::User, Some(&AuthPin::new(PIN.into()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => session,
        Err(error) => panic!("{error}"),
    }
}
