//! The languages that there are texts in, and which of them somebody reads.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, which the messages of programs are in too.
    English,
    /// German.
    German,
}

/// The most preferences that are looked at: browsers send as many as a person has put into a list.
const PREFERENCES_MAX: usize = 20;

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The tag (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What it calls itself.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// The direction it is written in, as the attribute `dir` says it.
    #[must_use]
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    /// The language of a tag, whatever the region: who reads `de-AT` reads `de`.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The first of several tags that there are texts in, as `ui_locales` has them (`OpenID` Connect Core, section 3.1.2.1).
    #[must_use]
    pub fn of_list(tags: &str) -> Option<Self> {
        tags.split_ascii_whitespace()
            .take(PREFERENCES_MAX)
            .find_map(Self::of_tag)
    }

    /// The most wanted of an `Accept-Language` that there are texts in (RFC 9110, section 12.5.4). Of two that are wanted alike
    /// it is the first.
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best = None;
        for preference in header.split(',').take(PREFERENCES_MAX) {
            let mut parts = preference.split(';');
            let language = parts.next().and_then(Self::of_tag);
            let weight = parts.next().map_or(Some(1000), thousandths);
            if let (Some(language), Some(weight)) = (language, weight)
                && weight > best.map_or(0, |(_, weight)| weight)
            {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
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

    #[test]
    fn the_most_wanted_language_that_there_is() {
        const DE: Option<Language> = Some(Language::German);
        const EN: Option<Language> = Some(Language::English);
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
            assert_eq!(Language::accepted(header), expected, "{header:?}");
        }
        assert_eq!(Language::of_list("fr-CA de-CH en"), DE);
        assert_eq!(Language::of_list("tlh"), None);
    }
}
