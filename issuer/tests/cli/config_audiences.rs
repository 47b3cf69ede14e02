//! `tokens.algorithm` and `[[tokens.audience]]`: what is said of each mistake, and what is shown.

use std::fs;

use edgeward_issuer::{
    config::{Config, Inputs},
    signatures::SigningAlgorithm::{EdDsa, Es256, Rs256},
};

use crate::{
    folder::Folder,
    settings::{check, load},
};

const SITE: &str = "http://127.0.0.1:8787";
const DEVICE: &str = "[custody]\nsigning = \"pkcs11\"\n[custody.pkcs11]\nmodule = \"/usr/lib/module.so\"\ntoken = \"edgeward\"\nkey = \"kek\"\n";

#[test]
fn each_audience_has_its_algorithm() {
    let tables = "[tokens]\nalgorithm = \"ES256\"\n[[tokens.audience]]\nname = \"https://reports.example\"\nalgorithm = \"RS256\"\n[[tokens.audience]]\nname = \"urn:old\"\n";
    let config = load(Some(tables), &[]).unwrap();
    assert_eq!(config.algorithm_for(SITE), Some(Es256));
    assert_eq!(config.algorithm_for("https://reports.example"), Some(Rs256));
    assert_eq!(
        config.algorithm_for("urn:old"),
        Some(Es256),
        "as all others"
    );
    assert_eq!(config.algorithm_for("https://reports.example/"), None);
    assert_eq!(config.algorithms(), [EdDsa, Es256, Rs256]);

    let named = format!("[[tokens.audience]]\nname = \"{SITE}\"\nalgorithm = \"ES256\"\n");
    let config = load(Some(&named), &[]).unwrap();
    assert_eq!(config.algorithm_for(SITE), Some(Es256));
    assert_eq!(
        config.algorithms(),
        [EdDsa, Es256],
        "edges are told by EdDSA"
    );
    let config = load(None, &[("EDGEWARD__TOKENS__ALGORITHM", "RS256")]).unwrap();
    assert_eq!(config.algorithm_for(SITE), Some(Rs256));
    let config = load(None, &[]).unwrap();
    assert_eq!(
        (config.algorithm_for(SITE), config.algorithms()),
        (Some(EdDsa), vec![EdDsa])
    );
}

#[test]
fn every_mistake_is_told_at_its_line() {
    for (file, expected) in [
        (
            "tokens.algorithm = \"es256\"\n",
            &[
                "FILE:1: tokens.algorithm: there is no algorithm \"es256\" here; did you mean ES256?",
            ][..],
        ),
        (
            "tokens.algorithm = \"ES265\"\n",
            &[
                "FILE:1: tokens.algorithm: there is no algorithm \"ES265\" here; did you mean ES256?",
            ],
        ),
        (
            "tokens.algorithm = \"none\"\n",
            &["FILE:1: tokens.algorithm: must be EdDSA, ES256 or RS256"],
        ),
        (
            "tokens.audience = \"x\"\n",
            &["FILE:1: tokens.audience: must be tables, each as [[tokens.audience]]"],
        ),
        (
            "[[tokens.audience]]\nname = \"a\"\nalgorithm = \"RS255\"\n[[tokens.audience]]\nname = \"a\"\n",
            &[
                "FILE:3: tokens.audience.algorithm: there is no algorithm \"RS255\" here; did you mean RS256?",
            ],
        ),
        (
            "[[tokens.audience]]\nname = \"a\"\n[[tokens.audience]]\nname = \"a\"\n",
            &["FILE:4: tokens.audience.name: a is named twice, first in FILE:1"],
        ),
        (
            "[[tokens.audience]]\nalgorithm = \"RS256\"\n",
            &["FILE:1: tokens.audience.name: is missing: it is the `aud` of the tokens"],
        ),
        (
            "[[tokens.audience]]\nnmae = \"a\"\n",
            &["FILE:2: tokens.audience.nmae: there is no such setting; did you mean name?"],
        ),
        (
            "[[tokens.audience]]\nname = \"a\"\nlife = 3\n",
            &["FILE:3: tokens.audience.life: there is no such setting; there are name, algorithm"],
        ),
        (
            "[[tokens.audience]]\nname = \"\"\n",
            &["FILE:2: tokens.audience.name: is empty"],
        ),
        (
            "custody.signing = \"hsm\"\n",
            &["FILE:1: custody.signing: must be local, pkcs11 or kms"],
        ),
        (
            "custody.signing = \"pkcs11\"\n",
            &["FILE:1: custody.signing: needs custody.pkcs11.module"],
        ),
        (
            "custody.signing = \"kms\"\n",
            &["FILE:1: custody.signing: needs custody.kms.key"],
        ),
        (
            "tokens.algorithm = \"RS256\"\n[custody]\nsigning = \"kms\"\n\
             kms.key = \"arn:aws:kms:eu-central-1:111122223333:key/1234abcd\"\n",
            &["FILE:3: custody.signing: kms contradicts an audience with RS256"],
        ),
    ] {
        check(file, &[], expected);
    }
    let pin = [("EDGEWARD__CUSTODY__PKCS11__PIN", "1234")];
    check(
        &format!("tokens.algorithm = \"RS256\"\n{DEVICE}"),
        &pin,
        &["FILE:3: custody.signing: pkcs11 contradicts an audience with RS256"],
    );
    let fits = format!("tokens.algorithm = \"ES256\"\n{DEVICE}");
    assert!(load(Some(&fits), &pin).is_ok());
}

#[test]
fn what_is_shown_can_be_read_again() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.toml");
    let file = "[tokens]\nalgorithm = \"ES256\"\n[[tokens.audience]]\nname = \"a \\\"b\\\"\"\nalgorithm = \"RS256\"\n";
    fs::write(&path, file).unwrap();
    let inputs = Inputs {
        file: Some(path.clone()),
        data: folder.path().to_path_buf(),
        ..Inputs::default()
    };
    let config = Config::load(&inputs).unwrap();
    let shown = Config::show(&inputs).unwrap();
    assert!(shown.contains("algorithm = \"ES256\" # "), "{shown}");
    fs::write(&path, &shown).unwrap();
    let again = Config::load(&inputs).unwrap();
    let rules = |config: &Config| {
        let named = config.tokens.audiences.iter();
        named
            .map(|it| (it.name.clone(), it.algorithm))
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&again), rules(&config), "{shown}");
    assert_eq!(again.tokens.algorithm, Es256);
}
