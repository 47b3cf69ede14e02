//! What a policy says about addresses and about how often: `[limit.NAME]`, `admin_addresses` of the gate, and the keys `limit` and
//! `addresses` of a route.
//!
//! The issuer's paths are not judged by the policy, but limits hold for them ([`Limits::of_issuer`]): narrow ones where a request is
//! costly or a secret can be guessed, a wide one elsewhere, and one for each who is signed in. They are there without configuration; a
//! `[limit]` of their name takes their place.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use toml::Spanned;

use super::document::{Placed, Section, Source, each_string, integer, named, string, strings};
use super::tables;
use super::{Policy, PolicyError, Rule};
use crate::gate::client::{AddressRange, Client};
use crate::gate::limit::{By, Limit};
use crate::gate::path::CanonicalPath;
use crate::gate::territory::is_for_administrators;
use crate::origin::is_unsafe;

/// The most limits of a policy. Because each has a table in the memory of each isolate.
pub const MAX_LIMITS: usize = 32;

/// The most ranges of addresses of one route. Because each request for it is compared with all of them.
pub const MAX_ADDRESSES: usize = 256;

/// The largest `requests`. Because a larger one is no limit.
const MAX_REQUESTS: u32 = 100_000;

/// The longest `within_seconds`: an hour. Because isolates seldom live longer, and their counts end with them.
const MAX_WITHIN_SECONDS: u32 = 3600;

/// What a route writes in place of its own list for the one of administrators.
const ADMIN: &str = "admin";

/// The longest name. Because it is a part of a binding's name.
const MAX_NAME_LENGTH: usize = 32;

/// The limits of the issuer's paths: name, requests, seconds, and by what. Three, five and ten times what the issuer itself grants an
/// address or a session by default: the issuer's own limits, which are exact and know the session, shall decide about people, and a
/// flood shall end here. The widest is for pages with all that they load, which many behind one address may open at once.
const OF_ISSUER: [(&str, u32, u32, By); 4] = [
    (SIGN_IN, 30, 60, By::Address),
    (REFRESH, 600, 60, By::Address),
    (ISSUER, 1200, 60, By::Address),
    (ISSUER_IDENTITY, 600, 60, By::Identity),
];
const SIGN_IN: &str = "sign-in";
/// A refresh that an edge makes for a browser takes a turn of it too.
pub(in crate::gate) const REFRESH: &str = "refresh";
const ISSUER: &str = "issuer";
const ISSUER_IDENTITY: &str = "issuer-identity";

/// From where, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::gate) struct Bounds {
    /// From these addresses only; empty is from everywhere. Shared, because many routes may name the list of administrators.
    pub(in crate::gate) addresses: Arc<[AddressRange]>,
    /// So often, before anybody looks at who asks.
    pub(in crate::gate) by_address: Option<Arc<Limit>>,
    /// So often, when it is known who asks.
    pub(in crate::gate) by_identity: Option<Arc<Limit>>,
}

impl Rule {
    /// From where and how often, where the rule says it.
    pub(in crate::gate) fn bounds(&self) -> Option<&Bounds> {
        self.bounds.as_deref()
    }

    /// From where anybody may ask; empty is from everywhere.
    pub(in crate::gate) fn addresses(&self) -> &[AddressRange] {
        self.bounds().map_or(&[], |bounds| &bounds.addresses)
    }

    /// Whether a client there may ask at all.
    pub(in crate::gate) fn admits(&self, client: Client) -> bool {
        client.is_among(self.addresses())
    }
}

