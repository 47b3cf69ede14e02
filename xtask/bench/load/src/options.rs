//! Options of the command line: `--name value`, each of them once.

use std::{collections::HashMap, str::FromStr, time::Duration};

/// Those that nobody has asked for yet.
pub struct Options(HashMap<String, String>);

impl Options {
    /// Reads them all.
    pub fn read(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = HashMap::new();
        while let Some(name) = args.next() {
            let name = name
                .strip_prefix("--")
                .ok_or(format!("`{name}` is no option"))?;
            let value = args.next().ok_or(format!("--{name} has no value"))?;
            options.insert(name.to_owned(), value);
        }
        Ok(Self(options))
    }

    /// The text of one, if it was given.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The text of one that must be there.
    pub fn need(&mut self, name: &str) -> Result<String, String> {
        self.take(name).ok_or(format!("--{name} is missing"))
    }

    /// What one says, if it was given.
    pub fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        self.take(name).map(|text| parsed(&text)).transpose()
    }

    /// What one says that must be there.
    pub fn needed<T: FromStr>(&mut self, name: &str) -> Result<T, String> {
        parsed(&self.need(name)?)
    }

    /// A time, if it was given.
    pub fn seconds(&mut self, name: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(name)?.map(Duration::from_secs_f64))
    }

    /// A time that must be there.
    pub fn needed_seconds(&mut self, name: &str) -> Result<Duration, String> {
        self.needed(name).map(Duration::from_secs_f64)
    }

    /// A name that nobody knows is a mistake of who typed it.
    pub fn none_left(&self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(unknown) => Err(format!("`--{unknown}` is no option")),
            None => Ok(()),
        }
    }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` cannot be read"))
}
