//! Loads settings as the program does, and expects complaints.

#![allow(dead_code, reason = "each suite uses its part of it")]

use std::{fs, path::Path};

use edgeward_issuer::config::{Config, Inputs};

use crate::folder::Folder;

/// The smallest file for production, two lines long.
pub(crate) const PRODUCTION: &str =
    "environment = \"production\"\nissuer.url = \"https://www.example.com\"\n";

pub(crate) fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.toml");
    if let Some(text) = file {
        fs::write(&path, text).unwrap();
    }
    let inputs = Inputs {
        file: file.map(|_| path.clone()),
        data: Path::new("/data").to_path_buf(),
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let shown = path.display().to_string();
    Config::load(&inputs).map_err(|errors| {
        errors
            .to_string()
            .lines()
            .map(|line| line.replace(&shown, "FILE"))
            .collect()
    })
}

/// Expects the beginnings of the lines of the complaint.
#[track_caller]
pub(crate) fn check(file: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let found = load(Some(file), variables).map(|_| ()).unwrap_err();
    assert_eq!(found.len(), expected.len(), "{file}\n{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.starts_with(expected),
            "{file}\n{found}\nis not\n{expected}"
        );
    }
}
