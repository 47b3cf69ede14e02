//! From the text of `gate.toml` to a [`Policy`], or to the one sentence that its author needs.
//!
//! What the document says is taken from it first, and then asked whether it makes sense. All of it runs once, while an isolate
//! starts: the functions are marked cold, which makes the Worker a kilobyte smaller.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use toml::Spanned;
use toml::de::DeTable;

use super::bounds::{self, Bounds, Limits};
use super::document::{
    Placed, Section, Source, boolean, each, each_string, integer, line_ends, string, strings,
};
use super::group::Group;
use super::host::host;
use super::index::{Index, Spelling};
use super::manner::{self, RawCors, RawManner};
use super::regard::{RawRevocation, Regard};
use super::tables;
use super::test_rows::{RawTest, TestRow};
use super::{Conditions, Demand, Policy, PolicyError, Rule, Settings, StepUp};
use crate::gate::client::AddressRange;
use crate::gate::cors::Cors;
use crate::gate::pattern::Pattern;
use crate::revocation::Mode;

/// The longest policy, in bytes. Because it is read when an isolate starts, which may take a second in all: so many bytes
/// hold the most rules at a hundred characters each, and are read in a small part of it.
pub const MAX_POLICY_BYTES: usize = 1024 * 1024;

/// The most rules. Because whoever generates rules for each page of a large site needs thousands; a request is judged as
/// fast among ten thousand as among ten, and what grows with them is the time in which an isolate starts.
pub const MAX_ROUTES: usize = 10_000;

/// The most test rows, for the same reason that there is a most of everything here.
pub const MAX_TESTS: usize = 5000;

/// The only version of the format.
const VERSION: i64 = 1;

/// The longest `max_age_seconds`: a year. Because a longer one is a typing error and no demand.
const MAX_STEP_UP_AGE_SECONDS: i64 = 31_536_000;

/// What becomes of the rows of `[[test]]`. A function, so that a Worker, which leaves them out, has no code for them.
pub(super) type Rows =
    for<'d, 't> fn(Source<'t>, Placed<'d, 't>) -> Result<Vec<TestRow>, PolicyError>;

/// Whoever runs them needs them.
pub(super) fn all_rows<'t>(
    source: Source<'t>,
    value: Placed<'_, 't>,
) -> Result<Vec<TestRow>, PolicyError> {
    each(source, value, |source, row| {
        TestRow::read(source, RawTest::read(source, row)?)
    })
}

/// Whoever decides does not.
pub(super) fn no_rows<'t>(_: Source<'t>, _: Placed<'_, 't>) -> Result<Vec<TestRow>, PolicyError> {
    Ok(Vec::new())
}

struct RawPolicy<'d> {
    version: Spanned<i64>,
    gate: RawSettings<'d>,
    limits: Limits,
    route: Vec<RawRoute<'d>>,
    test: Vec<TestRow>,
}

#[derive(Default)]
struct RawSettings<'d> {
    signed_in_home: Option<Spanned<&'d str>>,
    missing_role: Option<Spanned<&'d str>>,
    step_up_page: Option<Spanned<&'d str>>,
    locales: Vec<Spanned<&'d str>>,
    origins: Vec<Spanned<&'d str>>,
    cors: Option<RawCors<'d>>,
    revocation: RawRevocation<'d>,
    admin_addresses: Arc<[AddressRange]>,
}

struct RawRoute<'d> {
    path: Spanned<&'d str>,
    allow: Option<Spanned<&'d str>>,
    methods: Option<Spanned<Vec<&'d str>>>,
    host: Option<Spanned<&'d str>>,
    roles: Option<Spanned<Vec<&'d str>>>,
    scopes: Option<Spanned<Vec<&'d str>>>,
    machine: Option<bool>,
    step_up: Option<Spanned<RawStepUp<'d>>>,
    manner: RawManner<'d>,
    bounds: Option<Box<Bounds>>,
    revocation: Option<Spanned<&'d str>>,
}

struct RawStepUp<'d> {
    max_age_seconds: Option<i64>,
    amr: Option<Vec<&'d str>>,
}

