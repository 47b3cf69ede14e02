//! Rows under names, printed as a table for a person or as JSON lines for a program.

use serde_json::{Map, Value};

use edgeward_core::time::UnixTime;

use super::shown;

/// One value.
pub(super) enum Cell {
    Nothing,
    Text(String),
    Number(i64),
    Flag(bool),
    Time(UnixTime),
    /// Text that is JSON already.
    Json(String),
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn of_text(text: Option<&str>) -> Self {
        text.map_or(Self::Nothing, Self::text)
    }

    pub(super) fn of_number(number: Option<i64>) -> Self {
        number.map_or(Self::Nothing, Self::Number)
    }

    fn plain(&self) -> String {
        let text = match self {
            Self::Nothing => "-".to_owned(),
            Self::Text(text) | Self::Json(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Self::Time(at) => shown(*at),
        };
        // Parts of it came from strangers, and a terminal obeys control characters.
        text.chars()
            .map(|letter| if letter.is_control() { '?' } else { letter })
            .collect()
    }

    fn value(&self) -> Result<Value, serde_json::Error> {
        Ok(match self {
            Self::Nothing => Value::Null,
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => Value::from(*number),
            Self::Flag(flag) => Value::from(*flag),
            Self::Time(at) => Value::from(shown(*at)),
            Self::Json(text) => serde_json::from_str(text)?,
        })
    }
}

/// Rows under names. The last names are for programs only: a person's terminal is not so wide.
pub(super) struct Report {
    shown: &'static [&'static str],
    further: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
}

impl Report {
    pub(super) fn new(shown: &'static [&'static str], further: &'static [&'static str]) -> Self {
        Self {
            shown,
            further,
            rows: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn add(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Columns under their names, or nothing where there are no rows.
    pub(super) fn table(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head = self.shown.iter().map(|name| (*name).to_owned()).collect();
        let mut lines: Vec<Vec<String>> = vec![head];
        lines.extend(self.rows.iter().map(|row| {
            let cells = row.iter().take(self.shown.len());
            cells.map(Cell::plain).collect()
        }));
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.shown.len()).map(width).collect();
        lines
            .iter()
            .map(|line| {
                let cells = line.iter().zip(&widths);
                let padded: Vec<String> = cells
                    .map(|(cell, width)| format!("{cell:<width$}"))
                    .collect();
                format!("{}\n", padded.join("  ").trim_end())
            })
            .collect()
    }

    /// One object a line, every name in each.
    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for row in &self.rows {
            let names = self.shown.iter().chain(self.further);
            let mut object = Map::new();
            for (name, cell) in names.zip(row) {
                object.insert((*name).to_owned(), cell.value()?);
            }
            text.push_str(&Value::Object(object).to_string());
            text.push('\n');
        }
        Ok(text)
    }
}
