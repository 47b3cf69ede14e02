//! How many tests passed and failed, read from what the runners print.

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Counts {
    /// One check that holds.
    pub(super) const ONE: Self = Self {
        passed: 1,
        failed: 0,
    };

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    pub(super) fn tell(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }

    /// Reads one line of output and counts it if it is a runner's summary.
    ///
    /// An ignored or skipped test counts as failed: it asserts nothing, and nobody looks at it again.
    pub(super) fn read_line(&mut self, line: &str) {
        if let Some(summary) = line.trim().strip_prefix("test result:") {
            // cargo test and wasm-bindgen's runner: `test result: ok. 3 passed; 0 failed; 0 ignored; …`
            for part in summary.split([';', '.']) {
                let mut words = part.split_whitespace();
                let (Some(number), Some(kind)) = (
                    words.next().and_then(|word| word.parse::<u64>().ok()),
                    words.next(),
                ) else {
                    continue;
                };
                match kind {
                    "passed" => self.passed += number,
                    "failed" | "ignored" => self.failed += number,
                    _ => {}
                }
            }
            return;
        }
        // node --test: `# pass 3` from its tap reporter, `ℹ pass 3` from its spec reporter.
        let Some(summary) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) else {
            return;
        };
        let Some((kind, number)) = summary.split_once(' ') else {
            return;
        };
        let Ok(number) = number.trim().parse::<u64>() else {
            return;
        };
        match kind {
            "pass" => self.passed += number,
            "fail" | "cancelled" | "skipped" | "todo" => self.failed += number,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn summaries_are_counted_and_nothing_else() {
        let check = |line: &str, passed: u64, failed: u64| {
            let mut counts = Counts::default();
            counts.read_line(line);
            assert_eq!(counts, Counts { passed, failed }, "{line}");
        };
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            12,
            0,
        );
        check(
            "test result: FAILED. 1 passed; 2 failed; 3 ignored; 0 measured; 0 filtered out",
            1,
            5,
        );
        check(
            "test result: ok. 4 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.00s",
            4,
            0,
        );
        check("# pass 7", 7, 0);
        check("ℹ pass 7", 7, 0);
        check("ℹ fail 2", 0, 2);
        check("# skipped 1", 0, 1);
        check("# tests 7", 0, 0);
        check("# duration_ms 7", 0, 0);
        check("test gate::passes ... ok", 0, 0);
        check("# pass", 0, 0);
        check("", 0, 0);
    }
}