impl<'d> RawPolicy<'d> {
    fn read<'t>(
        source: Source<'t>,
        document: &'d Spanned<DeTable<'t>>,
        rows: Rows,
    ) -> Result<Self, PolicyError> {
        let section = Section::whole(source, document, tables::POLICY)?;
        let limits =
            section.optional("limit", |source, value| Limits::read(source, Some(value)))?;
        let limits = match limits {
            Some(limits) => limits,
            None => Limits::read(source, None)?,
        };
        let gate = section.optional("gate", RawSettings::read)?;
        let gate = gate.unwrap_or_default();
        let route = |source, value| RawRoute::read(source, value, &limits, &gate.admin_addresses);
        let routes = |source, value| each(source, value, route);
        let route = section.optional("route", routes)?.unwrap_or_default();
        Ok(Self {
            version: section.required("version", integer)?,
            gate,
            limits,
            route,
            test: section.optional("test", rows)?.unwrap_or_default(),
        })
    }
}

impl<'d> RawSettings<'d> {
    fn read<'t>(source: Source<'t>, value: Placed<'d, 't>) -> Result<Self, PolicyError> {
        let section = Section::of(source, value, tables::GATE)?;
        Ok(Self {
            signed_in_home: section.optional("signed_in_home", string)?,
            missing_role: section.optional("missing_role", string)?,
            step_up_page: section.optional("step_up_page", string)?,
            locales: section
                .optional("locales", each_string)?
                .unwrap_or_default(),
            origins: section
                .optional("origins", each_string)?
                .unwrap_or_default(),
            cors: section.optional("cors", RawCors::read)?,
            revocation: RawRevocation {
                mode: section.optional("revocation", string)?,
                within_seconds: section.optional("revocation_within_seconds", integer)?,
            },
            admin_addresses: section
                .optional("admin_addresses", |source, value| {
                    bounds::ranges(source, "admin_addresses", value)
                })?
                .unwrap_or_default(),
        })
    }
}

impl<'d> RawRoute<'d> {
    fn read<'t>(
        source: Source<'t>,
        value: Placed<'d, 't>,
        limits: &Limits,
        admin_addresses: &Arc<[AddressRange]>,
    ) -> Result<Self, PolicyError> {
        let section = Section::of(source, value, tables::ROUTE)?;
        Ok(Self {
            path: section.required("path", string)?,
            allow: section.optional("allow", string)?,
            methods: section.optional("methods", strings)?,
            host: section.optional("host", string)?,
            roles: section.optional("roles", strings)?,
            scopes: section.optional("scopes", strings)?,
            machine: section.optional("machine", boolean)?,
            step_up: section.optional("step_up", RawStepUp::read)?,
            manner: RawManner::read(&section)?,
            bounds: Bounds::read(source, &section, limits, admin_addresses)?,
            revocation: section.optional("revocation", string)?,
        })
    }
}

impl<'d> RawStepUp<'d> {
    fn read<'t>(source: Source<'t>, value: Placed<'d, 't>) -> Result<Spanned<Self>, PolicyError> {
        let section = Section::of(source, value, tables::STEP_UP)?;
        let max_age_seconds = section.optional("max_age_seconds", integer)?;
        let amr = section.optional("amr", strings)?;
        let step_up = Self {
            max_age_seconds: max_age_seconds.map(Spanned::into_inner),
            amr: amr.map(Spanned::into_inner),
        };
        Ok(Spanned::new(value.span(), step_up))
    }
}

