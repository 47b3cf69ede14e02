//! A policy as a TOML document: its tables, each with the keys that may stand in it, and values of the kinds that are asked
//! for, or the line on which something else stands.
//!
//! The `toml` crate reads the text; this takes the place of serde, whose code for it would be a sixth of the Worker. An
//! unknown key is an error, because a misspelt `role` that is silently ignored opens a route.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::PolicyError;
use crate::nearest::nearest;

/// Turns places in the text into errors.
#[derive(Clone, Copy)]
pub(super) struct Source<'t> {
    text: &'t str,
    line_ends: &'t [usize],
}

/// Where the lines of a text end, found once: counting anew for each of ten thousand rules would take seconds.
pub(super) fn line_ends(text: &str) -> Vec<usize> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    ends.map(|(at, _)| at).collect()
}

impl<'t> Source<'t> {
    /// The text, with [`line_ends`] of it.
    pub(super) const fn new(text: &'t str, line_ends: &'t [usize]) -> Self {
        Self { text, line_ends }
    }

    /// The whole text, which must be TOML.
    pub(super) fn document(self) -> Result<Spanned<DeTable<'t>>, PolicyError> {
        DeTable::parse(self.text)
            .map_err(|error| self.fault(error.span(), error.message().to_owned()))
    }

    pub(super) fn line<T>(self, place: &Spanned<T>) -> usize {
        self.line_at(place.span().start)
    }

    pub(super) fn error<T>(
        self,
        place: &Spanned<T>,
        key: &str,
        message: impl Into<String>,
    ) -> PolicyError {
        self.error_at(place.span().start, key, message.into())
    }

    /// Apart from its dozens of callers, in each of which it would stand else.
    #[cold]
    #[inline(never)]
    fn error_at(self, offset: usize, key: &str, message: String) -> PolicyError {
        PolicyError {
            line: Some(self.line_at(offset)),
            key: Some(key.to_owned()),
            message,
        }
    }

    fn line_at(self, offset: usize) -> usize {
        1 + self.line_ends.partition_point(|end| *end < offset)
    }

    /// What is wrong with the document itself; the key is the word before `=` on that line.
    #[cold]
    #[inline(never)]
    fn fault(self, place: Option<Range<usize>>, message: String) -> PolicyError {
        let line = place.map(|place| self.line_at(place.start));
        let key = line
            .and_then(|line| self.text.lines().nth(line - 1))
            .and_then(|text| text.split_once('='))
            .map(|(key, _)| key.trim())
            .filter(|key| {
                !key.is_empty()
                    && key.bytes().all(|byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
                    })
            });
        PolicyError {
            line,
            key: key.map(ToString::to_string),
            message,
        }
    }
}

/// A value where it stands.
pub(super) type Placed<'d, 't> = &'d Spanned<DeValue<'t>>;

/// A table whose keys are all known.
pub(super) struct Section<'d, 't> {
    source: Source<'t>,
    place: Range<usize>,
    entries: &'d DeTable<'t>,
}

impl<'d, 't> Section<'d, 't> {
    /// The table that is the whole document.
    pub(super) fn whole(
        source: Source<'t>,
        document: &'d Spanned<DeTable<'t>>,
        known: &[&str],
    ) -> Result<Self, PolicyError> {
        Self::opened(source, document.span(), document.get_ref(), known)
    }

    /// The table that is a value.
    pub(super) fn of(
        source: Source<'t>,
        value: Placed<'d, 't>,
        known: &[&str],
    ) -> Result<Self, PolicyError> {
        let DeValue::Table(entries) = value.get_ref() else {
            return Err(other_kind(source, value, "a table"));
        };
        Self::opened(source, value.span(), entries, known)
    }

