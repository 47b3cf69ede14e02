//! The route policy: the rules of `gate.toml`, which of them speaks about a request, and why.
//!
//! The most specific rule that covers path, host and method decides, whatever its place in the file; nothing covers it,
//! nothing passes. [`Specificity`] is a total order, and two rules of equal specificity that could meet are an error
//! when the policy is read, so a request never depends on the order of lines. A path is judged without its locale and
//! without a trailing slash. A rule without `methods` speaks about every method in capitals except CONNECT, TRACE and
//! TRACK; a rule without `host` speaks about every host that can be read as one.
//!
//! A path that some applications take for a protected one is denied, whatever broad rule covers it: see [`lookalike`].
//!
//! A policy that cannot be read is a value too ([`PolicyState::Broken`]): it refuses everything and says why.

mod bounds;
mod document;
mod group;
mod host;
mod index;
mod lookalike;
mod manner;
mod read;
mod regard;
mod tables;
mod test_rows;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bounds::{Bounds, Limits};
use host::Host;
use index::{Covering, Index};
pub(super) use manner::Manner;

use super::client::AddressRange;
use super::limit::Limit;
use super::path::{CanonicalPath, decoded_segments};
use super::pattern::{Pattern, Specificity};
use crate::revocation::Mode;

pub(super) use bounds::REFRESH;
pub use bounds::{MAX_ADDRESSES, MAX_LIMITS};
pub use read::{MAX_POLICY_BYTES, MAX_ROUTES, MAX_TESTS};
pub use tables::TABLES;
pub(super) use test_rows::TestRow;

/// A policy that was read and makes sense.
#[derive(Clone, Debug)]
pub struct Policy {
    settings: Settings,
    limits: Limits,
    /// The most specific first, so that the first that covers a request decides.
    rules: Vec<Rule>,
    /// Finds among them.
    exact: Index,
    folded: Index,
    tests: Vec<TestRow>,
}

/// A policy, or the reason why there is none. Broken refuses every request with 503 `POLICY_INVALID`.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one of them, and it stays where it is; with small pointers it is not even large"
)]
pub enum PolicyState {
    /// Requests are judged.
    Ready(Policy),
    /// Everything is refused; the error belongs in the log and not in an answer.
    Broken(PolicyError),
}

impl PolicyState {
    /// Reads a policy; what cannot be read refuses everything.
    #[must_use]
    pub fn parse(toml: &str) -> Self {
        Policy::parse(toml).map_or_else(Self::Broken, Self::Ready)
    }
}

/// Why a policy cannot be used, for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The line of the policy file, counted from 1, where there is one to point at.
    pub line: Option<usize>,
    /// The key that is wrong, for example `roles`.
    pub key: Option<String>,
    /// What is wrong and, where it helps, what to write instead.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(out, "line {line}: ")?;
        }
        if let Some(key) = &self.key {
            write!(out, "{key}: ")?;
        }
        out.write_str(&self.message)
    }
}

impl core::error::Error for PolicyError {}

/// What `amr` calls a sign-in by password (RFC 8176, section 2).
const PASSWORD: &str = "pwd";

/// The section `[gate]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where a signed-in person is led from `/login` and `/register`. `/` unless set.
    pub signed_in_home: String,
    /// Where a person is led who lacks a role; without it they get 403.
    pub missing_role: Option<String>,
    /// Where a person is led who must confirm their identity. Without it that is the issuer's own page, for rules that a password
    /// meets; elsewhere they get the challenge of RFC 9470.
    pub step_up_page: Option<String>,
    /// First segments that only choose a language.
    pub locales: Vec<String>,
    /// Origins beside the site's own whose pages may act with a visitor's cookies.
    pub origins: Vec<String>,
    /// From where anybody may ask for what is for administrators: the issuer's resources and pages, and routes that name this list.
    /// Empty is from everywhere.
    pub admin_addresses: Arc<[AddressRange]>,
    /// How current the feed of ended sessions must be where a rule does not say it. `bounded` unless set.
    pub revocation: Mode,
}

/// One `[[route]]`.
#[derive(Clone, Debug)]
pub struct Rule {
    pattern: Pattern,
    line: usize,
    host: Option<Host>,
    methods: Option<Vec<String>>,
    demand: Demand,
    manner: Manner,
    /// Most rules have none, and are the smaller for it.
    bounds: Option<Box<Bounds>>,
    revocation: Mode,
}