#[cold]
pub(super) fn read(text: &str, rows: Rows) -> Result<Policy, PolicyError> {
    let whole = |message: String| PolicyError {
        line: None,
        key: None,
        message,
    };
    if text.len() > MAX_POLICY_BYTES {
        return Err(whole(format!(
            "the policy is longer than {MAX_POLICY_BYTES} bytes"
        )));
    }
    let line_ends = line_ends(text);
    let source = Source::new(text, &line_ends);
    let document = source.document()?;
    let raw = RawPolicy::read(source, &document, rows)?;
    if *raw.version.get_ref() != VERSION {
        return Err(source.error(
            &raw.version,
            "version",
            format!("this gate reads version {VERSION}"),
        ));
    }
    if raw.route.len() > MAX_ROUTES || raw.test.len() > MAX_TESTS {
        return Err(whole(format!(
            "more than {MAX_ROUTES} routes or {MAX_TESTS} tests"
        )));
    }
    let mut gate = raw.gate;
    let cors = match gate.cors.take() {
        Some(cors) => Some(Arc::new(cors.settle(source)?)),
        None => None,
    };
    let regard = Regard::read(source, &gate.revocation)?;
    let settings = settings(source, gate, regard.default)?;
    // The most specific first. Only rules of one group can tie.
    let mut groups: Vec<Group> = Vec::new();
    for route in raw.route {
        let new = rule(source, route, &settings, cors.as_ref(), regard)?;
        let specificity = new.specificity();
        let place = groups.partition_point(|group| group.specificity > specificity);
        if groups
            .get(place)
            .is_none_or(|group| group.specificity != specificity)
        {
            groups.insert(place, Group::of(specificity));
        }
        if let Some(group) = groups.get_mut(place) {
            group.take(new)?;
        }
    }
    let rules: Vec<Rule> = groups.into_iter().flat_map(|group| group.rules).collect();
    let index = |spelling: Spelling| {
        let mut index = Index::default();
        for (number, rule) in rules.iter().enumerate() {
            index.insert(number, &rule.pattern, rule.host.as_ref(), spelling);
        }
        index
    };
    let (exact, folded) = (index(Spelling::Exact), index(Spelling::Folded));
    Ok(Policy {
        settings,
        limits: raw.limits,
        rules,
        exact,
        folded,
        tests: raw.test,
    })
}

#[cold]
fn settings(
    source: Source<'_>,
    raw: RawSettings<'_>,
    default_revocation: Mode,
) -> Result<Settings, PolicyError> {
    let mut locales: Vec<String> = Vec::new();
    for locale in raw.locales {
        let text = locale.get_ref();
        let is_tag = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_tag || locales.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            let message = format!(
                "\"{text}\" is not a language tag like \"de\" or \"pt-BR\", or is listed twice"
            );
            return Err(source.error(&locale, "locales", message));
        }
        locales.push((*text).to_owned());
    }
    Ok(Settings {
        signed_in_home: manner::page(source, "signed_in_home", raw.signed_in_home)?
            .unwrap_or_else(|| "/".to_owned()),
        missing_role: manner::page(source, "missing_role", raw.missing_role)?,
        step_up_page: manner::page(source, "step_up_page", raw.step_up_page)?,
        locales,
        origins: manner::origins(source, "origins", raw.origins)?,
        admin_addresses: raw.admin_addresses,
        revocation: default_revocation,
    })
}

#[cold]
fn rule(
    source: Source<'_>,
    mut raw: RawRoute<'_>,
    settings: &Settings,
    cors: Option<&Arc<Cors>>,
    regard: Regard,
) -> Result<Rule, PolicyError> {
    let pattern = Pattern::parse(raw.path.get_ref())
        .map_err(|message| source.error(&raw.path, "path", message))?;
    if let Some(first) = pattern
        .first_literal()
        .filter(|first| settings.locales.iter().any(|locale| locale == first))
    {
        let message = format!(
            "\"{first}\" is a locale, and paths are judged without their locale: leave it out"
        );
        return Err(source.error(&raw.path, "path", message));
    }
    let rule_host = match &raw.host {
        None => None,
        Some(text) => Some(host(source, text)?),
    };
    let methods = match &raw.methods {
        None => None,
        Some(list) => Some(words(
            source,
            "methods",
            list,
            "an upper-case method like GET",
            is_method,
        )?),
    };
    let line = source.line(&raw.path);
    let manner = core::mem::take(&mut raw.manner);
    let bounds = raw.bounds.take();
    let revocation = regard.of(source, raw.revocation.as_ref())?;
    let demand = demand(source, raw)?;
    Ok(Rule {
        manner: manner.settle(source, demand == Demand::Public, cors)?,
        line,
        pattern,
        host: rule_host,
        methods,
        revocation,
        demand,
        bounds,
    })
}

