//! The languages that there are texts in. Which of them somebody reads is asked of their request (`http::languages`).

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, which the messages of programs are in too.
    English,
    /// German.
    German,
}

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_language_whatever_its_region() {
        for (tag, expected) in [
            ("de", Some(Language::German)),
            (" DE-at ", Some(Language::German)),
            ("en-GB", Some(Language::English)),
            ("den", None),
            ("tlh", None),
            ("", None),
        ] {
            assert_eq!(Language::of_tag(tag), expected, "{tag:?}");
        }
    }
}
