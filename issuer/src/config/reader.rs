//! Takes settings out of what was read, and complains about what nobody took.

use std::collections::BTreeSet;

use edgeward_core::nearest::nearest;

use super::{
    Mistake, Origin,
    source::{Raw, Settings, VARIABLE_PREFIX},
};

/// What the names of variables begin with that somebody may have meant for ours.
pub(super) const MISSPELT_PREFIX: &str = "EDGEWARD_";

/// Takes settings one by one and remembers what was wrong with them.
pub(super) struct Reader {
    pub(super) settings: Settings,
    pub(super) origins: Vec<(&'static str, Origin)>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reader {
    /// The setting, or the default when it is absent or wrong.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        default: T,
        kind: impl Fn(&Raw) -> Result<T, String>,
    ) -> T {
        let Some(setting) = self.settings.remove(key) else {
            self.origins.push((key, Origin::Default));
            return default;
        };
        self.origins.push((key, setting.origin.clone()));
        kind(&setting.raw).unwrap_or_else(|message| {
            self.mistakes.push(Mistake {
                origin: setting.origin,
                key: Some(key.to_owned()),
                message,
            });
            default
        })
    }

    /// Two settings that exclude each other are both set.
    pub(super) fn contradict(&mut self, key: &'static str, other: &'static str, why: &str) {
        self.complain(key, &format!("contradicts {other}: {why}"));
    }

    /// Something is wrong with a setting that could be read.
    pub(super) fn complain(&mut self, key: &'static str, message: &str) {
        let origin = self.origins.iter().find(|(known, _)| *known == key);
        self.mistakes.push(Mistake {
            origin: origin.map_or(Origin::Default, |(_, origin)| origin.clone()),
            key: Some(key.to_owned()),
            message: message.to_owned(),
        });
    }

    /// Whether something was wrong with a setting already.
    pub(super) fn is_broken(&self, key: &str) -> bool {
        let mut mistakes = self.mistakes.iter();
        mistakes.any(|mistake| mistake.key.as_deref() == Some(key))
    }

    /// Whether a key that nobody took is spelt so much like this one that it was meant: then its value is not known.
    pub(super) fn is_misspelt(&self, key: &str) -> bool {
        let mut left = self.settings.keys();
        left.any(|left| nearest(left, std::iter::once(key)).is_some())
    }

    /// Whatever was not taken is a slip of the pen, and a slip in a security setting would otherwise pass in silence.
    pub(super) fn refuse_unknown(&mut self) {
        for (key, setting) in std::mem::take(&mut self.settings) {
            let is_section = self
                .origins
                .iter()
                .any(|(known, _)| in_section(known, &key));
            if is_section && setting.raw == Raw::Other("section") {
                continue;
            }
            let message = self.unknown(&key);
            self.mistakes.push(Mistake {
                origin: setting.origin,
                key: Some(key),
                message,
            });
        }
    }
}

impl Reader {
    /// A variable with one underscore too few is nobody's, and would leave a default in force that nobody wants.
    pub(super) fn refuse_misspelt(&mut self, variables: &[(String, String)]) {
        let letters = |text: &str| text.replace(['.', '_'], "").to_ascii_lowercase();
        for (name, _) in variables {
            let Some(rest) = name.strip_prefix(MISSPELT_PREFIX) else {
                continue;
            };
            let asked = letters(rest);
            let meant = self
                .origins
                .iter()
                .map(|(known, _)| *known)
                .find(|known| letters(known) == asked);
            let (false, Some(key)) = (rest.starts_with('_'), meant) else {
                continue;
            };
            let right = key.replace('.', "__").to_ascii_uppercase();
            self.mistakes.push(Mistake {
                origin: Origin::Variable(name.clone()),
                key: Some(key.to_owned()),
                message: format!("is not read: its variable is {VARIABLE_PREFIX}{right}"),
            });
        }
    }

    /// What to say about a key that no setting has.
    fn unknown(&self, key: &str) -> String {
        let known = || self.origins.iter().map(|(known, _)| *known);
        if let Some(nearest) = nearest(key, known()) {
            return format!("there is no such setting; did you mean {nearest}?");
        }
        let section = |key: &str| {
            key.rsplit_once('.')
                .map_or(String::new(), |(of, _)| of.to_owned())
        };
        let asked = section(key);
        let siblings: Vec<_> = known().filter(|known| section(known) == asked).collect();
        if siblings.is_empty() {
            format!("there is no section {asked}")
        } else {
            format!(
                "there is no such setting; there are {}",
                siblings.join(", ")
            )
        }
    }

    /// The settings whose value nobody knows: those with a mistake, and those that a misspelt key was meant for.
    pub(super) fn broken(&self) -> BTreeSet<&'static str> {
        let known = || self.origins.iter().map(|(known, _)| *known);
        self.mistakes
            .iter()
            .filter_map(|mistake| mistake.key.as_deref())
            .filter_map(|key| nearest(key, known()))
            .collect()
    }
}

fn in_section(key: &str, section: &str) -> bool {
    key.strip_prefix(section)
        .is_some_and(|rest| rest.starts_with('.'))
}