/// Whom a rule lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Public,
    SignedIn(Conditions),
}

/// What a signed-in caller must bring besides; all of it must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    /// Any of these; empty demands none.
    pub(super) roles: Vec<String>,
    /// All of these.
    pub(super) scopes: Vec<String>,
    /// `Some(true)`: only services. `Some(false)`: only people.
    pub(super) machine: Option<bool>,
    pub(super) step_up: Option<StepUp>,
}

/// How fresh and how strong the sign-in must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// The greatest age of `auth_time`, in seconds.
    pub max_age_seconds: Option<u32>,
    /// Any of these methods of authentication (RFC 8176) must be among the token's `amr`; empty demands none.
    pub amr: Vec<String>,
}

impl StepUp {
    /// Whether a sign-in of this moment by password is enough.
    pub(super) fn is_met_by_password(&self) -> bool {
        self.amr.is_empty() || self.amr.iter().any(|method| method == PASSWORD)
    }
}

/// What the policy has to say about a request.
pub(super) enum Found<'p> {
    Rule(&'p Rule),
    /// The request resembles one that `protected` guards.
    Lookalike {
        protected: &'p Rule,
    },
    Nothing,
}

/// What of a request the rule is chosen by.
#[derive(Clone, Copy)]
pub(super) struct Asked<'r> {
    pub(super) path: &'r CanonicalPath,
    pub(super) method: &'r str,
    /// Empty is none in particular, for explanations.
    pub(super) host: &'r str,
    pub(super) opens_websocket: bool,
}

impl<'r> Asked<'r> {
    /// By a request that opens no WebSocket.
    pub(super) const fn page(path: &'r CanonicalPath, method: &'r str, host: &'r str) -> Self {
        Self {
            path,
            method,
            host,
            opens_websocket: false,
        }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line: bad TOML, an unknown key, a value that makes no sense, or two
    /// rules of equal specificity that can both speak about one request.
    pub fn parse(toml: &str) -> Result<Self, PolicyError> {
        read::read(toml, read::all_rows)
    }

    /// Reads a policy to decide by. What stands in its `[[test]]` rows is not looked at: it changes no decision, and is for
    /// whoever checks the policy before.
    ///
    /// # Errors
    /// As [`Self::parse`], but for the rows.
    pub fn parse_without_tests(toml: &str) -> Result<Self, PolicyError> {
        read::read(toml, read::no_rows)
    }

    /// The rules, the most specific first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The section `[gate]`.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The limits, those of the issuer's paths among them; each stands at its number.
    #[must_use]
    pub fn limits(&self) -> &[Arc<Limit>] {
        self.limits.all()
    }

    /// The limits that hold for a request to the issuer: by address, and by identity.
    pub(super) fn limits_of_issuer(
        &self,
        path: &CanonicalPath,
        method: &str,
    ) -> [Option<&Arc<Limit>>; 2] {
        self.limits.of_issuer(path, method)
    }

    /// The limit that holds for refreshes.
    pub(super) fn limit_of_refresh(&self) -> Option<&Arc<Limit>> {
        self.limits.of_refresh()
    }

    pub(super) fn tests(&self) -> &[TestRow] {
        &self.tests
    }

    /// The rule that decides, unless the path is a look-alike of something protected.
    pub(super) fn find(&self, asked: &Asked<'_>) -> Found<'_> {
        // Whoever reads it next may find in it the host of a rule that was not asked.
        if !asked.host.is_empty() && Host::read(asked.host).is_none() {
            return Found::Nothing;
        }
        // Nothing covers it: it is denied anyway.
        let Some(decider) = self.candidates(asked).next() else {
            return Found::Nothing;
        };
        match self.guarded_twin(asked, decider) {
            Some(protected) => Found::Lookalike { protected },
            None => Found::Rule(decider),
        }
    }

    /// All rules that cover the request, the most specific first.
    pub(super) fn candidates(&self, asked: &Asked<'_>) -> impl Iterator<Item = &Rule> {
        let segments = decoded_segments(asked.path.without_locale(&self.settings.locales));
        let covering = self
            .exact
            .covering(&segments, Host::read(asked.host).as_ref());
        self.concerning(covering, asked.method)
    }

    /// Those of the rules with these numbers that speak about the method.
    fn concerning<'p>(
        &'p self,
        numbers: Covering<'p>,
        method: &str,
    ) -> impl Iterator<Item = &'p Rule> {
        let rules = numbers.filter_map(|at| self.rules.get(at));
        rules.filter(move |rule| rule.concerns(method))
    }
}

