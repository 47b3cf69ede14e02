//! Modules, tokens and sessions, and what their errors mean.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Context},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
};

use sha2::{Digest, Sha256};

use super::pin;
use crate::{config::Pkcs11, custody::SealerError};

/// The length of an AES-256 key in bytes.
const KEY_BYTES: u64 = 32;

/// The modules of this process. A module has one state for the whole process, so all of its users share it, and the last
/// one ends it: some modules crash when they are not ended before the process is.
static MODULES: Mutex<Vec<Loaded>> = Mutex::new(Vec::new());

struct Loaded {
    path: PathBuf,
    context: Context,
    users: usize,
}

/// A module in use.
struct Module {
    path: PathBuf,
    context: Context,
}

impl Module {
    fn load(path: &Path) -> Result<Self, SealerError> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = modules.iter_mut().find(|loaded| loaded.path == path) {
            loaded.users += 1;
            return Ok(Self {
                path: path.to_path_buf(),
                context: loaded.context.clone(),
            });
        }
        let failed = |error: &Error| {
            let why = format!("the module {} cannot be loaded: {error}", path.display());
            SealerError::Unreachable(why)
        };
        let context = Context::new(path).map_err(|error| failed(&error))?;
        let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match context.initialize(locking) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(&error)),
        }
        modules.push(Loaded {
            path: path.to_path_buf(),
            context: context.clone(),
            users: 1,
        });
        Ok(Self {
            path: path.to_path_buf(),
            context,
        })
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = modules.iter().position(|loaded| loaded.path == self.path) else {
            return;
        };
        if let Some(loaded) = modules.get_mut(at) {
            loaded.users -= 1;
            if loaded.users > 0 {
                return;
            }
        }
        if let Err(error) = modules.swap_remove(at).context.finalize() {
            tracing::warn!(module = %self.path.display(), detail = %error, "a PKCS#11 module did not end");
        }
    }
}

/// A session with the token, logged in. The session ends before the module does: fields are dropped in this order.
pub(super) struct Device {
    session: Session,
    _module: Module,
}

impl Device {
    pub(super) fn open(settings: &Pkcs11) -> Result<Self, SealerError> {
        Self::open_by(settings, Context::open_ro_session)
    }

    /// The same for making things on the token.
    pub(super) fn open_to_write(settings: &Pkcs11) -> Result<Self, SealerError> {
        Self::open_by(settings, Context::open_rw_session)
    }

    fn open_by(
        settings: &Pkcs11,
        open: impl FnOnce(&Context, Slot) -> cryptoki::error::Result<Session>,
    ) -> Result<Self, SealerError> {
        let module = Module::load(&settings.module)?;
        let slot = slot_of(&module.context, settings)?;
        let session = open(&module.context, slot).map_err(|error| told(&error))?;
        log_in(&session, settings)?;
        Ok(Self {
            session,
            _module: module,
        })
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// The AES key of a label, if there is one and it cannot be taken out.
    pub(super) fn find_key(&self, label: &str) -> Result<ObjectHandle, SealerError> {
        let key = one_of(&self.session, &aes(label), label)?.ok_or_else(|| {
            SealerError::NoKey(format!(
                "the token has no AES key with the label {label}: `edgeward custody make-key` makes one"
            ))
        })?;
        stays(&self.session, key, label)?;
        Ok(key)
    }
}

/// What became of the wish for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeKey {
    /// It was made.
    Made,
    /// There was one of this label, which stays.
    WasThere,
}

/// Makes the AES key in the device that the settings name, if there is none of its label.
///
/// # Errors
/// [`SealerError`].
pub fn make_key(settings: &Pkcs11) -> Result<MadeKey, SealerError> {
    let device = Device::open_to_write(settings)?;
    let session = device.session();
    if one_of(session, &aes(&settings.key), &settings.key)?.is_some() {
        return Ok(MadeKey::WasThere);
    }
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(KEY_BYTES.into()),
        Attribute::Label(settings.key.clone().into_bytes()),
        Attribute::Id(settings.key.clone().into_bytes()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
    ];
    session
        .generate_key(&Mechanism::AesKeyGen, &template)
        .map_err(|error| told(&error))?;
    Ok(MadeKey::Made)
}

