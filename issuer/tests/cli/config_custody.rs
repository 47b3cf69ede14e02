//! The settings of custody: what opens keys is shown nowhere.

use std::fs;

use edgeward_issuer::config::{Config, Inputs};

use crate::folder::Folder;

const DEVICE: &str =
    "[custody.pkcs11]\nmodule = \"/usr/lib/module.so\"\ntoken = \"edgeward\"\nkey = \"kek\"\n";
const SERVER: &str = "[custody.transit]\naddress = \"https://vault.example.com\"\nkey = \"kek\"\n";
/// 32 bytes, as an operator writes them.
const KEY: &str = "czNjcmV0czNjcmV0czNjcmV0czNjcmV0czNjcmV0czM=";

#[test]
fn what_opens_keys_is_shown_as_set_and_not_what_it_is() {
    for (file, setting, value) in [
        ("", "custody.kek", KEY),
        ("", "custody.other_kek", KEY),
        (DEVICE, "custody.pkcs11.pin", "s3cret-pin"),
        (SERVER, "custody.transit.token", "s3cret-token"),
    ] {
        let folder = Folder::new();
        let path = folder.path().join("edgeward.toml");
        fs::write(&path, file).unwrap();
        let variable = format!("EDGEWARD__{}", setting.to_uppercase().replace('.', "__"));
        let inputs = Inputs {
            file: Some(path),
            variables: vec![(variable.clone(), value.to_owned())],
            ..Inputs::default()
        };
        let shown = Config::show(&inputs).unwrap();
        let name = setting.rsplit('.').next().unwrap();
        let line = format!("# {name} (redacted) # {variable}");
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
        assert!(!shown.contains(value), "{shown}");
    }
}