impl Policy {
    /// From where anybody may ask for a path of the issuer; empty is from everywhere.
    pub(in crate::gate) fn addresses_of_issuer(&self, path: &CanonicalPath) -> &[AddressRange] {
        if is_for_administrators(path) {
            &self.settings().admin_addresses
        } else {
            &[]
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

    /// The limit of refreshes, asked for by a browser or by an edge in its place.
    pub(in crate::gate) fn of_refresh(&self) -> Option<&Arc<Limit>> {
        self.named(REFRESH)
    }

    fn named(&self, name: &str) -> Option<&Arc<Limit>> {
        self.0.iter().find(|limit| limit.name == name)
    }

    /// The limits that hold for a request to the issuer: by address, and by identity.
    pub(in crate::gate) fn of_issuer(
        &self,
        path: &CanonicalPath,
        method: &str,
    ) -> [Option<&Arc<Limit>>; 2] {
        let mut segments = path.without_locale(&[]).split('/').skip(1);
        let (first, second) = (segments.next(), segments.next().unwrap_or_default());
        let by_address = match (first, second) {
            // Any page can make its visitors' browsers ask for these; nothing is guessed so, and it shall keep nobody from signing in.
            _ if !is_unsafe(method) => ISSUER,
            (Some("auth"), "login" | "register" | "password" | "step-up") => SIGN_IN,
            (Some("auth"), "refresh") => REFRESH,
            _ => ISSUER,
        };
        let by_identity = match (first, second) {
            // Who signs in is nobody yet, and what everybody gets alike is worth no look at a token.
            (Some("auth"), "login" | "register" | "assets") => None,
            // Whoever holds a copy of somebody's token can use up their turns, and must not keep them from ending their sessions, nor from
            // what that takes.
            (Some("auth"), "logout" | "logout-all" | "csrf" | "refresh" | "sessions")
            | (Some("account"), "sign-out" | "sessions") => None,
            (Some("auth" | "account" | "oauth"), _) => self.named(ISSUER_IDENTITY),
            _ => None,
        };
        [self.named(by_address), by_identity]
    }
}

impl Limits {
    /// Reads `[limit]`, if it is there.
    #[cold]
    pub(super) fn read<'t>(
        source: Source<'t>,
        value: Option<Placed<'_, 't>>,
    ) -> Result<Self, PolicyError> {
        let mut limits = Self(Vec::new());
        if let Some(value) = value {
            for (name, value) in named(source, value)? {
                let limit = limit(source, &name, value, limits.0.len())?;
                limits.add(limit);
            }
        }
        for (name, requests, within_seconds, by) in OF_ISSUER {
            if limits.named(name).is_none() {
                limits.add(Limit {
                    number: limits.0.len(),
                    name: name.to_owned(),
                    requests,
                    within_seconds,
                    by,
                });
            }
        }
        Ok(limits)
    }

    #[inline(never)]
    fn add(&mut self, limit: Limit) {
        self.0.push(Arc::new(limit));
    }
}

#[cold]
fn limit<'t>(
    source: Source<'t>,
    name: &Spanned<&str>,
    value: Placed<'_, 't>,
    number: usize,
) -> Result<Limit, PolicyError> {
    let section = Section::of(source, value, tables::LIMIT)?;
    let requests = number_up_to(source, &section, "requests", MAX_REQUESTS)?;
    let within_seconds = number_up_to(source, &section, "within_seconds", MAX_WITHIN_SECONDS)?;
    let word = section.required("by", string)?;
    let own = OF_ISSUER.iter().find(|(own, ..)| own == name.get_ref());
    let by = [By::Address, By::Identity]
        .into_iter()
        .find(|by| by.name() == *word.get_ref())
        // What the issuer's paths are counted by is not for the policy to change.
        .filter(|by| own.is_none_or(|(_, _, _, own)| own == by));
    let Some(by) = by else {
        let message = match own {
            Some((_, _, _, By::Identity)) => "must be \"identity\"",
            Some(_) | None => "must be \"address\", or \"identity\" for a limit of the app",
        };
        return Err(source.error(&word, "by", message));
    };
    let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let name_length = name.get_ref().len();
    if !(1..=MAX_NAME_LENGTH).contains(&name_length)
        || !name.get_ref().bytes().all(is_name)
        || number >= MAX_LIMITS
    {
        let message = format!(
            "the name must be 1 to {MAX_NAME_LENGTH} of a-z, 0-9 and -, of at most {MAX_LIMITS}"
        );
        return Err(source.error(name, "limit", message));
    }
    Ok(Limit {
        number,
        name: (*name.get_ref()).to_owned(),
        requests,
        within_seconds,
        by,
    })
}

#[cold]
#[inline(never)]
fn number_up_to<'t>(
    source: Source<'t>,
    section: &Section<'_, 't>,
    key: &str,
    most: u32,
) -> Result<u32, PolicyError> {
    let place = section.required(key, integer)?;
    match u32::try_from(*place.get_ref()) {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(source.error(&place, key, format!("must be 1 to {most}"))),
    }
}

impl Bounds {
    /// Reads the keys of a route.
    #[cold]
    pub(super) fn read<'t>(
        source: Source<'t>,
        section: &Section<'_, 't>,
        limits: &Limits,
        admin_addresses: &Arc<[AddressRange]>,
    ) -> Result<Option<Box<Self>>, PolicyError> {
        if section.at("limit").is_none() && section.at("addresses").is_none() {
            return Ok(None);
        }
        let mut bounds = Self::default();
        let names = match section.at("limit") {
            Some(list) if list.get_ref().is_array() => each_string(source, list)?,
            Some(one) => vec![string(source, one)?],
            None => Vec::new(),
        };
        for name in names {
            let Some(limit) = limits.named(name.get_ref()) else {
                let message = format!("there is no [limit.{}]", name.get_ref());
                return Err(source.error(&name, "limit", message));
            };
            let place = match limit.by {
                By::Address => &mut bounds.by_address,
                By::Identity => &mut bounds.by_identity,
            };
            if place.is_some() {
                let message = "one by address and one by identity at most";
                return Err(source.error(&name, "limit", message));
            }
            *place = Some(Arc::clone(limit));
        }
        bounds.addresses = match section.at("addresses") {
            None => Arc::default(),
            Some(word) if word.get_ref().as_str() == Some(ADMIN) => {
                if admin_addresses.is_empty() {
                    let message = "[gate] has no admin_addresses";
                    return Err(source.error(word, "addresses", message));
                }
                Arc::clone(admin_addresses)
            }
            Some(list) => ranges(source, "addresses", list)?,
        };
        Ok(Some(Box::new(bounds)))
    }
}

/// Reads a list of addresses, which may not be empty: an empty one would look as if it closed what it leaves open.
#[cold]
#[inline(never)]
pub(super) fn ranges<'t>(
    source: Source<'t>,
    key: &str,
    value: Placed<'_, 't>,
) -> Result<Arc<[AddressRange]>, PolicyError> {
    let list = strings(source, value)?;
    let texts = list.get_ref();
    let read = texts.iter().map(|text| AddressRange::read(text));
    match read.collect::<Option<Vec<_>>>() {
        Some(ranges) if (1..=MAX_ADDRESSES).contains(&ranges.len()) => Ok(ranges.into()),
        Some(_) | None => {
            let message = format!(
                "must be 1 to {MAX_ADDRESSES} ranges like \"10.0.0.0/8\", with zeros behind the prefix"
            );
            Err(source.error(&list, key, message))
        }
    }
}
