//! What is stated about something that is in the database and has no secret there.

/// What each statement begins with. No name of a secret has a NUL in it, so a statement opens as no secret, and no secret as one.
const LABEL: &[u8] = b"edgeward-statement-1\0";

/// The parts of a statement, in a form that can be read in one way only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(Vec<u8>);

impl Statement {
    /// States these parts, in this order.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut bytes = LABEL.to_vec();
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_statements_are_written_alike() {
        let all = [
            Statement::of(&[]),
            Statement::of(&[""]),
            Statement::of(&["", ""]),
            Statement::of(&["ab", "c"]),
            Statement::of(&["a", "bc"]),
            Statement::of(&["abc"]),
            Statement::of(&["abc", ""]),
            Statement::of(&["", "abc"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{one:?}");
        }
    }
}
