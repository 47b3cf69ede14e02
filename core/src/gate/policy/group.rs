//! Rules of equal specificity, among which none may tie with another.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;

use super::index::{Index, Spelling};
use super::{PolicyError, Rule};
use crate::gate::pattern::Specificity;

/// The rules of equal specificity, in the order of the file.
pub(super) struct Group {
    pub(super) specificity: Specificity,
    pub(super) rules: Vec<Rule>,
    index: Index,
}

impl Group {
    pub(super) fn of(specificity: Specificity) -> Self {
        Self {
            specificity,
            rules: Vec::new(),
            index: Index::default(),
        }
    }

    /// Adds a rule that ties with none.
    pub(super) fn take(&mut self, new: Rule) -> Result<(), PolicyError> {
        let meeting = self.index.meeting(&new.pattern, new.host.as_ref());
        let meeting = meeting.into_iter().filter_map(|at| self.rules.get(at));
        if let Some(old) = meeting
            .filter(|old| new.ties_with(old))
            .min_by_key(|old| old.line)
        {
            return Err(tie(old, &new));
        }
        let (number, host) = (self.rules.len(), new.host.as_ref());
        self.index
            .insert(number, &new.pattern, host, Spelling::Exact);
        self.rules.push(new);
        Ok(())
    }
}

#[cold]
fn tie(old: &Rule, new: &Rule) -> PolicyError {
    PolicyError {
        line: Some(new.line),
        key: Some("path".to_owned()),
        message: format!(
            "the rule on line {} ({}) and the rule on line {} ({}) are equally specific and can both speak about one \
             request; make one of them narrower, or merge them",
            old.line,
            old.path(),
            new.line,
            new.path()
        ),
    }
}
