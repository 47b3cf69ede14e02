//! The `Cookie` header as it arrives, read the one strict way that the gate and the issuer share.
//!
//! Pairs are separated by `;` and nothing else: quotes do not protect a separator, `$Version` has no meaning, the name
//! ends at the first `=`, and only spaces and tabs around a pair are dropped. A name is ours when it is equal byte for
//! byte. A name that some other reader would take for ours (other case, percent-encoded, framed in Unicode blanks,
//! PHP's dots for underscores, or our name in the value of a nameless cookie) is a *shadow*: somebody tries to be read
//! differently by two readers, so the request counts as carrying the cookie twice and is refused.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::CookieNames;
use crate::letters;
use crate::percent::hex_pair;

/// A cookie that was asked for came twice, or beside one that another reader would take for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateCookie {
    /// The name that was asked for.
    pub name: String,
}

impl fmt::Display for DuplicateCookie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "more than one cookie can be read as {}", self.name)
    }
}

impl core::error::Error for DuplicateCookie {}

/// The cookies of one request, in the order in which they came.
#[derive(Clone)]
pub struct CookieHeader<'a> {
    pairs: Vec<Pair<'a>>,
}

#[derive(Clone, Copy)]
struct Pair<'a> {
    /// The whole pair without the blanks around it, as it is forwarded.
    text: &'a str,
    /// Up to the first `=`; `None` when there is no `=`.
    name: Option<&'a str>,
    value: &'a str,
}

/// How a pair relates to a name that was asked for.
#[derive(PartialEq, Eq)]
enum Likeness {
    Same,
    Shadow,
    Other,
}

impl<'a> CookieHeader<'a> {
    /// Reads the values of all `Cookie` headers of a request. Nothing is refused here: an odd pair that is not ours is
    /// the application's business.
    #[must_use]
    pub fn parse(values: &[&'a str]) -> Self {
        let pairs = values
            .iter()
            .flat_map(|value| value.split(';'))
            .map(|text| text.trim_matches([' ', '\t']))
            .filter(|text| !text.is_empty())
            .map(|text| match text.split_once('=') {
                Some((name, value)) => Pair {
                    text,
                    name: Some(name.trim_end_matches([' ', '\t'])),
                    value: value.trim_start_matches([' ', '\t']),
                },
                None => Pair {
                    text,
                    name: None,
                    value: text,
                },
            })
            .collect();
        Self { pairs }
    }

    /// The value of the cookie with exactly this name; `None` when there is none.
    ///
    /// # Errors
    /// The name occurs twice (even with equal values), or a shadow of it occurs.
    pub fn get(&self, name: &str) -> Result<Option<&'a str>, DuplicateCookie> {
        let mut found = None;
        for pair in &self.pairs {
            match pair.likeness(name) {
                Likeness::Other => {}
                Likeness::Same if found.is_none() => found = Some(pair.value),
                Likeness::Same | Likeness::Shadow => {
                    return Err(DuplicateCookie { name: name.into() });
                }
            }
        }
        Ok(found)
    }

    /// Whether one of our cookies, of whichever setting, stands right behind a comma in this value of `Cookie`. A cookie of a sibling domain can look
    /// like that on purpose, to slip a name past the browser's `__Host-` rule, and two headers that a proxy or a runtime has
    /// joined do. It is refused instead of being read in one of two ways. A comma in the value of somebody else's cookie
    /// hides nothing: behind the next `;` both readers agree again.
    #[must_use]
    pub fn hides_behind_commas(value: &str) -> bool {
        value
            .split(';')
            .flat_map(|pair| pair.split(',').skip(1))
            .map(|part| CookieHeader::parse(&[part]))
            .any(|cookies| {
                CookieNames::OF_EVERY_SETTING
                    .iter()
                    .any(|name| !matches!(cookies.get(name), Ok(None)))
            })
    }

    /// The header to forward: the other cookies verbatim, without those of `names` and their shadows. `None` when none
    /// is left.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Option<String> {
        let mut kept = String::new();
        for pair in &self.pairs {
            if names
                .iter()
                .all(|name| pair.likeness(name) == Likeness::Other)
            {
                if !kept.is_empty() {
                    kept.push_str("; ");
                }
                kept.push_str(pair.text);
            }
        }
        (!kept.is_empty()).then_some(kept)
    }
}

/// Names only: values are secrets.
impl fmt::Debug for CookieHeader<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list()
            .entries(
                self.pairs
                    .iter()
                    .map(|pair| pair.name.unwrap_or("(nameless)")),
            )
            .finish()
    }
}

impl Pair<'_> {
    fn likeness(&self, wanted: &str) -> Likeness {
        let shadow = |name: &str| {
            if passes_for(name, wanted) {
                Likeness::Shadow
            } else {
                Likeness::Other
            }
        };
        match self.name {
            Some(name) if name == wanted => Likeness::Same,
            // `=name=value`: a browser's nameless cookie, which some readers split at the second `=`.
            Some("") => match self.value.split_once('=') {
                Some((inner, _)) => shadow(inner),
                None => Likeness::Other,
            },
            Some(name) => shadow(name),
            None => shadow(self.value),
        }
    }
}

