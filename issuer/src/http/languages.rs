//! Which language somebody reads, as their request says it: by its query, by the cookie of an earlier choice, or by what the browser
//! is set to.

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use edgeward_core::cookie::CookieHeader;

use crate::domain::language::Language;

/// The parameter that names the languages that are wanted (`OpenID` Connect Core, section 3.1.2.1).
pub const UI_LOCALES: &str = "ui_locales";

/// Remembers the language that was chosen. It is nobody's secret and says nothing about who reads, so it has no prefix.
pub const COOKIE: &str = "edgeward-language";

/// The most preferences that are looked at: browsers send as many as a person has put into a list.
const PREFERENCES_MAX: usize = 20;

/// The language of a request: what its query asks for, else what its browser remembers or wants. `None`: it names none that there
/// are texts in.
#[must_use]
pub fn of_request(uri: &Uri, headers: &HeaderMap) -> Option<Language> {
    uri.query().and_then(asked).or_else(|| wanted(headers))
}

/// The language that a query asks for. The values have no character that a query would escape but the blank between them.
#[must_use]
pub fn asked(query: &str) -> Option<Language> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, tags) = pairs.find(|(name, _)| *name == UI_LOCALES)?;
    let tags = tags.replace('+', " ").replace("%20", " ");
    tags.split_ascii_whitespace()
        .take(PREFERENCES_MAX)
        .find_map(Language::of_tag)
}

/// The language that a browser remembers or wants.
#[must_use]
pub fn wanted(headers: &HeaderMap) -> Option<Language> {
    let accepted = || {
        let header = headers.get(header::ACCEPT_LANGUAGE);
        header.map(HeaderValue::to_str)?.ok().and_then(most_wanted)
    };
    remembered(headers).or_else(accepted)
}

fn remembered(headers: &HeaderMap) -> Option<Language> {
    let values = headers.get_all(header::COOKIE).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    let cookies = CookieHeader::parse(&values);
    let tag = cookies.get(COOKIE).ok().flatten()?;
    Language::of_tag(tag)
}

/// The most wanted of an `Accept-Language` that there are texts in (RFC 9110, section 12.5.4). Of two that are wanted alike it is
/// the first.
fn most_wanted(header: &str) -> Option<Language> {
    let mut best = None;
    for preference in header.split(',').take(PREFERENCES_MAX) {
        let mut parts = preference.split(';');
        let language = parts.next().and_then(Language::of_tag);
        let weight = parts.next().map_or(Some(1000), thousandths);
        if let (Some(language), Some(weight)) = (language, weight)
            && weight > best.map_or(0, |(_, weight)| weight)
        {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

/// The weight of `q=0.8`, as 800.
fn thousandths(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, rest) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest: u32 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" => Some(rest),
        "1" if rest == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DE: Option<Language> = Some(Language::German);
    const EN: Option<Language> = Some(Language::English);

    #[test]
    fn the_most_wanted_language_that_there_is() {
        for (header, expected) in [
            ("", None),
            ("de", DE),
            ("DE-at", DE),
            ("fr, de;q=0.5", DE),
            ("en;q=0.8, de;q=0.9", DE),
            ("en-GB, en;q=0.9, de;q=0.8", EN),
            ("de;q=0, en;q=0.1", EN),
            ("de;q=0", None),
            ("de, en", DE),
            ("fr-CH, fr;q=0.9, *;q=0.5", None),
            ("de;q=1.5, en;q=0.2", EN),
            ("de;q=0.12345, en;q=0.1", EN),
            ("de;level=1", None),
            ("den", None),
            (",,;q=1,de", DE),
        ] {
            assert_eq!(most_wanted(header), expected, "{header:?}");
        }
    }

    #[test]
    fn the_wish_in_the_query_is_a_list() {
        for (query, expected) in [
            ("ui_locales=de", DE),
            ("a=b&ui_locales=fr+de-CH+en", DE),
            ("ui_locales=fr%20en", EN),
            ("ui_locales=fr-CA+de-CH+en", DE),
            ("ui_locales=tlh", None),
            ("ui_locales=", None),
            ("xui_locales=de", None),
        ] {
            assert_eq!(asked(query), expected, "{query}");
        }
    }
}
