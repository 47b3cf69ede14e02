//! Reads `[custody]` and the sections under it.

use std::{path::PathBuf, time::Duration};

use super::{CACHE, Custody, Pkcs11, SealerKind, SigningPlace, TIMEOUT, Transit, kms};
use crate::{
    config::{
        Origin,
        read::{number, text},
        reader::Reader,
        secret::{self, SecretText},
        source::Raw,
    },
    custody::{HAS_PKCS11, key_from_text},
};

/// The longest name of a key, a token or a mount: it stands in every envelope, and no device takes longer labels.
const NAME_MAX_BYTES: usize = 64;

pub(in crate::config) fn read(reader: &mut Reader) -> Custody {
    let sealer = reader.take("custody.sealer", SealerKind::default(), kind);
    let (kek, kek_file) = key(reader, "custody.kek", "custody.kek_file");
    let (other_kek, other_kek_file) = key(reader, "custody.other_kek", "custody.other_kek_file");
    if kek.is_some() && kek == other_kek {
        reader.complain("custody.other_kek", "is the same key as custody.kek");
    }
    let signing = reader.take("custody.signing", SigningPlace::default(), place);
    // Less is within the noise of a network; with more, a start hangs longer than a supervisor waits.
    let timeout = reader.take("custody.timeout_ms", TIMEOUT, |raw| {
        number(50, 20_000)(raw).map(Duration::from_millis)
    });
    // Longer than a day is for good; 0 remembers nothing.
    let cache = reader.take("custody.cache_seconds", CACHE, |raw| {
        number(0, 86_400)(raw).map(Duration::from_secs)
    });
    let pkcs11 = pkcs11(reader);
    let transit = transit(reader);
    let kms = kms::read(reader);
    let lacks = match sealer {
        SealerKind::Local => None,
        SealerKind::Pkcs11 => (pkcs11.is_none()).then_some("needs custody.pkcs11.module"),
        SealerKind::Transit => (transit.is_none()).then_some("needs custody.transit.address"),
        SealerKind::Kms => (kms.is_none()).then_some("needs custody.kms.key"),
    };
    let told = reader
        .broken()
        .iter()
        .any(|key| key.starts_with("custody."));
    if let (Some(lacks), false) = (lacks, told) {
        reader.complain("custody.sealer", lacks);
    }
    let signing_lacks = match signing {
        SigningPlace::Local => None,
        SigningPlace::Pkcs11 => (pkcs11.is_none()).then_some("needs custody.pkcs11.module"),
        SigningPlace::Kms => (kms.is_none()).then_some("needs custody.kms.key"),
    };
    if let (Some(lacks), false) = (signing_lacks, told) {
        reader.complain("custody.signing", lacks);
    }
    Custody {
        sealer,
        kek,
        kek_file,
        other_kek,
        other_kek_file,
        signing,
        timeout,
        cache,
        pkcs11,
        transit,
        kms,
    }
}

fn pkcs11(reader: &mut Reader) -> Option<Pkcs11> {
    const FIRST: &str = "custody.pkcs11.module";
    let module = reader.take(FIRST, None, |raw| text(raw).map(PathBuf::from).map(Some));
    let token = reader.take("custody.pkcs11.token", None, label);
    let key = reader.take("custody.pkcs11.key", None, name);
    let other_key = reader.take("custody.pkcs11.other_key", None, name);
    let (pin, pin_file) = secret::take(reader, "custody.pkcs11.pin", "custody.pkcs11.pin_file");
    if module.is_some() && !HAS_PKCS11 {
        reader.complain(
            FIRST,
            "needs a program that was built with the feature `hsm`",
        );
    }
    let needs = [
        ("custody.pkcs11.token", token.is_some()),
        ("custody.pkcs11.key", key.is_some()),
        ("custody.pkcs11.pin", pin.is_some()),
    ];
    judge(reader, FIRST, module.is_some(), &needs, other_key.is_some());
    differ(
        reader,
        "custody.pkcs11.other_key",
        key.as_ref(),
        other_key.as_ref(),
    );
    Some(Pkcs11 {
        module: module?,
        token: token?,
        key: key?,
        other_key,
        pin: pin?,
        pin_file,
    })
}