    fn opened(
        source: Source<'t>,
        place: Range<usize>,
        entries: &'d DeTable<'t>,
        known: &[&str],
    ) -> Result<Self, PolicyError> {
        let stranger = entries
            .keys()
            .find(|key| !known.contains(&&**key.get_ref()));
        if let Some(stranger) = stranger {
            let meant = nearest(stranger.get_ref(), known.iter().copied());
            let message = format!(
                "unknown field `{}`{}, expected one of `{}`",
                stranger.get_ref(),
                meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)")),
                known.join("`, `")
            );
            return Err(source.fault(Some(stranger.span()), message));
        }
        Ok(Self {
            source,
            place,
            entries,
        })
    }

    /// What stands at a key, if it is there.
    pub(super) fn at(&self, key: &str) -> Option<Placed<'d, 't>> {
        self.entries.get(key)
    }

    /// The value of a key as `read` understands it, if the key is there.
    #[inline(never)]
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(Source<'t>, Placed<'d, 't>) -> Result<T, PolicyError>,
    ) -> Result<Option<T>, PolicyError> {
        match self.entries.get(key) {
            Some(value) => read(self.source, value).map(Some),
            None => Ok(None),
        }
    }

    /// The value of a key that must be there.
    #[inline(never)]
    pub(super) fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(Source<'t>, Placed<'d, 't>) -> Result<T, PolicyError>,
    ) -> Result<T, PolicyError> {
        self.optional(key, read)?.ok_or_else(|| {
            let message = format!("missing field `{key}`");
            self.source.fault(Some(self.place.clone()), message)
        })
    }
}

#[inline(never)]
pub(super) fn string<'d>(
    source: Source<'_>,
    value: Placed<'d, '_>,
) -> Result<Spanned<&'d str>, PolicyError> {
    let DeValue::String(text) = value.get_ref() else {
        return Err(other_kind(source, value, "a string"));
    };
    Ok(Spanned::new(value.span(), text))
}

pub(super) fn boolean(source: Source<'_>, value: Placed<'_, '_>) -> Result<bool, PolicyError> {
    let DeValue::Boolean(answer) = value.get_ref() else {
        return Err(other_kind(source, value, "a boolean"));
    };
    Ok(*answer)
}

pub(super) fn integer(
    source: Source<'_>,
    value: Placed<'_, '_>,
) -> Result<Spanned<i64>, PolicyError> {
    let number = value
        .get_ref()
        .as_integer()
        .and_then(|digits| i64::from_str_radix(digits.as_str(), digits.radix()).ok());
    let Some(number) = number else {
        return Err(other_kind(source, value, "an integer of 64 bits"));
    };
    Ok(Spanned::new(value.span(), number))
}

/// Every element of an array as `read` understands it.
pub(super) fn each<'d, 't, T>(
    source: Source<'t>,
    value: Placed<'d, 't>,
    mut read: impl FnMut(Source<'t>, Placed<'d, 't>) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    let DeValue::Array(elements) = value.get_ref() else {
        return Err(other_kind(source, value, "a sequence"));
    };
    elements
        .iter()
        .map(|element| read(source, element))
        .collect()
}

/// The entries of a table whose keys are names.
pub(super) fn named<'d, 't>(
    source: Source<'t>,
    value: Placed<'d, 't>,
) -> Result<Vec<(Spanned<&'d str>, Placed<'d, 't>)>, PolicyError> {
    let DeValue::Table(entries) = value.get_ref() else {
        return Err(other_kind(source, value, "a table"));
    };
    let mut named = Vec::new();
    for key in entries.keys() {
        let name: &'d str = key.get_ref();
        if let Some(value) = entries.get(name) {
            named.push((Spanned::new(key.span(), name), value));
        }
    }
    Ok(named)
}

/// An array of strings, and where it stands.
#[inline(never)]
pub(super) fn strings<'d, 't>(
    source: Source<'t>,
    value: Placed<'d, 't>,
) -> Result<Spanned<Vec<&'d str>>, PolicyError> {
    let words = each_string(source, value)?.into_iter();
    let words = words.map(Spanned::into_inner).collect();
    Ok(Spanned::new(value.span(), words))
}

/// An array of strings, and where each stands.
#[inline(never)]
pub(super) fn each_string<'d, 't>(
    source: Source<'t>,
    value: Placed<'d, 't>,
) -> Result<Vec<Spanned<&'d str>>, PolicyError> {
    each(source, value, string)
}

#[cold]
#[inline(never)]
fn other_kind(source: Source<'_>, value: Placed<'_, '_>, expected: &str) -> PolicyError {
    let found = match value.get_ref() {
        DeValue::String(text) => format!("string \"{text}\""),
        DeValue::Integer(number) => format!("integer `{number}`"),
        DeValue::Float(number) => format!("floating point `{number}`"),
        DeValue::Boolean(answer) => format!("boolean `{answer}`"),
        DeValue::Datetime(_) => "date".to_owned(),
        DeValue::Array(_) => "sequence".to_owned(),
        DeValue::Table(_) => "map".to_owned(),
    };
    let message = format!("invalid type: {found}, expected {expected}");
    source.fault(Some(value.span()), message)
}
