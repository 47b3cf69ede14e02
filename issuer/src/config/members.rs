//! What stands in one of several tables of a name: every mistake of it is told, each under its own line.

use std::collections::BTreeSet;

use edgeward_core::nearest::nearest;

use super::{
    Mistake, Origin,
    reader::Reader,
    source::{Raw, RawTable, Settings},
};

/// Tables of a name, and what each of them may hold.
pub(super) struct Tables {
    pub(super) name: &'static str,
    pub(super) members: &'static [&'static str],
}

/// Takes members out of a table, and complains about them.
pub(super) struct Members<'r> {
    reader: &'r mut Reader,
    pub(super) origin: Origin,
    tables: &'static Tables,
    left: Settings,
    /// Those whose value nobody knows, because of a mistake.
    unknown: BTreeSet<&'static str>,
}

impl<'r> Members<'r> {
    /// What no such table holds is a mistake.
    pub(super) fn of(table: RawTable, tables: &'static Tables, reader: &'r mut Reader) -> Self {
        let known = || tables.members.iter().copied();
        let (left, others): (Settings, Settings) = table
            .members
            .into_iter()
            .partition(|(name, _)| tables.members.contains(&name.as_str()));
        let mut members = Self {
            reader,
            origin: table.origin,
            tables,
            left,
            unknown: BTreeSet::new(),
        };
        for (name, setting) in others {
            let message = match nearest(&name, known()) {
                Some(meant) => {
                    members.unknown.insert(meant);
                    format!("there is no such setting; did you mean {meant}?")
                }
                None => format!(
                    "there is no such setting; there are {}",
                    tables.members.join(", ")
                ),
            };
            members.complain(setting.origin, &name, message);
        }
        members
    }

    /// The member; none when it is absent or wrong.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        kind: impl Fn(&Raw) -> Result<T, String>,
    ) -> Option<T> {
        let setting = self.left.remove(name)?;
        let taken = kind(&setting.raw);
        let complained = taken.map_err(|message| {
            self.unknown.insert(name);
            self.complain(setting.origin, name, message);
        });
        complained.ok()
    }

    /// Whether nobody knows the value of a member, because of a mistake.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        self.unknown.contains(name)
    }

    /// Complains that there is no such member, unless it is somewhere that could not be read.
    pub(super) fn miss(&mut self, name: &'static str, message: &str) {
        let is_read = self
            .reader
            .mistakes
            .iter()
            .all(|mistake| mistake.key.is_some());
        if is_read && !self.is_unknown(name) {
            self.complain(self.origin.clone(), name, message.to_owned());
        }
    }

    fn complain(&mut self, origin: Origin, name: &str, message: String) {
        self.reader.mistakes.push(Mistake {
            origin,
            key: Some(format!("{}.{name}", self.tables.name)),
            message,
        });
    }
}
