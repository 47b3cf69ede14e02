//! The one reading of a request's path: canonical, or refused.
//!
//! A gate that reads a path one way in front of an application that reads it another way is no gate. So a path is
//! brought into one canonical form, that form is judged, and *that form* is forwarded; whatever two readers are known
//! to read differently is refused with 400 instead of being guessed at.
//!
//! | form | what becomes of it |
//! |---|---|
//! | `/a/./b`, `/a/../b`, `/..` | resolved (RFC 3986, section 5.2.4): `/a/b`, `/b`, `/` |
//! | `%61dmin`, `%7e` (encoded unreserved characters) | decoded: `admin`, `~` (section 6.2.2.2) |
//! | `%c3%a9` | hex digits in upper case: `%C3%A9` (section 6.2.2.1) |
//! | `é`, `[`, `\|` and other raw characters that a path cannot carry | encoded, as `new URL()` does |
//! | `%2C`, `%40` (encoded delimiters) | kept as sent; compared with the policy in decoded form |
//! | `/admin/` | kept; judged like `/admin` |
//! | `/ADMIN` | kept; paths are case-sensitive, see below |
//! | `//`, anywhere | refused |
//! | `%2f`, `%5c`, `\` | refused |
//! | `;`, `%3b` (path parameters) | refused |
//! | `%00` and every other control character, raw or encoded | refused |
//! | raw space, `#`, `?`; `%23`, `%3f` | refused (`%20` is kept) |
//! | `%zz`, `%u0061`, `%` at the end | refused |
//! | `%2561`, `%25u0061`, however the `%` and the digits were hidden (double encoding) | refused |
//! | `%2e`, `.%2e`, `%2E%2E`, `..%20`, `‥`, `．．` as a whole segment (hidden dot segments) | refused |
//! | `%c0%af`, `%ff` (not UTF-8, overlong forms among them) | refused |
//! | `／`, `＼`, `⁄`, `∕`, `∖`, `⧸`, `﹨` (characters that some readers fold into separators) | refused |
//! | longer than [`MAX_PATH_BYTES`], not starting with `/` | refused |
//!
//! Other letter case and segments that end in a dot or a blank are kept, because both occur in honest paths. An
//! application that folds them (`/ADMIN`, `/admin.`, `/admin%20`) is protected by the policy: besides deny by default,
//! a path that only *folded* would reach a more specific protected rule is refused (see [`super::policy`]).
//!
//! What this module does not do: it knows no rule and no query string.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::percent::{hex_pair, is_unreserved, push_escape};

/// The longest path that is judged, in bytes as received and as forwarded. Because a path is encoded once more for `returnTo`, and
/// intermediaries accept about 8 KiB of target; honest paths stay far below.
pub const MAX_PATH_BYTES: usize = 2048;

/// Why a path cannot be judged. One that is too long is answered 414 `PATH_TOO_LONG`, every other 400 `AMBIGUOUS_PATH`; the log names
/// the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathRefusal {
    /// It does not start with `/` (`*`, an authority, a whole URL, nothing).
    NotAbsolute,
    /// It is longer than [`MAX_PATH_BYTES`].
    TooLong,
    /// `//`.
    EmptySegment,
    /// `\`, `%2f` or `%5c`, or a character that some readers fold into one of them.
    HiddenSeparator,
    /// `;` or `%3b`, or what ASP.NET takes out of a path: `(S(…))`, the cookies of browsers without any.
    PathParameter,
    /// A control character, raw or encoded.
    ControlCharacter,
    /// A raw space, `?` or `#`, or `%3f` or `%23`.
    HiddenDelimiter,
    /// `%` without two hexadecimal digits after it.
    InvalidEscape,
    /// An escape that decodes to another escape.
    DoubleEncoding,
    /// A dot segment that was (partly) percent-encoded, framed in blanks or written with other dots.
    EncodedDotSegment,
    /// The decoded octets are not UTF-8.
    InvalidUtf8,
}