fn slot_of(context: &Context, settings: &Pkcs11) -> Result<Slot, SealerError> {
    let slots = context
        .get_slots_with_token()
        .map_err(|error| told(&error))?;
    let mut found = slots.into_iter().filter(|slot| {
        let token = context.get_token_info(*slot);
        token.is_ok_and(|token| token.label().trim_end() == settings.token)
    });
    let (first, second) = (found.next(), found.next());
    match (first, second) {
        (Some(slot), None) => Ok(slot),
        (Some(_), Some(_)) => Err(SealerError::Unreachable(format!(
            "two tokens of the module have the label {}",
            settings.token
        ))),
        (None, _) => Err(SealerError::Unreachable(format!(
            "no token of the module has the label {}",
            settings.token
        ))),
    }
}

/// PINs that a device called wrong, by the digest of what they were tried at. Devices lock themselves after a few, and every key of
/// a process has a session of its own: one is tried once in the life of a process.
static WRONG_PINS: Mutex<Vec<[u8; 32]>> = Mutex::new(Vec::new());

fn log_in(session: &Session, settings: &Pkcs11) -> Result<(), SealerError> {
    let mut tried = Sha256::new();
    for part in [
        settings.module.as_os_str().as_encoded_bytes(),
        settings.token.as_bytes(),
        settings.pin.reveal().as_bytes(),
    ] {
        tried.update([0]);
        tried.update(part);
    }
    let tried: [u8; 32] = tried.finalize().into();
    let mut wrong = WRONG_PINS.lock().unwrap_or_else(PoisonError::into_inner);
    if wrong.contains(&tried) {
        return Err(wrong_pin());
    }
    match session.login(UserType::User, Some(&pin(&settings.pin))) {
        // The login is of the process and not of the session.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(RvError::PinIncorrect, _)) => {
            wrong.push(tried);
            Err(wrong_pin())
        }
        Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(SealerError::Refused(
            "the PIN is locked: the token's security officer unlocks it".to_owned(),
        )),
        Err(error) => Err(told(&error)),
    }
}

fn wrong_pin() -> SealerError {
    SealerError::Refused(
        "the PIN is wrong; it is not tried again before a restart, because devices lock after a few".to_owned(),
    )
}

fn aes(label: &str) -> [Attribute; 3] {
    [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}

/// The one object that is so, if there is one.
pub(super) fn one_of(
    session: &Session,
    wanted: &[Attribute],
    label: &str,
) -> Result<Option<ObjectHandle>, SealerError> {
    let found = session.find_objects(wanted).map_err(|error| told(&error))?;
    match found.as_slice() {
        [] => Ok(None),
        [key] => Ok(Some(*key)),
        [_, _, ..] => Err(SealerError::NoKey(format!(
            "the token has several keys with the label {label}"
        ))),
    }
}

/// Refuses a key that can be taken out of the device.
pub(super) fn stays(session: &Session, key: ObjectHandle, label: &str) -> Result<(), SealerError> {
    let wanted = [AttributeType::Sensitive, AttributeType::Extractable];
    let told_of_it = session
        .get_attributes(key, &wanted)
        .map_err(|error| told(&error))?;
    let stays = told_of_it.contains(&Attribute::Sensitive(true))
        && told_of_it.contains(&Attribute::Extractable(false));
    if stays {
        Ok(())
    } else {
        Err(SealerError::Refused(format!(
            "the device gives the key {label} away: it must be CKA_SENSITIVE and not CKA_EXTRACTABLE"
        )))
    }
}

/// Whether the device has ended the session, or forgotten what was found in it: then it is asked anew, once.
pub(super) const fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::UserNotLoggedIn
                | RvError::KeyHandleInvalid
                | RvError::ObjectHandleInvalid
                | RvError::DeviceRemoved
                | RvError::TokenNotPresent
                | RvError::CryptokiNotInitialized
                | RvError::DeviceError
                | RvError::GeneralError
                | RvError::FunctionFailed,
            _
        )
    )
}

/// What an error of the module means. Its own long explanation is left out: the name of the code finds it.
pub(super) fn told(error: &Error) -> SealerError {
    let Error::Pkcs11(code, function) = error else {
        return SealerError::Unreachable(format!("the module: {error}"));
    };
    if matches!(
        code,
        RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange
    ) {
        SealerError::DoesNotOpen
    } else {
        SealerError::Unreachable(format!("the module answers {code:?} to {function}"))
    }
}
