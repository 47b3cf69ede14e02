//! Statements about many rows at once: one question to the writer's thread, or to the server, instead of one for each row.
//!
//! The number of rows is rounded up to a power of two, so that few texts are there to be prepared; in SQLite placeholders without a
//! value are NULL, and the statement passes rows of NULL over. Both databases call the columns of `VALUES` alike.

use std::{fmt::Write, sync::OnceLock};

/// The most rows of a statement.
pub(super) const MOST_ROWS: usize = 64;

/// How many powers of two there are up to [`MOST_ROWS`].
const SIZES: usize = MOST_ROWS.ilog2() as usize + 1;

/// A statement around `VALUES (…), (…)`, whose columns SQLite calls `column1` and so on.
pub(super) struct ManyRows {
    columns: usize,
    before: &'static str,
    after: &'static str,
    texts: [OnceLock<&'static str>; SIZES],
}

impl ManyRows {
    pub(super) const fn new(columns: usize, before: &'static str, after: &'static str) -> Self {
        Self {
            columns,
            before,
            after,
            texts: [const { OnceLock::new() }; SIZES],
        }
    }

    /// The text for so many rows, at most [`MOST_ROWS`]. It is made once.
    pub(super) fn for_rows(&self, rows: usize) -> &'static str {
        let rows = rows.next_power_of_two().min(MOST_ROWS);
        match self.texts.get(rows.ilog2() as usize) {
            Some(text) => text.get_or_init(|| Box::leak(self.text(rows).into_boxed_str())),
            None => "",
        }
    }

    fn text(&self, rows: usize) -> String {
        let mut text = format!("{}VALUES ", self.before);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                let comma = if column == 0 { "" } else { ", " };
                let number = row * self.columns + column + 1;
                // Writing to a text does not fail.
                let _ = write!(text, "{comma}${number}");
            }
            text.push(')');
        }
        text.push_str(self.after);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_rows_is_rounded_up() {
        static TWO: ManyRows = ManyRows::new(2, "a (", ") b");
        for (rows, text) in [
            (1, "a (VALUES ($1, $2)) b"),
            (2, "a (VALUES ($1, $2), ($3, $4)) b"),
            (3, "a (VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8)) b"),
        ] {
            assert_eq!(TWO.for_rows(rows), text);
        }
        assert_eq!(TWO.for_rows(33), TWO.for_rows(MOST_ROWS));
    }
}