#[cold]
fn demand(source: Source<'_>, raw: RawRoute) -> Result<Demand, PolicyError> {
    let no_conditions = raw.roles.is_none()
        && raw.scopes.is_none()
        && raw.machine.is_none()
        && raw.step_up.is_none();
    match raw.allow.as_ref().map(|allow| (allow, *allow.get_ref())) {
        Some((_, "public")) if no_conditions => return Ok(Demand::Public),
        Some((allow, "public")) => {
            return Err(source.error(
                allow,
                "allow",
                "\"public\" contradicts the rule's other demands; leave one out",
            ));
        }
        Some((_, "signed-in")) => {}
        Some((allow, other)) => {
            return Err(source.error(
                allow,
                "allow",
                format!("\"{other}\" is neither \"public\" nor \"signed-in\""),
            ));
        }
        None if no_conditions => {
            let message = "the rule does not say who may pass: write allow = \"public\" or \"signed-in\", or roles, scopes, \
                           machine or step_up";
            return Err(source.error(&raw.path, "allow", message));
        }
        None => {}
    }
    let list = |key: &str,
                value: Option<&Spanned<Vec<&str>>>,
                what: &str,
                accepts: fn(&str) -> bool| match value {
        None => Ok(Vec::new()),
        Some(value) => words(source, key, value, what, accepts),
    };
    let step_up = match &raw.step_up {
        None => None,
        Some(value) => Some(step_up(source, value)?),
    };
    let machine = raw.machine;
    if let (Some(place), Some(true), Some(_)) = (&raw.step_up, machine, &step_up) {
        return Err(source.error(
            place,
            "step_up",
            "a service has no sign-in to repeat: leave out machine or step_up",
        ));
    }
    Ok(Demand::SignedIn(Conditions {
        roles: list(
            "roles",
            raw.roles.as_ref(),
            "a role without blanks and commas",
            is_role,
        )?,
        scopes: list(
            "scopes",
            raw.scopes.as_ref(),
            "a scope token (RFC 6749, section 3.3)",
            is_scope,
        )?,
        machine,
        step_up,
    }))
}

#[cold]
fn step_up(source: Source<'_>, raw: &Spanned<RawStepUp<'_>>) -> Result<StepUp, PolicyError> {
    let refuse = |message: &str| Err(source.error(raw, "step_up", message));
    let RawStepUp {
        max_age_seconds,
        amr,
    } = raw.get_ref();
    if max_age_seconds.is_none() && amr.is_none() {
        return refuse("demands nothing: write max_age_seconds, amr or both");
    }
    if max_age_seconds.is_some_and(|age| !(1..=MAX_STEP_UP_AGE_SECONDS).contains(&age)) {
        return refuse("max_age_seconds must lie between 1 and a year");
    }
    if amr
        .as_ref()
        .is_some_and(|amr| amr.is_empty() || !amr.iter().all(|method| is_scope(method)))
    {
        return refuse("amr must list methods of authentication like \"otp\" (RFC 8176)");
    }
    Ok(StepUp {
        max_age_seconds: max_age_seconds.and_then(|age| u32::try_from(age).ok()),
        amr: amr.as_deref().map(owned).unwrap_or_default(),
    })
}

#[inline(never)]
fn words(
    source: Source<'_>,
    key: &str,
    list: &Spanned<Vec<&str>>,
    what: &str,
    accepts: fn(&str) -> bool,
) -> Result<Vec<String>, PolicyError> {
    let words = list.get_ref();
    if words.is_empty() {
        return Err(source.error(
            list,
            key,
            "the list is empty, so nobody would pass: fill it or leave it out",
        ));
    }
    if let Some(bad) = words.iter().find(|word| !accepts(word)) {
        return Err(source.error(list, key, format!("\"{bad}\" is not {what}")));
    }
    Ok(owned(words))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A method that a rule may speak about. Others are nobody's: what stands behind the gate may read `post` as `POST`, and
/// then the rule for POST was not asked.
pub(super) fn is_method(word: &str) -> bool {
    let is_token = !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    is_token && !matches!(word, "CONNECT" | "TRACE" | "TRACK")
}

fn is_role(word: &str) -> bool {
    !word.is_empty()
        && !word.chars().any(|character| {
            character.is_whitespace() || character.is_control() || character == ','
        })
}

/// RFC 6749, section 3.3: no quotation mark and no backslash, so it can stand in a quoted string as it is.
fn is_scope(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