fn transit(reader: &mut Reader) -> Option<Transit> {
    const FIRST: &str = "custody.transit.address";
    let address = reader.take(FIRST, None, |raw| {
        origin(raw, "https://vault.example.com:8200").map(Some)
    });
    let mount = reader.take("custody.transit.mount", Some("transit".to_owned()), name);
    let key = reader.take("custody.transit.key", None, name);
    let other_key = reader.take("custody.transit.other_key", None, name);
    let namespace = reader.take("custody.transit.namespace", None, label);
    let (token, token_file) = secret::take(
        reader,
        "custody.transit.token",
        "custody.transit.token_file",
    );
    let needs = [
        ("custody.transit.key", key.is_some()),
        ("custody.transit.token", token.is_some()),
    ];
    judge(
        reader,
        FIRST,
        address.is_some(),
        &needs,
        other_key.is_some(),
    );
    differ(
        reader,
        "custody.transit.other_key",
        key.as_ref(),
        other_key.as_ref(),
    );
    Some(Transit {
        address: address?,
        mount: mount?,
        key: key?,
        other_key,
        namespace,
        token: token?,
        token_file,
    })
}

/// A section that is there is whole; one without its first setting would do nothing.
pub(super) fn judge(
    reader: &mut Reader,
    first: &'static str,
    is_there: bool,
    needs: &[(&'static str, bool)],
    other: bool,
) {
    let broken = reader.broken();
    let section = first.rsplit_once('.').map_or(first, |(section, _)| section);
    if broken.iter().any(|key| key.starts_with(section)) {
        return;
    }
    if is_there {
        for (key, is_set) in needs {
            if !is_set {
                reader.complain(first, &format!("needs {key}"));
            }
        }
        return;
    }
    let of_section = |key: &str| {
        key.strip_prefix(section)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let set = reader.origins.iter();
    let set = set.filter(|(key, origin)| of_section(key) && *origin != Origin::Default);
    let set: Option<&'static str> = set.map(|(key, _)| *key).next();
    if let Some(key) = set.or(other.then_some(first)) {
        reader.complain(key, &format!("does nothing without {first}"));
    }
}

pub(super) fn differ<K: PartialEq>(
    reader: &mut Reader,
    key: &'static str,
    one: Option<&K>,
    other: Option<&K>,
) {
    if one.is_some() && one == other {
        reader.complain(key, "names the key that seals");
    }
}

fn kind(raw: &Raw) -> Result<SealerKind, String> {
    let name = text(raw)?;
    let mut all = SealerKind::ALL.into_iter();
    all.find(|kind| kind.name() == name)
        .ok_or_else(|| "must be local, pkcs11, transit or kms".to_owned())
}

fn place(raw: &Raw) -> Result<SigningPlace, String> {
    let name = text(raw)?;
    let mut all = SigningPlace::ALL.into_iter();
    all.find(|place| place.name() == name)
        .ok_or_else(|| "must be local, pkcs11 or kms".to_owned())
}

/// What stands in envelopes, messages and addresses without being quoted.
fn name(raw: &Raw) -> Result<Option<String>, String> {
    let name = text(raw)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.len() <= NAME_MAX_BYTES && name.bytes().all(fits) && !name.starts_with('.') {
        Ok(Some(name))
    } else {
        Err(format!(
            "must be letters, digits, -, _ and ., at most {NAME_MAX_BYTES}"
        ))
    }
}

/// The same with blanks and slashes, which labels of tokens and namespaces have.
fn label(raw: &Raw) -> Result<Option<String>, String> {
    let label = text(raw)?;
    let fits = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if label.len() <= NAME_MAX_BYTES && label.bytes().all(fits) {
        Ok(Some(label))
    } else {
        Err(format!("must be printable ASCII, at most {NAME_MAX_BYTES}"))
    }
}

/// Data keys go this way, so they go encrypted, or never leave the machine.
pub(super) fn origin(raw: &Raw, example: &str) -> Result<String, String> {
    let origin = text(raw)?;
    let origin = origin.strip_suffix('/').unwrap_or(&origin);
    let here = ["http://127.0.0.1:", "http://[::1]:"];
    let rest = here
        .iter()
        .chain(&["https://"])
        .find_map(|start| origin.strip_prefix(start));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['/', '@', '?', '#', ' ']) => {
            Ok(origin.to_owned())
        }
        Some(_) | None => Err(format!(
            "must be an origin, as {example}; http is for 127.0.0.1 and [::1]"
        )),
    }
}

fn key(
    reader: &mut Reader,
    key: &'static str,
    file_key: &'static str,
) -> (Option<SecretText>, Option<PathBuf>) {
    let (secret, file) = secret::take(reader, key, file_key);
    if let Some(Err(message)) = secret.as_ref().map(|secret| key_from_text(secret.reveal())) {
        match &file {
            Some(path) => reader.complain(file_key, &format!("{}: {message}", path.display())),
            None => reader.complain(key, &message),
        }
    }
    (secret, file)
}
