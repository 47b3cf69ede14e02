//! Whether the disk has room for a whole run: a compiler or linker that finds none says so late, and seldom plainly.

use crate::failure::{Attempt, Failure, Outcome};
use crate::workspace;

const GIB: u64 = 1 << 30;

/// What a whole run leaves in the checkout, packages and tools included, and air for what tests write meanwhile. Measured
/// one by one, the parts of it are 6.6 GB without the lints and the smaller crates.
const WHOLE_RUN: u64 = 12 * GIB;

/// Tells how much is free. Fails if every suite is to run and cannot.
pub(super) fn check(every_suite: bool) -> Outcome<()> {
    let free = free()?;
    println!("{} free on the disk of the checkout", gib(free));
    if every_suite {
        enough(free, kept()).map_err(Failure::new)
    } else {
        Ok(())
    }
}

fn enough(free: u64, kept: u64) -> Result<(), String> {
    let lacks = WHOLE_RUN.saturating_sub(kept);
    if free >= lacks {
        return Ok(());
    }
    Err(format!(
        "every suite from nothing needs {}, of which {} are there; {} more are needed and {} are free: free some, or name a few suites",
        gib(WHOLE_RUN),
        gib(kept),
        gib(lacks),
        gib(free),
    ))
}

fn free() -> Outcome<u64> {
    let root = workspace::root();
    let disk = rustix::fs::statvfs(&root)
        .attempt(|| format!("asking for the free room at {}", root.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What earlier runs left, which is not written again.
fn kept() -> u64 {
    workspace::files_below(&workspace::target())
        .iter()
        .filter_map(|path| path.metadata().ok())
        .map(|file| file.len())
        .sum()
}

/// To a tenth.
fn gib(bytes: u64) -> String {
    let tenths = bytes / (GIB / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::{GIB, WHOLE_RUN, enough, gib};

    #[test]
    fn a_run_begins_where_there_is_room_for_what_is_not_there_yet() {
        for (free, kept, begins) in [
            (WHOLE_RUN, 0, true),
            (WHOLE_RUN - 1, 0, false),
            (WHOLE_RUN - GIB, GIB, true),
            (WHOLE_RUN - GIB - 1, GIB, false),
            (0, WHOLE_RUN, true),
            (0, 2 * WHOLE_RUN, true),
        ] {
            assert_eq!(enough(free, kept).is_ok(), begins, "{free} and {kept}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let told = enough(3 * GIB, GIB / 2).unwrap_err();
        assert!(told.contains("3.0 GiB are free"), "{told}");
        assert!(told.contains("of which 0.5 GiB are there"), "{told}");
    }

    #[test]
    fn sizes_are_told_to_a_tenth() {
        for (bytes, told) in [
            (0, "0.0 GiB"),
            (GIB / 2, "0.5 GiB"),
            (GIB, "1.0 GiB"),
            (25 * GIB, "25.0 GiB"),
        ] {
            assert_eq!(gib(bytes), told);
        }
    }
}
