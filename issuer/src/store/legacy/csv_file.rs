//! A table in a CSV file (RFC 4180) whose first line names the columns.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::{LegacyError, row_of};
use crate::{
    config::mapping::Mapping,
    domain::import::{LegacyRow, Unread},
};

/// A quote that is not closed makes one field of all that follows; this bounds the memory that it takes.
const RECORD_MAX_BYTES: usize = 1024 * 1024;

/// The file, read from its beginning to its end.
pub(super) struct CsvFile {
    reader: Reader<OneLineEnd>,
    mapping: Mapping,
    path: PathBuf,
    width: usize,
    /// The place of each mapped column in a line.
    places: Vec<usize>,
}

impl CsvFile {
    pub(super) fn open(path: &Path, mapping: &Mapping) -> Result<Self, LegacyError> {
        let failed = |error: csv::Error| broken(path, error);
        let mut reader = ReaderBuilder::new()
            .delimiter(mapping.csv_separator)
            // A line of another width is told with its number, and the others are still read.
            .flexible(true)
            .from_reader(OneLineEnd::of(File::open(path).map_err(|source| {
                LegacyError::Io {
                    path: path.to_path_buf(),
                    source,
                }
            })?));
        let header = reader.headers().map_err(failed)?;
        let found: Vec<String> = header.iter().map(str::to_owned).collect();
        mapping.judge_columns(&found)?;
        let place = |name: &String| found.iter().position(|column| column == name);
        Ok(Self {
            places: mapping.columns.values().filter_map(place).collect(),
            width: found.len(),
            mapping: mapping.clone(),
            path: path.to_path_buf(),
            reader,
        })
    }

    pub(super) fn next(
        &mut self,
        most: usize,
    ) -> Result<Vec<Result<LegacyRow, Unread>>, LegacyError> {
        let mut rows = Vec::new();
        let mut record = ByteRecord::new();
        while rows.len() < most {
            self.reader.get_mut().left = RECORD_MAX_BYTES;
            let read = self.reader.read_byte_record(&mut record);
            if !read.map_err(|error| broken(&self.path, error))? {
                break;
            }
            rows.push(self.row(&record));
        }
        Ok(rows)
    }

    fn row(&self, record: &ByteRecord) -> Result<LegacyRow, Unread> {
        let line = record.position().map_or(0, csv::Position::line);
        let place = format!("line {line}");
        if record.len() != self.width {
            return Err(Unread {
                place,
                why: "has more or fewer fields than the first line",
            });
        }
        let mut values = Vec::with_capacity(self.places.len());
        for column in &self.places {
            let bytes = record.get(*column).unwrap_or_default();
            match std::str::from_utf8(bytes) {
                Ok(text) => values.push(Some(text.to_owned())),
                Err(_) => {
                    return Err(Unread {
                        place,
                        why: "holds a value that is no UTF-8",
                    });
                }
            }
        }
        Ok(row_of(place, &self.mapping, values.into_iter()))
    }
}

/// What the library says of a file holds no value of it: what is no text is read as bytes.
fn broken(path: &Path, error: csv::Error) -> LegacyError {
    LegacyError::Io {
        path: path.to_path_buf(),
        source: error.into(),
    }
}

/// A file with `\n` for `\r\n`. The library counts the lines of the latter one too late.
struct OneLineEnd {
    file: BufReader<File>,
    /// A `\r` was read, and what comes after it was not.
    held: bool,
    /// So much may still be read for this record.
    left: usize,
}

impl OneLineEnd {
    fn of(file: File) -> Self {
        Self {
            file: BufReader::new(file),
            held: false,
            left: RECORD_MAX_BYTES,
        }
    }
}

impl Read for OneLineEnd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(
                "a row is longer than 1 MiB: most likely a quote is not closed",
            ));
        }
        let most = (out.len() / 2).min(self.left);
        let mut free = out.iter_mut();
        let mut written: usize = 0;
        let mut put = |byte: u8| {
            if let Some(place) = free.next() {
                *place = byte;
                written = written.saturating_add(1);
            }
        };
        let found = self.file.fill_buf()?;
        if found.is_empty() && std::mem::take(&mut self.held) {
            put(b'\r');
        }
        let mut taken: usize = 0;
        // Each byte may come with the one that was held.
        for byte in found.iter().take(most) {
            taken = taken.saturating_add(1);
            if std::mem::replace(&mut self.held, *byte == b'\r') && *byte != b'\n' {
                put(b'\r');
            }
            if *byte != b'\r' {
                put(*byte);
            }
        }
        self.file.consume(taken);
        self.left = self.left.saturating_sub(taken);
        // Nothing would be the end: there was a single `\r`, which is held.
        if written == 0 && taken > 0 {
            return self.read(out);
        }
        Ok(written)
    }
}
