//! Lines of standard input as tokens: whatever comes, each line gives exactly one, and memory stays bounded.

use std::io::{self, BufRead};

/// What is kept of a line: more than the longest token that is judged (8 KiB), so that a longer line is still refused
/// as too long, however long it is.
const KEPT_BYTES: usize = 16 * 1024;

/// One line without its end (LF or CR LF).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its text, or the beginning of a longer one.
    Text(String),
    /// It is no text.
    NotUtf8,
}

/// Reads lines.
pub(super) struct Lines<R> {
    input: R,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input }
    }

    /// The next line; `None` after the last. A last line without an end counts.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut kept = Vec::new();
        let mut any = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(any.then(|| finish(kept)));
            }
            any = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let content = available
                .get(..end.unwrap_or(available.len()))
                .unwrap_or(available);
            let room = KEPT_BYTES.saturating_sub(kept.len()).min(content.len());
            kept.extend_from_slice(content.get(..room).unwrap_or(content));
            let consumed = end.map_or(available.len(), |end| end + 1);
            self.input.consume(consumed);
            if end.is_some() {
                return Ok(Some(finish(kept)));
            }
        }
    }
}

fn finish(mut kept: Vec<u8>) -> Line {
    let is_cut = kept.len() == KEPT_BYTES;
    if kept.last() == Some(&b'\r') {
        kept.pop();
    }
    match String::from_utf8(kept) {
        Ok(text) => Line::Text(text),
        // The cut may go through a character; the line is too long whatever it says.
        Err(error) if is_cut => Line::Text(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(_) => Line::NotUtf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: &[Line]) {
        for buffer in [1, 3, 64 * 1024] {
            let mut lines = Lines::new(io::BufReader::with_capacity(buffer, input));
            let mut found = Vec::new();
            while let Some(line) = lines.next_line().unwrap() {
                found.push(line);
            }
            assert_eq!(found, expected, "buffer of {buffer}");
        }
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn each_line_gives_one_token() {
        check(b"", &[]);
        check(b"\n", &[text("")]);
        check(b"a", &[text("a")]);
        check(b"a\n", &[text("a")]);
        check(b"a\n\nb\n", &[text("a"), text(""), text("b")]);
        check(b"a\r\n\r\nb\r\n", &[text("a"), text(""), text("b")]);
        check(b"a\rb\n", &[text("a\rb")]);
        check(b"a\r\r\n", &[text("a\r")]);
        check(b" a \t\n", &[text(" a \t")]);
        check(b"\xff\xfe\nb\n", &[Line::NotUtf8, text("b")]);
        check(b"\xef\xbb\xbfa\n", &[text("\u{feff}a")]);
        check(b"\0\n", &[text("\0")]);
    }

    #[test]
    fn a_line_of_any_length_is_one_line() {
        for length in [KEPT_BYTES - 1, KEPT_BYTES, KEPT_BYTES + 1, KEPT_BYTES * 10] {
            let mut input = vec![b'x'; length];
            input.extend_from_slice(b"\nnext");
            check(
                &input,
                &[text(&"x".repeat(length.min(KEPT_BYTES))), text("next")],
            );
        }
        let mut wide = "\u{20ac}".repeat(KEPT_BYTES).into_bytes();
        wide.push(b'\n');
        let mut lines = Lines::new(wide.as_slice());
        assert!(matches!(lines.next_line().unwrap(), Some(Line::Text(_))));
        assert_eq!(lines.next_line().unwrap(), None);
    }
}