impl Rule {
    /// The path pattern as written.
    #[must_use]
    pub fn path(&self) -> &str {
        self.pattern.as_str()
    }

    /// The line of the policy file on which the rule's `path` stands.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Whether anybody passes.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self.demand, Demand::Public)
    }

    /// How narrowly the rule speaks.
    #[must_use]
    pub fn specificity(&self) -> Specificity {
        self.specificity_without(&(0..0))
    }

    /// How narrowly the rule speaks of a path, these of whose segments say nothing.
    fn specificity_without(&self, left_out: &Range<usize>) -> Specificity {
        Specificity {
            host: self
                .host
                .as_ref()
                .map_or(0, |host| if host.port.is_some() { 2 } else { 1 }),
            methods: self.methods.is_some(),
            ..self.pattern.specificity_without(left_out)
        }
    }

    /// How current the feed of ended sessions must be for a caller with a token.
    #[must_use]
    pub const fn revocation(&self) -> Mode {
        self.revocation
    }

    pub(super) const fn demand(&self) -> &Demand {
        &self.demand
    }

    pub(super) const fn manner(&self) -> &Manner {
        &self.manner
    }

    /// Whether the rule speaks about this method.
    fn concerns(&self, method: &str) -> bool {
        match &self.methods {
            None => read::is_method(method),
            Some(methods) => methods
                .iter()
                .any(|listed| listed == method || (listed == "GET" && method == "HEAD")),
        }
    }

    /// Whether some request is covered by both, with neither being more specific.
    fn ties_with(&self, other: &Self) -> bool {
        let methods_meet = match (&self.methods, &other.methods) {
            (Some(mine), Some(theirs)) => mine.iter().any(|method| {
                theirs.iter().any(|other| {
                    method == other
                        || is_get_and_head(method, other)
                        || is_get_and_head(other, method)
                })
            }),
            (None, _) | (_, None) => true,
        };
        let hosts_meet = match (&self.host, &other.host) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, _) | (_, None) => true,
        };
        self.specificity() == other.specificity()
            && methods_meet
            && hosts_meet
            && self.pattern.meets(&other.pattern)
    }
}

fn is_get_and_head(one: &str, other: &str) -> bool {
    one == "GET" && other == "HEAD"
}

/// For people: `GET|POST app.example.com/admin/** (line 12): role admin`.
impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(methods) = &self.methods {
            write!(out, "{} ", methods.join("|"))?;
        }
        if let Some(host) = &self.host {
            write!(out, "{host}")?;
        }
        write!(out, "{} (line {}): {}", self.path(), self.line, self.demand)?;
        if self.manner.demands_csrf_token {
            out.write_str(", CSRF token")?;
        }
        if self.revocation == Mode::default() {
            return Ok(());
        }
        write!(out, ", revocation {}", self.revocation)
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::SignedIn(conditions) = self else {
            return out.write_str("public");
        };
        let mut parts: Vec<String> = Vec::new();
        match conditions.machine {
            Some(true) => parts.push("services only".to_string()),
            Some(false) => parts.push("people only".to_string()),
            None => {}
        }
        if !conditions.roles.is_empty() {
            parts.push(format!("role {}", conditions.roles.join(" or ")));
        }
        if !conditions.scopes.is_empty() {
            parts.push(format!("scope {}", conditions.scopes.join(" and ")));
        }
        if let Some(step_up) = &conditions.step_up {
            if let Some(seconds) = step_up.max_age_seconds {
                parts.push(format!("signed in within {seconds} s"));
            }
            if !step_up.amr.is_empty() {
                parts.push(format!("by {}", step_up.amr.join(" or ")));
            }
        }
        if parts.is_empty() {
            out.write_str("signed-in")
        } else {
            out.write_str(&parts.join(", "))
        }
    }
}
