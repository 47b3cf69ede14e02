//! Which keys a mapping has, and what they must be to each other.

use std::{collections::BTreeMap, path::Path};

use super::{
    super::{
        ConfigErrors, Mistake, Origin,
        read::{number, text},
        reader::Reader,
        source::{self, Raw},
    },
    Encoding, Field, FlagForm, Mapping, MomentForm, PasswordForm, Roles, RolesForm, UnknownRole,
    Unverified,
};
use crate::domain::{accounts::Role, password::Digest};

/// What the keys of old role names begin with.
const ROLE_NAMES: &str = "roles.names.";

/// What says how a hash in several columns is to be read.
const PARTS: [&str; 4] = [
    "password.digest",
    "password.iterations",
    "password.hash_encoding",
    "password.salt_encoding",
];

pub(super) fn load(path: &Path) -> Result<Mapping, ConfigErrors> {
    let mut mistakes = Vec::new();
    let settings = source::read_file(path, &mut mistakes);
    let mut reader = Reader {
        settings,
        origins: Vec::new(),
        mistakes,
    };
    let names = role_names(&mut reader);
    let mapping = read(&mut reader, path, names);
    reader.refuse_unknown();
    // What could not be read may hold what would be missed.
    if reader.mistakes.iter().all(|mistake| mistake.key.is_some()) {
        let mut judged = Judged {
            reader: &mut reader,
            path,
        };
        judged.columns(&mapping);
        judged.password(mapping.password);
    }
    if reader.mistakes.is_empty() {
        Ok(Mapping {
            origins: reader.origins,
            ..mapping
        })
    } else {
        Err(ConfigErrors::new(reader.mistakes))
    }
}

fn read(reader: &mut Reader, path: &Path, names: BTreeMap<String, Option<Role>>) -> Mapping {
    let mut name = |key| reader.take(key, None, |raw| identifier(raw).map(Some));
    let (schema, table, key) = (name("schema"), name("table"), name("key"));
    let columns = Field::ALL
        .iter()
        .filter_map(|field| Some((*field, name(field.key())?)))
        .collect();
    let unknown = if names.is_empty() {
        UnknownRole::Keep
    } else {
        UnknownRole::Refuse
    };
    Mapping {
        schema,
        table,
        key,
        csv_separator: reader.take("csv.separator", b',', separator),
        columns,
        password: password(reader),
        created_at: reader.take(
            "formats.created_at",
            MomentForm::Rfc3339,
            one_of(&[
                ("rfc3339", MomentForm::Rfc3339),
                ("seconds", MomentForm::Seconds),
                ("milliseconds", MomentForm::Milliseconds),
            ]),
        ),
        verified: reader.take("formats.verified", FlagForm::Flag, flag_form()),
        disabled: reader.take("formats.disabled", FlagForm::Flag, flag_form()),
        unverified: reader.take(
            "unverified",
            Unverified::LeaveOut,
            one_of(&[
                ("leave-out", Unverified::LeaveOut),
                ("take", Unverified::Take),
            ]),
        ),
        roles: Roles {
            fixed: reader.take("roles.fixed", Vec::new(), roles),
            form: roles_form(reader),
            names,
            unknown: reader.take(
                "roles.unknown",
                unknown,
                one_of(&[
                    ("refuse", UnknownRole::Refuse),
                    ("keep", UnknownRole::Keep),
                    ("drop", UnknownRole::Drop),
                ]),
            ),
        },
        path: path.to_path_buf(),
        origins: Vec::new(),
    }
}

fn password(reader: &mut Reader) -> PasswordForm {
    let digests = Digest::ALL.map(|digest| (digest.name(), digest));
    let is_pbkdf2 = reader.take(
        "password.format",
        false,
        one_of(&[("text", false), ("pbkdf2", true)]),
    );
    let digest = reader.take("password.digest", Digest::Sha256, one_of(&digests));
    let iterations = reader.take("password.iterations", None, |raw| {
        number(1, i64::from(u32::MAX))(raw).map(Some)
    });
    let (hex, base64) = (("hex", Encoding::Hex), ("base64", Encoding::Base64));
    let hash = [base64, hex];
    let hash = reader.take("password.hash_encoding", Encoding::Base64, one_of(&hash));
    let salt = [base64, hex, ("text", Encoding::Plain)];
    let salt = reader.take("password.salt_encoding", Encoding::Base64, one_of(&salt));
    if is_pbkdf2 {
        PasswordForm::Pbkdf2 {
            digest,
            iterations,
            hash,
            salt,
        }
    } else {
        PasswordForm::Text
    }
}

fn roles_form(reader: &mut Reader) -> RolesForm {
    let separator = reader.take("roles.separator", ',', |raw| {
        let text = text(raw)?;
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Ok(letter),
            (_, _) => Err("must be one character".to_owned()),
        }
    });
    let forms = [
        ("separated", RolesForm::Separated(separator)),
        ("json", RolesForm::Json),
    ];
    reader.take(
        "roles.form",
        RolesForm::Separated(separator),
        one_of(&forms),
    )
}

