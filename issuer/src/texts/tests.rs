//! That there is a text for everything, in every language, and no text anywhere else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use edgeward_core::problem::ProblemCode;
use fluent_templates::fluent_bundle::FluentResource;

use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files below a folder with this ending, with their contents.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// The ids of a language, each with the variables in its text.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (name, source) in files(&format!("www/pages/locales/{}", language.tag()), ".ftl") {
        if let Err((_, errors)) = FluentResource::try_new(source.clone()) {
            panic!("{name}: {errors:?}");
        }
        let mut id = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with(|c: char| c.is_ascii_lowercase()) {
                id = line.split(' ').next().unwrap().to_owned();
                let old = found.insert(id.clone(), BTreeSet::new());
                assert!(old.is_none(), "{name}: {id} is there twice");
            }
            let variables = line.split('$').skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
                rest[..end.unwrap_or(rest.len())].to_owned()
            });
            let variables: Vec<String> = variables.collect();
            found.entry(id.clone()).or_default().extend(variables);
        }
    }
    found.remove("");
    found
}

#[test]
fn every_language_has_the_same_texts_with_the_same_values_in_them() {
    let english = messages(Language::English);
    assert!(english.len() > 80, "{}", english.len());
    for language in Language::ALL {
        let found = messages(language);
        for (id, variables) in &english {
            assert_eq!(found.get(id), Some(variables), "{id} in {}", language.tag());
        }
        let more: Vec<&String> = found
            .keys()
            .filter(|id| !english.contains_key(*id))
            .collect();
        assert!(more.is_empty(), "{} alone has {more:?}", language.tag());
    }
}

/// What follows each occurrence of `before` up to the next quotation mark.
fn quoted_after<'a>(source: &'a str, before: &str) -> Vec<&'a str> {
    let rests = source.split(before).skip(1);
    rests
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .collect()
}

/// Templates, and the code that names texts. Not the tests, which name some that are not there.
fn sources() -> Vec<(String, String)> {
    let mut sources = files("www/pages/templates", ".html");
    sources.extend(files("issuer/src/http", ".rs"));
    sources.extend(files("issuer/src/mail", ".rs"));
    sources.retain(|(name, _)| !name.ends_with("tests.rs"));
    sources
}

#[test]
fn every_text_that_is_named_is_there_and_every_text_is_named() {
    let known = messages(Language::English);
    let mut used = BTreeSet::new();
    for (name, source) in sources() {
        for before in ["text(", "text_with(", "text:"] {
            for id in quoted_after(&source, before) {
                assert!(known.contains_key(id), "{name}: there is no text {id:?}");
            }
        }
        for literal in source.split('"') {
            used.insert(literal.to_owned());
        }
    }
    for code in ProblemCode::ALL {
        let id = format!("error-{}", code.code().to_lowercase().replace('_', "-"));
        assert!(known.contains_key(&id), "{id}");
        used.insert(id);
    }
    let unused: Vec<&String> = known.keys().filter(|id| !used.contains(*id)).collect();
    assert!(unused.is_empty(), "nothing shows {unused:?}");
}

/// The source without what stands between two marks.
fn without(source: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    let mut rest = source;
    while let Some((before, behind)) = rest.split_once(open) {
        kept.push_str(before);
        rest = behind.split_once(close).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

#[test]
fn no_template_has_a_text_of_its_own() {
    let mut templates = files("www/pages/templates", ".html");
    templates.extend(files("www/pages/templates", ".txt"));
    for (name, source) in templates {
        let source = ["{#", "{{", "{%"]
            .into_iter()
            .zip(["#}", "}}", "%}"])
            .fold(source, |source, (open, close)| {
                without(&source, open, close)
            });
        for attribute in [
            "alt=",
            "title=",
            "placeholder=",
            "aria-label=",
            "data-label=",
        ] {
            for text in quoted_after(&source, attribute) {
                assert!(
                    !text.contains(char::is_alphabetic),
                    "{name}: {attribute}{text:?}"
                );
            }
        }
        let text = without(&source, "<", ">");
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| word.contains(char::is_alphabetic))
            .collect();
        assert!(words.is_empty(), "{name}: {words:?}");
    }
}

#[test]
fn texts_have_numbers_and_lists_as_the_language_has_them() {
    let count = |language, id, count: u64| text_with(language, id, [("count", count.into())]);
    for (language, id, number, expected) in [
        (
            Language::English,
            "wait-seconds",
            1,
            "Try again in 1 second.",
        ),
        (
            Language::English,
            "wait-seconds",
            30,
            "Try again in 30 seconds.",
        ),
        (
            Language::German,
            "wait-minutes",
            1,
            "Versuchen Sie es in 1 Minute noch einmal.",
        ),
        (
            Language::German,
            "wait-minutes",
            1440,
            "Versuchen Sie es in 1440 Minuten noch einmal.",
        ),
        (
            Language::English,
            "attempts-left",
            0,
            "Signing in with this address is now locked for a while.",
        ),
    ] {
        assert_eq!(count(language, id, number), expected);
    }
}
