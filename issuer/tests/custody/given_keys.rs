//! Key-encryption keys that an operator gives: where they stand, how they are judged, and that nobody is shown one.

use std::fs;

use base64ct::{Base64, Encoding};

use crate::folder::Folder;
use crate::program::{edgeward, run};
use crate::reseal::kek;
use crate::settings::{PRODUCTION, check, load};

#[test]
fn keys_stand_in_variables_or_files_and_are_judged_without_being_shown() {
    let (good, short) = (kek(1), Base64::encode_string(&[1; 16]));
    check(
        "[custody]\nkek = \"x\"\nsealer = \"drawer\"\n",
        &[("EDGEWARD__CUSTODY__OTHER_KEK", &short)],
        &[
            "FILE:2: custody.kek: is a secret, which this file would show",
            "FILE:3: custody.sealer: must be local, pkcs11, transit or kms",
            "EDGEWARD__CUSTODY__OTHER_KEK: custody.other_kek: must be 32 bytes in base64, as `openssl rand",
        ],
    );
    check(
        "",
        &[
            ("EDGEWARD__CUSTODY__KEK", &good),
            ("EDGEWARD__CUSTODY__OTHER_KEK", &good),
        ],
        &["EDGEWARD__CUSTODY__OTHER_KEK: custody.other_kek: is the same key as custody.kek"],
    );
    let config = load(Some(PRODUCTION), &[("EDGEWARD__CUSTODY__KEK", &good)]).unwrap();
    assert!(!format!("{config:?}").contains(&good));
    let warnings = config.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("custody.kek is in the environment"),
        "{warnings:?}"
    );
    assert!(
        load(Some(""), &[("EDGEWARD__CUSTODY__KEK", &good)])
            .unwrap()
            .warnings()
            .is_empty()
    );

    let folder = Folder::new();
    let file = folder.path().join("kek");
    fs::write(&file, format!("{good}\n")).unwrap();
    let path = file.to_str().unwrap();
    let config = load(Some(PRODUCTION), &[("EDGEWARD__CUSTODY__KEK_FILE", path)]).unwrap();
    assert_eq!(config.warnings(), Vec::<String>::new());
    fs::write(&file, &short).unwrap();
    check(
        "",
        &[("EDGEWARD__CUSTODY__KEK_FILE", path)],
        &[&format!(
            "EDGEWARD__CUSTODY__KEK_FILE: custody.kek_file: {path}: must be 32 bytes in base64"
        )],
    );
}

#[test]
fn config_show_and_check_tell_of_a_key_and_not_the_key() {
    let folder = Folder::new();
    let key = kek(5);
    let mut shown = edgeward(folder.path());
    shown
        .args(["config", "show"])
        .env("EDGEWARD__CUSTODY__KEK", &key);
    let shown = run(&mut shown, b"");
    assert!(
        shown
            .out
            .contains("# kek (redacted) # EDGEWARD__CUSTODY__KEK"),
        "{shown:?}"
    );
    assert!(
        !shown.out.contains(&key) && !shown.out.contains("secrets/kek"),
        "{shown:?}"
    );
    fs::write(folder.path().join("e.toml"), PRODUCTION).unwrap();
    let mut checked = edgeward(folder.path());
    checked
        .args(["--config", "e.toml", "config", "check"])
        .env("EDGEWARD__CUSTODY__KEK", &key);
    let checked = run(&mut checked, b"");
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked
            .err
            .starts_with("edgeward: warning: custody.kek is in the environment"),
        "{checked:?}"
    );
}
