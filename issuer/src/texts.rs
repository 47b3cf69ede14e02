//! The texts of the pages and of mails, from `www/pages/locales`, compiled in.
//!
//! An id that there is no text for cannot be met: a test looks up every one that a template or a page names, in every language.

use std::{borrow::Cow, collections::HashMap};

use fluent_templates::{
    LanguageIdentifier, Loader, fluent_bundle::FluentValue, langid, static_loader,
};

use crate::domain::language::Language;

static_loader! {
    static TEXTS = {
        locales: "../www/pages/locales",
        fallback_language: "en",
        // Marks of isolation around what is inserted would be read out and copied along. What people wrote stands in elements of
        // its own (`bdi`) and never in a sentence.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static ENGLISH: LanguageIdentifier = langid!("en");
static GERMAN: LanguageIdentifier = langid!("de");

fn identifier(language: Language) -> &'static LanguageIdentifier {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

/// A text.
#[must_use]
pub fn text(language: Language, id: &str) -> String {
    TEXTS.lookup(identifier(language), id)
}

/// A text with values in it.
#[must_use]
pub fn text_with<'a, const N: usize>(
    language: Language,
    id: &str,
    values: [(&'static str, FluentValue<'a>); N],
) -> String {
    let values: HashMap<Cow<'static, str>, FluentValue<'a>> = values
        .into_iter()
        .map(|(name, value)| (Cow::Borrowed(name), value))
        .collect();
    TEXTS.lookup_with_args(identifier(language), id, &values)
}

#[cfg(test)]
mod tests;
