//! What a policy says about addresses and about how often: `[limit.NAME]`, and the keys `limit` and `addresses` of a route.
//!
//! The issuer's paths are not judged by the policy, but two limits hold for those on which a request is costly or a secret can be
//! guessed ([`Limits::of_issuer`]). They are there without configuration; a `[limit]` of their name takes their place.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use toml::Spanned;
use toml::de::DeValue;

use super::PolicyError;
use super::document::{Placed, Section, Source, entries, integer, string, strings};
use super::tables;
use crate::gate::client::{AddressRange, Client};
use crate::gate::limit::{By, Limit};
use crate::gate::path::CanonicalPath;
use crate::nearest::nearest;

/// The most limits of a policy. Because each has a table in the memory of each isolate.
pub const MAX_LIMITS: usize = 32;

/// The most ranges of addresses of one route. Because each request for it is compared with all of them.
pub const MAX_ADDRESSES: usize = 256;

/// The largest `requests`. Because a larger one is no limit.
const MAX_REQUESTS: i64 = 100_000;

/// The longest `within_seconds`: an hour. Because isolates seldom live longer, and their counts end with them.
const MAX_WITHIN_SECONDS: i64 = 3600;

/// The longest name. Because it is a part of a binding's name.
const MAX_NAME_LENGTH: usize = 32;

/// The limits of the issuer's paths: name, requests, seconds. Three times and five times what the issuer itself grants an address
/// by default: the issuer's own limits, which are exact and know the session, shall decide about people, and a flood shall end here.
const OF_ISSUER: [(&str, u32, u32); 2] = [(SIGN_IN, 30, 60), (REFRESH, 600, 60)];
const SIGN_IN: &str = "sign-in";
const REFRESH: &str = "refresh";

/// From where, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::gate) struct Bounds {
    /// From these addresses only; empty is from everywhere.
    pub(in crate::gate) addresses: Vec<AddressRange>,
    /// So often, before anybody looks at who asks.
    pub(in crate::gate) by_address: Option<Arc<Limit>>,
    /// So often, when it is known who asks.
    pub(in crate::gate) by_identity: Option<Arc<Limit>>,
}

impl Bounds {
    /// Whether a client there may ask at all. Where a list stands, nobody whose address is not known is on it.
    pub(in crate::gate) fn admit(&self, client: Client) -> bool {
        match client {
            _ if self.addresses.is_empty() => true,
            Client::At(address) => self.addresses.iter().any(|range| range.covers(address)),
            Client::Unnamed | Client::Untold | Client::OwnMachine => false,
        }
    }
}

/// All limits of a policy.
#[derive(Clone, Debug)]
pub(in crate::gate) struct Limits(Vec<Arc<Limit>>);

impl Limits {
    /// The limits, each at the place of its number.
    pub(in crate::gate) fn all(&self) -> &[Arc<Limit>] {
        &self.0
    }

    fn named(&self, name: &str) -> Option<&Arc<Limit>> {
        self.0.iter().find(|limit| limit.name == name)
    }

    /// The limit that holds for a path of the issuer.
    pub(in crate::gate) fn of_issuer(&self, path: &CanonicalPath) -> Option<&Arc<Limit>> {
        let below = path.without_locale(&[]).strip_prefix("/auth/")?;
        match below.split('/').next()? {
            "login" | "register" | "password" | "step-up" => self.named(SIGN_IN),
            "refresh" => self.named(REFRESH),
            _ => None,
        }
    }
}

/// `[limit]`.
#[derive(Default)]
pub(super) struct RawLimits<'d>(Vec<RawLimit<'d>>);

struct RawLimit<'d> {
    name: Spanned<&'d str>,
    requests: Spanned<i64>,
    within_seconds: Spanned<i64>,
    by: Spanned<&'d str>,
}

impl<'d> RawLimits<'d> {
    #[cold]
    pub(super) fn read<'t>(source: Source<'t>, value: Placed<'d, 't>) -> Result<Self, PolicyError> {
        let limit = |source, name, value| {
            let section = Section::of(source, value, tables::LIMIT)?;
            Ok(RawLimit {
                name,
                requests: section.required("requests", integer)?,
                within_seconds: section.required("within_seconds", integer)?,
                by: section.required("by", string)?,
            })
        };
        entries(source, value, limit).map(Self)
    }

    #[cold]
    pub(super) fn settle(self, source: Source<'_>) -> Result<Limits, PolicyError> {
        let mut limits = Limits(Vec::new());
        for raw in self.0 {
            let limit = raw.settle(source, limits.0.len())?;
            limits.0.push(Arc::new(limit));
        }
        for (name, requests, within_seconds) in OF_ISSUER {
            if limits.named(name).is_none() {
                limits.0.push(Arc::new(Limit {
                    number: limits.0.len(),
                    name: name.to_owned(),
                    requests,
                    within_seconds,
                    by: By::Address,
                }));
            }
        }
        Ok(limits)
    }
}

