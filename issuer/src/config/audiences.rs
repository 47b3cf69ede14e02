//! `tokens.algorithm` and `[[tokens.audience]]`: whom access tokens are for, and what those are signed by.

use std::collections::BTreeSet;

use edgeward_core::nearest::nearest;

use super::{
    Config, Mistake, Origin, SigningPlace,
    read::text,
    reader::Reader,
    source::{Raw, RawTable, Setting},
};
use crate::signatures::SigningAlgorithm;

/// The setting of the tables.
pub(super) const TABLES: &str = "tokens.audience";

/// What a table may hold.
const MEMBERS: [&str; 2] = ["name", "algorithm"];

/// More audiences than a site has services; each name is compared with.
const AUDIENCES_MAX: usize = 64;

/// The longest name of an audience in bytes: it stands in every token.
const NAME_MAX_BYTES: usize = 256;

/// `[[tokens.audience]]`: one that tokens can be asked for, or what those for the application are signed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// The `aud`.
    pub name: String,
    /// What its tokens are signed by.
    pub algorithm: SigningAlgorithm,
    /// Where it was named.
    pub origin: Origin,
}

impl Config {
    /// What tokens for an audience are signed by. `None`: nobody may have tokens for it.
    #[must_use]
    pub fn algorithm_for(&self, audience: &str) -> Option<SigningAlgorithm> {
        let mut named = self.tokens.audiences.iter();
        let named = named.find(|named| named.name == audience);
        let is_application = audience == self.issuer.audience;
        named
            .map(|named| named.algorithm)
            .or(is_application.then_some(self.tokens.algorithm))
    }

    /// The algorithms in use, each once. EdDSA always is one: what edges are told is signed by it.
    #[must_use]
    pub fn algorithms(&self) -> Vec<SigningAlgorithm> {
        let application = self.algorithm_for(&self.issuer.audience);
        let named = self.tokens.audiences.iter().map(|named| named.algorithm);
        let used: BTreeSet<_> = named
            .chain(application)
            .chain([SigningAlgorithm::EdDsa])
            .collect();
        used.into_iter().collect()
    }
}

/// Why the audiences do not go with the place of the keys.
pub(super) fn contradiction(config: &Config) -> Option<&'static str> {
    let by_rsa = config.algorithms().contains(&SigningAlgorithm::Rs256);
    match config.custody.signing {
        SigningPlace::Pkcs11 if by_rsa => Some(
            "pkcs11 contradicts an audience with RS256: keys in a device sign by EdDSA or ES256",
        ),
        SigningPlace::Kms if by_rsa => {
            Some("kms contradicts an audience with RS256: keys in KMS sign by EdDSA or ES256")
        }
        SigningPlace::Pkcs11 | SigningPlace::Kms | SigningPlace::Local => None,
    }
}

pub(super) fn algorithm_of(raw: &Raw) -> Result<SigningAlgorithm, String> {
    let name = text(raw)?;
    SigningAlgorithm::from_name(&name).ok_or_else(|| {
        let known = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
        let lower = name.to_ascii_lowercase();
        let spelt = known
            .into_iter()
            .find(|it| it.to_ascii_lowercase() == lower);
        match spelt.or_else(|| nearest(&name, known.into_iter())) {
            Some(meant) => format!("there is no algorithm {name:?} here; did you mean {meant}?"),
            None => "must be EdDSA, ES256 or RS256".to_owned(),
        }
    })
}

/// The tables, each with the algorithm that it names, or else with that of all.
pub(super) fn read(reader: &mut Reader, usual: SigningAlgorithm) -> Vec<Audience> {
    let tables = reader.take(TABLES, Vec::new(), |raw| raw.tables(TABLES, AUDIENCES_MAX));
    let mut found: Vec<Audience> = Vec::with_capacity(tables.len());
    for table in tables {
        let RawTable { origin, members } = table;
        let (mut name, mut algorithm, mut is_misspelt) = (None, Some(usual), false);
        for (key, Setting { raw, origin }) in members {
            let wrong = match key.as_str() {
                "name" => audience(&raw, &found).map(|read| name = Some(read)),
                "algorithm" => {
                    algorithm = None;
                    algorithm_of(&raw).map(|read| algorithm = Some(read))
                }
                other => {
                    is_misspelt |= nearest(other, MEMBERS.into_iter()) == Some("name");
                    Err(unknown(other))
                }
            };
            if let Err(message) = wrong {
                is_misspelt |= key == "name";
                complain(reader, origin, &key, message);
            }
        }
        match (name, algorithm) {
            (Some(name), Some(algorithm)) => found.push(Audience {
                name,
                algorithm,
                origin,
            }),
            (None, _) if !is_misspelt => {
                let message = "is missing: it is the `aud` of the tokens".to_owned();
                complain(reader, origin, "name", message);
            }
            (_, _) => {}
        }
    }
    found
}

fn complain(reader: &mut Reader, origin: Origin, member: &str, message: String) {
    reader.mistakes.push(Mistake {
        origin,
        key: Some(format!("{TABLES}.{member}")),
        message,
    });
}

fn unknown(member: &str) -> String {
    match nearest(member, MEMBERS.into_iter()) {
        Some(meant) => format!("there is no such setting; did you mean {meant}?"),
        None => format!("there is no such setting; there are {}", MEMBERS.join(", ")),
    }
}

fn audience(raw: &Raw, found: &[Audience]) -> Result<String, String> {
    let name = text(raw)?;
    if name.len() > NAME_MAX_BYTES || name.chars().any(|letter| letter.is_control()) {
        return Err(format!(
            "must be at most {NAME_MAX_BYTES} bytes, without control characters"
        ));
    }
    match found.iter().find(|other| other.name == name) {
        Some(other) => Err(format!("{name} is named twice, first in {}", other.origin)),
        None => Ok(name),
    }
}

/// The tables as TOML.
pub(super) fn shown(audiences: &[Audience]) -> String {
    let mut out = String::new();
    for audience in audiences {
        let mut table = toml::Table::new();
        table.insert("name".to_owned(), audience.name.clone().into());
        table.insert("algorithm".to_owned(), audience.algorithm.name().into());
        out.push_str(&format!("\n[[{TABLES}]] # {}\n{table}", audience.origin));
    }
    out
}