/// Takes the keys under `roles.names`, which are the other system's to choose.
fn role_names(reader: &mut Reader) -> BTreeMap<String, Option<Role>> {
    let mut names = BTreeMap::new();
    let (ours, rest) = std::mem::take(&mut reader.settings)
        .into_iter()
        .partition(|(key, _)| key.starts_with(ROLE_NAMES));
    reader.settings = rest;
    let ours: source::Settings = ours;
    for (key, setting) in ours {
        let role = match &setting.raw {
            Raw::Text(role) if role.is_empty() => Ok(None),
            Raw::Text(role) => Role::parse(role)
                .map(Some)
                .map_err(|wrong| wrong.to_string()),
            Raw::Integer(_)
            | Raw::Boolean(_)
            | Raw::List(_)
            | Raw::Tables(_)
            | Raw::Other(_)
            | Raw::Variable(_) => Err("must be a role, or empty for none".to_owned()),
        };
        match role {
            Ok(role) => {
                let name = key.strip_prefix(ROLE_NAMES).unwrap_or(&key).to_owned();
                names.insert(name, role);
            }
            Err(message) => reader.mistakes.push(Mistake {
                origin: setting.origin,
                key: Some(key),
                message,
            }),
        }
    }
    names
}

/// What the keys must be to each other.
struct Judged<'r> {
    reader: &'r mut Reader,
    path: &'r Path,
}

impl Judged<'_> {
    fn columns(&mut self, mapping: &Mapping) {
        if !mapping.roles.names.is_empty() && !self.is_set(Field::Roles.key()) {
            self.add(
                "roles.names",
                format!("says nothing without {}", Field::Roles.key()),
            );
        }
        for field in [Field::Email, Field::Password] {
            if !self.is_set(field.key()) {
                self.add(field.key(), "is missing".to_owned());
            }
        }
        for (one, other) in [
            (Field::FullName, Field::FirstName),
            (Field::FullName, Field::LastName),
            (Field::Active, Field::Disabled),
        ] {
            if self.is_set(one.key()) && self.is_set(other.key()) {
                self.add(one.key(), format!("contradicts {}", other.key()));
            }
        }
        for (form, field) in [
            ("formats.created_at", Field::CreatedAt),
            ("formats.verified", Field::Verified),
            ("formats.disabled", Field::Disabled),
            ("unverified", Field::Verified),
            ("roles.separator", Field::Roles),
            ("roles.form", Field::Roles),
            ("roles.unknown", Field::Roles),
        ] {
            if self.is_set(form) && !self.is_set(field.key()) {
                self.add(form, format!("says nothing without {}", field.key()));
            }
        }
    }

    fn password(&mut self, form: PasswordForm) {
        // A format that is wrong itself is told; what would go with it nobody knows.
        if self.is_wrong("password.format") {
            return;
        }
        let (salt, iterations) = (Field::Salt.key(), Field::Iterations.key());
        if form != PasswordForm::Text {
            for key in [
                salt,
                "password.digest",
                "password.hash_encoding",
                "password.salt_encoding",
            ] {
                if !self.is_set(key) {
                    self.add(key, "is missing, and pbkdf2 needs it".to_owned());
                }
            }
            match (self.is_set(iterations), self.is_set("password.iterations")) {
                (true, true) => {
                    self.add("password.iterations", format!("contradicts {iterations}"))
                }
                (false, false) => self.add(
                    iterations,
                    "is missing, or password.iterations for all".to_owned(),
                ),
                (true, false) | (false, true) => {}
            }
            return;
        }
        for key in [salt, iterations].into_iter().chain(PARTS) {
            if self.is_set(key) {
                let what = "says nothing unless password.format is \"pbkdf2\"";
                self.add(key, what.to_owned());
            }
        }
    }

    fn is_set(&self, key: &str) -> bool {
        let mut origins = self.reader.origins.iter();
        origins.any(|(known, origin)| *known == key && *origin != Origin::Default)
    }

    fn is_wrong(&self, key: &str) -> bool {
        let mut mistakes = self.reader.mistakes.iter();
        mistakes.any(|mistake| mistake.key.as_deref() == Some(key))
    }

    fn add(&mut self, key: &'static str, message: String) {
        if self.is_wrong(key) {
            return;
        }
        let origin = self.reader.origins.iter().find(|(known, _)| *known == key);
        let origin = origin.map(|(_, origin)| origin.clone());
        self.reader.mistakes.push(Mistake {
            origin: origin
                .filter(|origin| *origin != Origin::Default)
                .unwrap_or_else(|| Origin::File(self.path.to_path_buf())),
            key: Some(key.to_owned()),
            message,
        });
    }
}

/// A name that a database can have.
fn identifier(raw: &Raw) -> Result<String, String> {
    let name = text(raw)?;
    if name.contains('\0') {
        return Err("must not hold a zero byte".to_owned());
    }
    Ok(name)
}

fn separator(raw: &Raw) -> Result<u8, String> {
    match text(raw)?.as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("must be one ASCII character, such as ; or a tab".to_owned()),
    }
}

fn roles(raw: &Raw) -> Result<Vec<Role>, String> {
    let names: Vec<String> = text(raw)?
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    Role::parse_all(&names).map_err(|wrong| wrong.to_string())
}

fn flag_form() -> impl Fn(&Raw) -> Result<FlagForm, String> {
    one_of(&[("flag", FlagForm::Flag), ("moment", FlagForm::Moment)])
}

/// One of a few words.
fn one_of<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&Raw) -> Result<T, String> + use<T> {
    let words = words.to_vec();
    move |raw| {
        let said = text(raw)?;
        let found = words.iter().find(|(word, _)| *word == said);
        found.map(|(_, meant)| *meant).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("must be one of {}", known.join(", "))
        })
    }
}
