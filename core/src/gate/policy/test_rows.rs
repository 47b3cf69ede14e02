//! The `[[test]]` rows: what the author of a policy expects of it, kept beside the rules.

use alloc::format;
use alloc::string::{String, ToString};

use toml::Spanned;

use super::PolicyError;
use super::document::{Placed, Section, Source, boolean, string};
use super::tables;
use crate::gate::client::Client;
use crate::gate::explain::Outcome;
use crate::gate::persona::Persona;

pub(super) struct RawTest<'d> {
    request: Spanned<&'d str>,
    persona: Spanned<&'d str>,
    expect: Spanned<&'d str>,
    navigation: Option<bool>,
    host: Option<Spanned<&'d str>>,
    from: Option<Spanned<&'d str>>,
}

impl<'d> RawTest<'d> {
    #[cold]
    pub(super) fn read<'t>(source: Source<'t>, value: Placed<'d, 't>) -> Result<Self, PolicyError> {
        let section = Section::of(source, value, tables::TEST)?;
        Ok(Self {
            request: section.required("request", string)?,
            persona: section.required("as", string)?,
            expect: section.required("expect", string)?,
            navigation: section.optional("navigation", boolean)?,
            host: section.optional("host", string)?,
            from: section.optional("from", string)?,
        })
    }
}

/// One row, understood.
#[derive(Clone, Debug)]
pub(in crate::gate) struct TestRow {
    pub(in crate::gate) line: usize,
    pub(in crate::gate) method: String,
    /// Raw: a row may expect a path to be refused.
    pub(in crate::gate) path: String,
    pub(in crate::gate) host: String,
    pub(in crate::gate) persona: Persona,
    pub(in crate::gate) navigation: bool,
    pub(in crate::gate) client: Client,
    pub(in crate::gate) expected: Outcome,
}

impl TestRow {
    #[cold]
    pub(super) fn read(source: Source<'_>, raw: RawTest<'_>) -> Result<Self, PolicyError> {
        let Some((method, path)) = raw.request.get_ref().split_once(' ') else {
            return Err(source.error(
                &raw.request,
                "request",
                "write a method and a path, like \"GET /admin\"",
            ));
        };
        let persona = Persona::parse(raw.persona.get_ref())
            .map_err(|error| source.error(&raw.persona, "as", error.to_string()))?;
        let expected = Outcome::parse(raw.expect.get_ref()).ok_or_else(|| {
            let message = format!(
                "\"{}\" is not one of {}",
                raw.expect.get_ref(),
                Outcome::NAMES.join(", ")
            );
            source.error(&raw.expect, "expect", message)
        })?;
        Ok(Self {
            line: source.line(&raw.request),
            method: method.to_string(),
            path: path.trim_start().to_string(),
            host: raw
                .host
                .map(|host| host.get_ref().to_string())
                .unwrap_or_default(),
            persona,
            client: match &raw.from {
                None => Client::Untold,
                Some(from) => from.get_ref().parse().map(Client::At).map_err(|_| {
                    let message = format!("\"{}\" is no address", from.get_ref());
                    source.error(from, "from", message)
                })?,
            },
            // Only people are led to the sign-in page, so a row that expects it is about a person.
            navigation: raw.navigation.unwrap_or(expected == Outcome::SignIn),
            expected,
        })
    }
}