impl PathRefusal {
    /// The precise reason for logs, in kebab-case.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAbsolute => "path-not-absolute",
            Self::TooLong => "path-too-long",
            Self::EmptySegment => "path-empty-segment",
            Self::HiddenSeparator => "path-hidden-separator",
            Self::PathParameter => "path-parameter",
            Self::ControlCharacter => "path-control-character",
            Self::HiddenDelimiter => "path-hidden-delimiter",
            Self::InvalidEscape => "path-invalid-escape",
            Self::DoubleEncoding => "path-double-encoding",
            Self::EncodedDotSegment => "path-encoded-dot-segment",
            Self::InvalidUtf8 => "path-invalid-utf8",
        }
    }
}

impl fmt::Display for PathRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason())
    }
}

impl core::error::Error for PathRefusal {}

/// A path with exactly one reading. What is judged is what is forwarded: both are [`CanonicalPath::as_str`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath {
    text: String,
}

impl CanonicalPath {
    /// Reads the path of a request target, without its query.
    ///
    /// # Errors
    /// The first form of [`PathRefusal`] that is found.
    pub fn parse(raw: &str) -> Result<Self, PathRefusal> {
        let Some(rest) = raw.strip_prefix('/') else {
            return Err(PathRefusal::NotAbsolute);
        };
        if raw.len() > MAX_PATH_BYTES {
            return Err(PathRefusal::TooLong);
        }
        let mut kept: Vec<String> = Vec::new();
        let mut segments = rest.split('/').peekable();
        while let Some(raw_segment) = segments.next() {
            let is_last = segments.peek().is_none();
            if raw_segment.is_empty() && !is_last {
                return Err(PathRefusal::EmptySegment);
            }
            let segment = canonical_segment(raw_segment)?;
            if has_cookie(&segment) {
                return Err(PathRefusal::PathParameter);
            }
            match segment.as_str() {
                "." | ".." => {
                    if segment == ".." {
                        kept.pop();
                    }
                    // `/a/.` and `/a/b/..` name the folder `/a/`.
                    if is_last {
                        kept.push(String::new());
                    }
                }
                _ => kept.push(segment),
            }
        }
        let mut text = String::with_capacity(raw.len());
        for segment in &kept {
            text.push('/');
            text.push_str(segment);
        }
        // Encoding may have made it longer than the next reader accepts.
        if text.len() > MAX_PATH_BYTES {
            return Err(PathRefusal::TooLong);
        }
        Ok(Self { text })
    }

    /// The canonical path: the one that is forwarded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path as it is judged: without its trailing slash and without its first segment if that is one of `locales`
    /// (`/de/admin/` is judged as `/admin`, `/de` as `/`). At most one locale is taken away. The full path goes on.
    #[must_use]
    pub fn without_locale(&self, locales: &[String]) -> &str {
        self.without_first_segment(|first| locales.iter().any(|locale| locale == first))
    }

    /// As [`CanonicalPath::without_locale`], with the locale in any letter case.
    pub(super) fn without_locale_of_any_case(&self, locales: &[String]) -> &str {
        self.without_first_segment(|first| {
            locales
                .iter()
                .any(|locale| locale.eq_ignore_ascii_case(first))
        })
    }

