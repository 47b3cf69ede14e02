//! Where settings come from: a TOML file and variables, laid flat as `section.key`, each with its place.
//!
//! Knows nothing of which settings exist.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use toml::de::{DeArray, DeTable, DeValue};

/// What the names of our variables begin with. `EDGEWARD__TOKENS__ACCESS_SECONDS` is `tokens.access_seconds`.
pub(super) const VARIABLE_PREFIX: &str = "EDGEWARD__";

/// The variable of a setting.
pub(super) fn variable_of(key: &str) -> String {
    let name = key.replace('.', "__").to_ascii_uppercase();
    format!("{VARIABLE_PREFIX}{name}")
}

/// The largest configuration file: all settings with generous comments take a few KiB; more is another file by mistake.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program.
    Default,
    /// The file as a whole.
    File(PathBuf),
    /// A line of the file, counted from 1.
    Line(PathBuf, usize),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl Origin {
    /// Where a complaint stands among others: the file from top to bottom, what it lacks, variables, defaults.
    const fn rank(&self) -> (u8, usize) {
        match self {
            Self::Line(_, line) => (0, *line),
            Self::File(_) => (1, 0),
            Self::Variable(_) => (2, 0),
            Self::Default => (3, 0),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub origin: Origin,
    /// Which setting, as `section.key`; `None` for the file as a whole.
    pub key: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Mistake>);

impl ConfigErrors {
    pub(super) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| mistake.origin.rank());
        Self(mistakes)
    }

    /// The mistakes, in the order of the file's lines; then those of the file as a whole, of variables and of defaults.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A value before anybody knows what it ought to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// A TOML string.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// A TOML array of tables that hold no further tables.
    Tables(Vec<RawTable>),
    /// Anything else of TOML: the name of the type.
    Other(&'static str),
    /// The text of a variable, which has no type yet.
    Variable(String),
}

/// One of several tables of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawTable {
    /// Where it begins.
    pub(super) origin: Origin,
    /// What it holds.
    pub(super) members: Settings,
}

impl Raw {
    /// The tables that are written as `[[name]]`. An empty list is none of them.
    pub(super) fn tables(&self, name: &str, most: usize) -> Result<Vec<RawTable>, String> {
        match self {
            Self::Tables(tables) if tables.len() > most => {
                Err(format!("there are more than {most}"))
            }
            Self::Tables(tables) => Ok(tables.clone()),
            Self::List(items) if items.is_empty() => Ok(Vec::new()),
            Self::List(_)
            | Self::Text(_)
            | Self::Integer(_)
            | Self::Boolean(_)
            | Self::Other(_)
            | Self::Variable(_) => Err(format!("must be tables, each as [[{name}]]")),
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// Settings by `section.key`.
pub(super) type Settings = BTreeMap<String, Setting>;

/// Reads the file into flat settings.
pub(super) fn read_file(path: &Path, mistakes: &mut Vec<Mistake>) -> Settings {
    let mut settings = Settings::new();
    let mut mistake = |origin, message: String| {
        mistakes.push(Mistake {
            origin,
            key: None,
            message,
        });
    };
    let whole = || Origin::File(path.to_path_buf());
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            mistake(whole(), error.to_string());
            return settings;
        }
    };
    if text.len() as u64 > FILE_MAX_BYTES {
        mistake(whole(), format!("is larger than {FILE_MAX_BYTES} bytes"));
        return settings;
    }
    // What can be read in spite of an error is read, so that the mistakes behind it are told too.
    let (table, mut errors) = DeTable::parse_recoverable(&text);
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut broken_lines = BTreeSet::new();
    for error in errors {
        let line = error.span().map(|span| line_of(&text, span.start));
        // One slip can be several errors to a parser; the first on a line says it.
        if line.is_none_or(|line| broken_lines.insert(line)) {
            let origin = line.map_or_else(whole, |line| Origin::Line(path.to_path_buf(), line));
            mistake(origin, format!("no valid TOML: {}", error.message()));
        }
    }
    let file = File {
        path,
        text: &text,
        broken_lines: &broken_lines,
    };
    file.flatten(table.get_ref(), "", &mut settings);
    settings
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(FILE_MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    broken_lines: &'a BTreeSet<usize>,
}

impl File<'_> {
    fn flatten(&self, table: &DeTable<'_>, prefix: &str, settings: &mut Settings) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            if let DeValue::Table(inner) = value.get_ref()
                && !inner.is_empty()
            {
                self.flatten(inner, &format!("{path}."), settings);
                continue;
            }
            let raw = if let DeValue::Array(items) = value.get_ref() {
                self.list(items)
            } else {
                raw(value.get_ref())
            };
            if let Some(origin) = self.origin(key.span().start) {
                settings.insert(path, Setting { raw, origin });
            }
        }
    }

    /// The line of an offset. None where it could not be read: what the parser made of it is nobody's intention.
    fn origin(&self, offset: usize) -> Option<Origin> {
        let line = line_of(self.text, offset);
        let is_read = !self.broken_lines.contains(&line);
        is_read.then(|| Origin::Line(self.path.to_path_buf(), line))
    }
}

/// A value that is no section with something in it.
fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("integer of more than 64 bits"), Raw::Integer),
        DeValue::Boolean(flag) => Raw::Boolean(*flag),
        DeValue::Float(_) => Raw::Other("fraction"),
        DeValue::Datetime(_) => Raw::Other("date"),
        DeValue::Array(items) => texts(items).map_or(Raw::Other("list"), Raw::List),
        DeValue::Table(_) => Raw::Other("section"),
    }
}

/// The items of an array, if all of them are texts.
fn texts(items: &DeArray<'_>) -> Option<Vec<String>> {
    let text = |item: &toml::Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
    items.iter().map(text).collect()
}

impl File<'_> {
    fn list(&self, items: &DeArray<'_>) -> Raw {
        if let Some(texts) = texts(items) {
            return Raw::List(texts);
        }
        let tables = items.iter().map(|item| {
            let table = item.get_ref().as_table()?;
            let members = table.iter().filter_map(|(key, value)| {
                let origin = self.origin(key.span().start)?;
                let raw = raw(value.get_ref());
                Some((key.get_ref().to_string(), Setting { raw, origin }))
            });
            let line = line_of(self.text, item.span().start);
            Some(RawTable {
                origin: Origin::Line(self.path.to_path_buf(), line),
                members: members.collect(),
            })
        });
        tables
            .collect::<Option<_>>()
            .map_or(Raw::Other("list"), Raw::Tables)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// Lays the variables over the settings.
pub(super) fn overlay(
    variables: &[(String, String)],
    settings: &mut Settings,
    mistakes: &mut Vec<Mistake>,
) {
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let key = rest
            .split("__")
            .collect::<Vec<_>>()
            .join(".")
            .to_ascii_lowercase();
        let setting = Setting {
            raw: Raw::Variable(value.clone()),
            origin: Origin::Variable(name.clone()),
        };
        match settings.entry(key) {
            Entry::Vacant(free) => {
                free.insert(setting);
            }
            // Names of variables are told apart by case and keys are not: two spellings of one key have no order.
            Entry::Occupied(taken) if matches!(taken.get().origin, Origin::Variable(_)) => {
                mistakes.push(Mistake {
                    message: format!("{} sets it too", taken.get().origin),
                    key: Some(taken.key().clone()),
                    origin: setting.origin,
                });
            }
            Entry::Occupied(mut taken) => {
                taken.insert(setting);
            }
        }
    }
}