impl RawLimit<'_> {
    #[cold]
    fn settle(self, source: Source<'_>, number: usize) -> Result<Limit, PolicyError> {
        let name = *self.name.get_ref();
        let is_name = (1..=MAX_NAME_LENGTH).contains(&name.len())
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_name || number >= MAX_LIMITS {
            let message = format!(
                "\"{name}\": a name has 1 to {MAX_NAME_LENGTH} of a-z, 0-9 and -, and there are at most {MAX_LIMITS} limits"
            );
            return Err(source.error(&self.name, "limit", message));
        }
        let number_up_to = |key: &str, place: &Spanned<i64>, most: i64| {
            let number = u32::try_from(*place.get_ref()).ok();
            number
                .filter(|number| (1..=most).contains(&i64::from(*number)))
                .ok_or_else(|| source.error(place, key, format!("must be 1 to {most}")))
        };
        let Some(by) = By::named(self.by.get_ref()) else {
            return Err(none_of(
                source,
                &self.by,
                "by",
                self.by.get_ref(),
                &By::NAMES,
            ));
        };
        if by == By::Identity && OF_ISSUER.iter().any(|(own, ..)| *own == name) {
            let message = format!(
                "\"{name}\" holds for paths of the issuer, where the gate asks nobody who they are: it must be by \"address\""
            );
            return Err(source.error(&self.by, "by", message));
        }
        Ok(Limit {
            number,
            name: name.to_owned(),
            requests: number_up_to("requests", &self.requests, MAX_REQUESTS)?,
            within_seconds: number_up_to(
                "within_seconds",
                &self.within_seconds,
                MAX_WITHIN_SECONDS,
            )?,
            by,
        })
    }
}

/// The keys of a route.
#[derive(Default)]
pub(super) struct RawBounds<'d> {
    limit: Option<Spanned<Vec<&'d str>>>,
    addresses: Option<Spanned<Vec<&'d str>>>,
}

impl<'d> RawBounds<'d> {
    #[cold]
    pub(super) fn read<'t>(section: &Section<'d, 't>) -> Result<Self, PolicyError> {
        let one_or_more = |source: Source<'t>, value: Placed<'d, 't>| match value.get_ref() {
            DeValue::Array(_) => strings(source, value),
            _ => {
                string(source, value).map(|one| Spanned::new(value.span(), vec![one.into_inner()]))
            }
        };
        Ok(Self {
            limit: section.optional("limit", one_or_more)?,
            addresses: section.optional("addresses", strings)?,
        })
    }

    #[cold]
    pub(super) fn settle(self, source: Source<'_>, limits: &Limits) -> Result<Bounds, PolicyError> {
        let mut bounds = Bounds::default();
        if let Some(list) = &self.limit {
            for name in list.get_ref() {
                let Some(limit) = limits.named(name) else {
                    let known: Vec<&str> = limits.0.iter().map(|limit| limit.name()).collect();
                    return Err(none_of(source, list, "limit", name, &known));
                };
                let place = match limit.by {
                    By::Address => &mut bounds.by_address,
                    By::Identity => &mut bounds.by_identity,
                };
                if place.replace(Arc::clone(limit)).is_some() {
                    let message = format!("a route has one limit by {} at most", limit.by.name());
                    return Err(source.error(list, "limit", message));
                }
            }
        }
        if let Some(list) = &self.addresses {
            if !(1..=MAX_ADDRESSES).contains(&list.get_ref().len()) {
                let message = format!("list 1 to {MAX_ADDRESSES} ranges of addresses");
                return Err(source.error(list, "addresses", message));
            }
            for text in list.get_ref() {
                let Some(range) = AddressRange::read(text) else {
                    let message = format!(
                        "\"{text}\" is no range like \"10.0.0.0/8\" or \"2001:db8::/32\", with zeros behind the prefix"
                    );
                    return Err(source.error(list, "addresses", message));
                };
                bounds.addresses.push(range);
            }
        }
        Ok(bounds)
    }
}

#[cold]
fn none_of<T>(
    source: Source<'_>,
    place: &Spanned<T>,
    key: &str,
    word: &str,
    known: &[&str],
) -> PolicyError {
    let hint = nearest(word, known.iter().copied())
        .map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
    let message = format!("\"{word}\" is none of {}{hint}", known.join(", "));
    source.error(place, key, message)
}