    fn without_first_segment(&self, is_locale: impl Fn(&str) -> bool) -> &str {
        let judged = self.text.strip_suffix('/').unwrap_or(&self.text);
        let first = judged
            .get(1..)
            .and_then(|path| path.split('/').next())
            .unwrap_or_default();
        let rest = if !first.is_empty() && is_locale(first) {
            judged.get(1 + first.len()..)
        } else {
            Some(judged)
        };
        rest.filter(|path| !path.is_empty()).unwrap_or("/")
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Whether a canonical segment begins as the cookies do that ASP.NET looks for: `(S(…))`, `(A(…)F(…))`, and within a name too before
/// CVE-2023-36899 was mended.
fn has_cookie(segment: &str) -> bool {
    if !segment.starts_with('(') && !segment.starts_with("%28") {
        return false;
    }
    let decoded = decoded_segments(segment);
    decoded
        .iter()
        .any(|text| matches!(text.as_bytes(), [b'(', b'A'..=b'Z', b'(', ..]) && text.contains("))"))
}

/// The decoded texts of a path's segments; none for `/`. Decoding a canonical path cannot fail and cannot make a
/// separator, a dot segment or another escape: [`CanonicalPath::parse`] refused all of them.
pub(super) fn decoded_segments(judged: &str) -> Vec<String> {
    judged
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| {
            decode(segment)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .unwrap_or_default()
        })
        .collect()
}

fn canonical_segment(raw: &str) -> Result<String, PathRefusal> {
    let text = String::from_utf8(decode(raw)?).map_err(|_| PathRefusal::InvalidUtf8)?;
    refuse_characters(raw, &text)?;
    refuse_double_encoding(&text)?;
    // Decided on the decoded text, so that `.%2e` is seen for what it is.
    if reads_as_dot_segment(&text) && !matches!(raw, "." | "..") {
        return Err(PathRefusal::EncodedDotSegment);
    }
    Ok(rewrite(raw))
}

/// Whether some reader takes a decoded segment for `.` or `..`: file systems drop blanks around it, and Unicode's
/// compatibility normalisation makes dots of the leaders (U+2024, U+2025) and of the small and full-width full stops.
fn reads_as_dot_segment(text: &str) -> bool {
    let dots: Option<usize> = text
        .trim()
        .chars()
        .map(|character| match character {
            '.' | '\u{2024}' | '\u{fe52}' | '\u{ff0e}' => Some(1),
            '\u{2025}' => Some(2),
            _ => None,
        })
        .sum();
    matches!(dots, Some(1 | 2))
}

fn refuse_characters(raw: &str, text: &str) -> Result<(), PathRefusal> {
    for character in text.chars() {
        match character {
            '/' | '\\' | '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f8}' | '\u{fe68}'
            | '\u{ff0f}' | '\u{ff3c}' => {
                return Err(PathRefusal::HiddenSeparator);
            }
            ';' => return Err(PathRefusal::PathParameter),
            '?' | '#' => return Err(PathRefusal::HiddenDelimiter),
            control if control.is_control() => return Err(PathRefusal::ControlCharacter),
            _ => {}
        }
    }
    if raw.contains(' ') {
        Err(PathRefusal::HiddenDelimiter)
    } else {
        Ok(())
    }
}

/// A second decoding must find nothing: no `%61` and no `%u0061` may be left in the decoded text.
fn refuse_double_encoding(text: &str) -> Result<(), PathRefusal> {
    for (_, after) in text
        .match_indices('%')
        .filter_map(|(place, _)| text.split_at_checked(place + 1))
    {
        let mut next = after.bytes();
        let (first, second) = (next.next(), next.next());
        let two_digits = [first, second]
            .iter()
            .all(|byte| byte.is_some_and(|byte| byte.is_ascii_hexdigit()));
        if two_digits || matches!(first, Some(b'u' | b'U')) {
            return Err(PathRefusal::DoubleEncoding);
        }
    }
    Ok(())
}

/// The canonical spelling of a segment that is already known to be acceptable.
fn rewrite(raw: &str) -> String {
    let mut written = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'%')
            .then(|| hex_pair(bytes.next(), bytes.next()))
            .flatten();
        match escaped {
            Some(decoded) if is_unreserved(decoded) => written.push(char::from(decoded)),
            Some(decoded) => push_escape(&mut written, decoded),
            None if is_path_character(byte) => written.push(char::from(byte)),
            None => push_escape(&mut written, byte),
        }
    }
    written
}

fn decode(segment: &str) -> Result<Vec<u8>, PathRefusal> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_pair(bytes.next(), bytes.next()).ok_or(PathRefusal::InvalidEscape)?,
            plain => plain,
        });
    }
    Ok(decoded)
}

/// `pchar` of RFC 3986, section 3.3, without `;` (which never gets here) and without escapes.
const fn is_path_character(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
        )
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
