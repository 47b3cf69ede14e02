//! Which tests have begun and not ended, read from what cargo's runner prints: it names a test again that takes long.

use std::collections::BTreeSet;

/// Tests that take long and have not ended so far.
#[derive(Debug, Default)]
pub(super) struct Unfinished(BTreeSet<String>);

impl Unfinished {
    pub(super) fn names(&self) -> &BTreeSet<String> {
        &self.0
    }

    /// Reads one line of output: `test NAME has been running for over 60 seconds`, or `test NAME ... ok`.
    pub(super) fn read_line(&mut self, line: &str) {
        let Some(test) = line.strip_prefix("test ") else {
            return;
        };
        if let Some((name, _)) = test.split_once(" has been running for ") {
            self.0.insert(name.to_owned());
        } else if let Some((name, _)) = test.split_once(" ... ") {
            self.0.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unfinished;

    #[test]
    fn a_test_that_takes_long_is_named_until_it_ends() {
        let check = |lines: &[&str], names: &[&str]| {
            let mut unfinished = Unfinished::default();
            for line in lines {
                unfinished.read_line(line);
            }
            let left: Vec<_> = unfinished.names().iter().collect();
            assert_eq!(left, names, "{lines:?}");
        };
        let long = "test gate::waits has been running for over 60 seconds";
        check(&[], &[]);
        check(
            &["test gate::passes ... ok", "test result: ok. 1 passed"],
            &[],
        );
        check(&[long, "test gate::passes ... ok"], &["gate::waits"]);
        check(&[long, "test gate::waits ... ok"], &[]);
        check(&[long, "test gate::waits ... FAILED"], &[]);
    }
}
