//! The chain of the log: each entry's hash holds the one before.
//!
//! The hash of an entry is
//! `SHA-256("edgeward-audit-1" 0x00 ‖ seq as 8 bytes, big-endian ‖ hash of the entry before ‖ text)`; the first entry has
//! 32 zero bytes before it. So no entry can be changed, moved or taken out of the middle without every later hash
//! changing. The chain alone does not notice a cut tail or a log rewritten from some entry on; a walk that goes on later does,
//! for what it has seen.

use sha2::{Digest as _, Sha256};

/// Keeps these hashes apart from every other use of SHA-256 here.
const HASH_DOMAIN: &[u8] = b"edgeward-audit-1\0";

/// The hash of an entry in its place.
pub type EntryHash = [u8; 32];

/// What stands before the first entry.
pub const BEFORE_THE_FIRST: EntryHash = [0; 32];

/// The hash of the entry with number `seq`, counted from 1, after `previous`.
#[must_use]
pub fn entry_hash(seq: u64, previous: &EntryHash, canonical: &str) -> EntryHash {
    Sha256::new()
        .chain_update(HASH_DOMAIN)
        .chain_update(seq.to_be_bytes())
        .chain_update(previous)
        .chain_update(canonical.as_bytes())
        .finalize()
        .into()
}

/// An entry as a log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Its number.
    pub seq: u64,
    /// The canonical text.
    pub canonical: String,
    /// The hash of the entry before.
    pub previous: EntryHash,
    /// Its hash.
    pub hash: EntryHash,
}

/// Where and how a log is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// A number is missing, repeated or out of order.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Gap {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The entry does not follow the one before.
    #[error("entry {0} does not follow the entry before it")]
    Unlinked(u64),
    /// The text is not the one that was hashed.
    #[error("entry {0} was changed")]
    Changed(u64),
    /// The entry at which a walk stood is gone, or another one stands there.
    #[error(
        "entry {0} is not the one that stood there before: the log was cut off or written anew"
    )]
    Replaced(u64),
}

/// A walk along a log from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainWalk {
    entries: u64,
    head: EntryHash,
}

impl ChainWalk {
    /// Before the first entry.
    #[must_use]
    pub const fn start() -> Self {
        Self {
            entries: 0,
            head: BEFORE_THE_FIRST,
        }
    }

    /// Goes on with a walk that was at the end of the log. `last` is what stands now where it stood.
    ///
    /// # Errors
    /// [`ChainBreak::Replaced`] when it is not what stood there.
    pub fn go_on_from(&self, last: Option<&LoggedEntry>) -> Result<(), ChainBreak> {
        let is_there = match last {
            Some(last) => last.seq == self.entries && last.hash == self.head,
            None => self.entries == 0,
        };
        if is_there {
            Ok(())
        } else {
            Err(ChainBreak::Replaced(self.entries))
        }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`ChainBreak`] when it is not what must come next; the walk cannot go on then.
    pub fn step(&mut self, entry: &LoggedEntry) -> Result<(), ChainBreak> {
        let expected = self.entries.saturating_add(1);
        if entry.seq != expected {
            return Err(ChainBreak::Gap {
                expected,
                found: entry.seq,
            });
        }
        if entry.previous != self.head {
            return Err(ChainBreak::Unlinked(entry.seq));
        }
        if entry_hash(entry.seq, &entry.previous, &entry.canonical) != entry.hash {
            return Err(ChainBreak::Changed(entry.seq));
        }
        self.entries = expected;
        self.head = entry.hash;
        Ok(())
    }

    /// How many entries were walked.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The hash of the last one.
    #[must_use]
    pub const fn head(&self) -> &EntryHash {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u64) -> Vec<LoggedEntry> {
        let mut previous = BEFORE_THE_FIRST;
        (1..=length)
            .map(|seq| {
                let canonical = format!(r#"{{"n":{seq},"subject":"edge:e-1"}}"#);
                let hash = entry_hash(seq, &previous, &canonical);
                let logged = LoggedEntry {
                    seq,
                    canonical,
                    previous,
                    hash,
                };
                previous = hash;
                logged
            })
            .collect()
    }

    fn walk(log: &[LoggedEntry]) -> Result<u64, ChainBreak> {
        let mut walk = ChainWalk::start();
        log.iter().try_for_each(|entry| walk.step(entry))?;
        Ok(walk.entries())
    }

    #[test]
    fn a_walk_finds_what_was_done_to_a_log() {
        type Tamper = fn(&mut Vec<LoggedEntry>);
        let rows: [(&str, Tamper, Result<u64, ChainBreak>); 7] = [
            ("nothing", |_| {}, Ok(5)),
            (
                "a changed text",
                |log| log[2].canonical = log[2].canonical.replace("edge:e-1", "edge:e-2"),
                Err(ChainBreak::Changed(3)),
            ),
            (
                "a changed text with its own hash made anew",
                |log| {
                    log[2].canonical = log[2].canonical.replace("edge:e-1", "edge:e-2");
                    log[2].hash = entry_hash(3, &log[2].previous, &log[2].canonical);
                },
                Err(ChainBreak::Unlinked(4)),
            ),
            (
                "a removed entry",
                |log| {
                    log.remove(2);
                },
                Err(ChainBreak::Gap {
                    expected: 3,
                    found: 4,
                }),
            ),
            (
                "a removed entry with the rest numbered anew",
                |log| {
                    log.remove(2);
                    log[2].seq = 3;
                },
                Err(ChainBreak::Unlinked(3)),
            ),
            (
                "two swapped texts",
                |log| {
                    let text = log[1].canonical.clone();
                    log[1].canonical = log[2].canonical.clone();
                    log[2].canonical = text;
                },
                Err(ChainBreak::Changed(2)),
            ),
            (
                "a removed beginning",
                |log| {
                    log.remove(0);
                },
                Err(ChainBreak::Gap {
                    expected: 1,
                    found: 2,
                }),
            ),
        ];
        for (what, tamper, expected) in rows {
            let mut log = chain(5);
            tamper(&mut log);
            assert_eq!(walk(&log), expected, "{what}");
        }
    }
}