/// Whether the most generous reader would take `name` for `wanted`, which is one of ours and so plain ASCII. This is asked
/// of every pair that a client sends, thousands in one header if it likes, so most are told apart by their length:
/// what folds to ASCII never gets longer by it.
fn passes_for(name: &str, wanted: &str) -> bool {
    name.len() >= wanted.len() && folded(&decode_percent(name)).eq(folded(wanted))
}

/// What the most generous reader would make of a decoded name.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.trim_matches(|character: char| {
        character.is_whitespace()
            || character.is_control()
            || matches!(
                character,
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fffd}' | '"'
            )
    })
    .chars()
    .map(|character| {
        if matches!(character, '.' | ' ' | '[') {
            '_'
        } else {
            character
        }
    })
    .flat_map(letters::folded)
}

fn decode_percent(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let escape = (byte == b'%')
            .then(|| hex_pair(ahead.next(), ahead.next()))
            .flatten();
        if escape.is_some() {
            bytes = ahead;
        }
        decoded.push(escape.unwrap_or(byte));
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const OURS: &str = "__Host-edgeward-access";

    fn check(headers: &[&str], expected: Result<Option<&str>, ()>, forwarded: Option<&str>) {
        let cookies = CookieHeader::parse(headers);
        assert_eq!(cookies.get(OURS).map_err(|_| ()), expected, "{headers:?}");
        assert_eq!(
            cookies.without(&[OURS]).as_deref(),
            forwarded,
            "{headers:?}"
        );
    }

    #[test]
    fn an_exact_name_is_found_and_removed() {
        check(&[], Ok(None), None);
        check(&[""], Ok(None), None);
        check(
            &["a=1; __Host-edgeward-access=T; b=2"],
            Ok(Some("T")),
            Some("a=1; b=2"),
        );
        check(&["__Host-edgeward-access=T"], Ok(Some("T")), None);
        check(
            &["a=1", "\t__Host-edgeward-access=T=U ;"],
            Ok(Some("T=U")),
            Some("a=1"),
        );
        check(&["__Host-edgeward-access="], Ok(Some("")), None);
    }

    #[test]
    fn names_that_only_begin_like_ours_are_foreign() {
        check(
            &["__Host-edgeward-access.7=x"],
            Ok(None),
            Some("__Host-edgeward-access.7=x"),
        );
        check(
            &["x__Host-edgeward-access=x"],
            Ok(None),
            Some("x__Host-edgeward-access=x"),
        );
        check(&["edgeward-access=x"], Ok(None), Some("edgeward-access=x"));
        check(
            &["a=__Host-edgeward-access=x"],
            Ok(None),
            Some("a=__Host-edgeward-access=x"),
        );
        check(&["=a=b; lone"], Ok(None), Some("=a=b; lone"));
    }

    #[test]
    fn two_of_ours_are_refused_wherever_they_stand() {
        check(
            &["__Host-edgeward-access=T; __Host-edgeward-access=T"],
            Err(()),
            None,
        );
        check(
            &["__Host-edgeward-access=T", "a=1; __Host-edgeward-access=U"],
            Err(()),
            Some("a=1"),
        );
    }

    #[test]
    fn quotes_do_not_protect_a_separator() {
        // The `$Version` sandwich: an old reader takes our cookie for a part of the quoted value before it.
        check(
            &["$Version=1; a=\"x; __Host-edgeward-access=T; b=y\""],
            Ok(Some("T")),
            Some("$Version=1; a=\"x; b=y\""),
        );
    }

    #[test]
    fn shadows_are_refused_and_removed() {
        for shadow in [
            "__host-edgeward-access=x",
            "__HOST-EDGEWARD-ACCESS=x",
            "__Host%2Dedgeward-access=x",
            "%5f%5FHost-edgeward-access=x",
            "\u{2000}__Host-edgeward-access=x",
            "__Host-edgeward-access\u{a0}=x",
            "\u{feff}__Host-edgeward-access=x",
            "\u{b}__Host-edgeward-access=x",
            "..Host-edgeward-access=x",
            "\"__Host-edgeward-access\"=x",
            "__Host-edgeward-acce\u{17f}s=x",
            "=__Host-edgeward-access=x",
            "==x; =__host-edgeward-access=x",
            "__Host-edgeward-access",
        ] {
            let expected_rest = shadow.starts_with("==x").then_some("==x");
            check(&[shadow], Err(()), expected_rest);
            let beside = format!("__Host-edgeward-access=T; {shadow}");
            check(&[&beside], Err(()), expected_rest);
        }
    }

    #[test]
    fn nothing_that_folds_to_plain_ascii_gets_longer() {
        let mut text = String::new();
        for character in char::MIN..=char::MAX {
            text.clear();
            text.push(character);
            let becomes_ascii = folded(&text).all(|folded| folded.is_ascii());
            assert!(
                !becomes_ascii || folded(&text).count() <= character.len_utf8(),
                "{character:?}"
            );
        }
    }

    #[test]
    fn values_are_not_printed() {
        let cookies = CookieHeader::parse(&["a=secret; secret"]);
        assert_eq!(format!("{cookies:?}"), r#"["a", "(nameless)"]"#);
    }
}
