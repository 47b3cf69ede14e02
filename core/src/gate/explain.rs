//! What the policy would say, and why: for `edgeward policy explain` and for the `[[test]]` rows.
//!
//! The same rules are found by the same functions as in [`super::decide`], for an imagined caller. Nothing here makes
//! a `Permit`: an explanation lets nobody pass.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::client::{AddressRange, Client};
use super::limit::Limit;
use super::path::{CanonicalPath, PathRefusal};
use super::persona::Persona;
use super::policy::{Asked, Found, Policy, Rule, TestRow};
use super::subject::Standing;
use super::territory::Territory;
use crate::revocation::Mode;
use crate::time::UnixTime;

/// What a request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It passes.
    Allow,
    /// A person is led to the sign-in page.
    SignIn,
    /// 401: a program must bring a token.
    Unauthorized,
    /// 403, or the page for missing roles.
    Forbidden,
    /// 400 (an ambiguous path), 414 (one that is too long) or 405.
    BadRequest,
    /// 401 with the challenge of RFC 9470, or the step-up page.
    StepUp,
}

impl Outcome {
    /// All outcomes as a policy's `expect` writes them.
    pub const NAMES: [&'static str; 6] = [
        "allow",
        "sign-in",
        "unauthorized",
        "forbidden",
        "bad-request",
        "step-up",
    ];

    /// Reads one of [`Outcome::NAMES`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Allow,
            Self::SignIn,
            Self::Unauthorized,
            Self::Forbidden,
            Self::BadRequest,
            Self::StepUp,
        ]
        .into_iter()
        .find(|outcome| outcome.name() == name)
    }

    /// As a policy's `expect` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let [
            allow,
            sign_in,
            unauthorized,
            forbidden,
            bad_request,
            step_up,
        ] = Self::NAMES;
        match self {
            Self::Allow => allow,
            Self::SignIn => sign_in,
            Self::Unauthorized => unauthorized,
            Self::Forbidden => forbidden,
            Self::BadRequest => bad_request,
            Self::StepUp => step_up,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A rule that covers the request too and does not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LosingRule {
    /// Its path pattern.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// Why another rule decides.
    pub why: String,
}

/// What is decided about a request, and why. Its `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the request comes to.
    pub outcome: Outcome,
    /// The canonical path, which would be forwarded; `None` if the path is refused.
    pub forwarded_path: Option<String>,
    /// The path as it is judged: without locale and trailing slash.
    pub judged_path: Option<String>,
    /// The pattern of the deciding rule; `None` where no rule was asked or none covers the request.
    pub rule: Option<String>,
    /// The line of the deciding rule.
    pub line: Option<usize>,
    /// How current the feed of ended sessions must be for a caller with a token; `None` where the gate judges nobody.
    pub revocation: Option<Mode>,
    /// From where the deciding rule lets anybody ask; empty is from everywhere.
    pub addresses: Vec<AddressRange>,
    /// How often the same may ask. That is no part of the outcome, which is for somebody who asks for the first time.
    pub limits: Vec<Arc<Limit>>,
    /// One sentence: why it comes to this.
    pub reason: String,
    /// The other rules that cover the request, the most specific first.
    pub losing: Vec<LosingRule>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {}", self.outcome, self.reason)?;
        if let (Some(forwarded), Some(judged)) = (&self.forwarded_path, &self.judged_path) {
            writeln!(
                out,
                "  path: {forwarded}{}",
                if forwarded == judged {
                    String::new()
                } else {
                    format!(", judged as {judged}")
                }
            )?;
        }
        if let (Some(rule), Some(line)) = (&self.rule, self.line) {
            writeln!(out, "  decided by: {rule} (line {line})")?;
        }
        if let Some(mode) = self.revocation {
            writeln!(out, "  revocation: {mode}")?;
        }
        if !self.addresses.is_empty() {
            writeln!(out, "  addresses: {}", listed(&self.addresses))?;
        }
        for limit in &self.limits {
            writeln!(out, "  limit: {limit}")?;
        }
        for losing in &self.losing {
            writeln!(
                out,
                "  not by: {} (line {}): {}",
                losing.path, losing.line, losing.why
            )?;
        }
        Ok(())
    }
}

/// What became of one `[[test]]` row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// The line of the row's `request`.
    pub line: usize,
    /// Method and path as written.
    pub request: String,
    /// What the row expects.
    pub expected: Outcome,
    /// What the policy does, and why.
    pub explanation: Explanation,
}

impl TestOutcome {
    /// Whether the policy does what the row expects.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.explanation.outcome == self.expected
    }
}

/// What an explanation is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The method, in the case in which it would come.
    pub method: &'q str,
    /// The host; an empty one is none in particular.
    pub host: &'q str,
    /// Raw; it may carry a query, which is not judged.
    pub path: &'q str,
    /// Who asks.
    pub persona: &'q Persona,
    /// From where.
    pub client: Client,
    /// Whether a person loads a page.
    pub navigation: bool,
}

impl Policy {
    /// What the policy says about a call by `persona`, on no particular host. `path` is raw and may carry a query,
    /// which is not judged.
    #[must_use]
    pub fn explain(&self, method: &str, path: &str, persona: &Persona) -> Explanation {
        self.explain_at_host(method, "", path, persona)
    }

    /// As [`Policy::explain`], on a host.
    #[must_use]
    pub fn explain_at_host(
        &self,
        method: &str,
        host: &str,
        path: &str,
        persona: &Persona,
    ) -> Explanation {
        self.answer(&Question {
            method,
            host,
            path,
            persona,
            client: Client::Untold,
            navigation: false,
        })
    }

    /// Judges every `[[test]]` row, in the order of the file.
    #[must_use]
    pub fn run_tests(&self) -> Vec<TestOutcome> {
        let run = |row: &TestRow| TestOutcome {
            line: row.line,
            request: format!("{} {}", row.method, row.path),
            expected: row.expected,
            explanation: self.answer(&Question {
                method: &row.method,
                host: &row.host,
                path: &row.path,
                persona: &row.persona,
                client: row.client,
                navigation: row.navigation,
            }),
        };
        self.tests().iter().map(run).collect()
    }

    /// What the policy says about a request, and why.
    #[must_use]
    pub fn answer(&self, question: &Question<'_>) -> Explanation {
        let raw_path = question.path.split('?').next().unwrap_or_default();
        let path = match CanonicalPath::parse(raw_path) {
            Ok(path) => path,
            Err(refusal) => {
                let what = if refusal == PathRefusal::TooLong {
                    "the path is too long"
                } else if refusal == PathRefusal::NotAbsolute {
                    "the path does not begin with /"
                } else {
                    "the path is ambiguous"
                };
                let reason = format!("{what} ({refusal})");
                return without_rule(None, Outcome::BadRequest, reason);
            }
        };
        let told = |outcome, reason: &str| without_rule(Some(&path), outcome, reason.to_string());
        match Territory::of(&path) {
            Territory::App => self.answer_app(question, &path),
            Territory::Issuer | Territory::SignInPage => {
                let addresses = self.addresses_of_issuer(&path).to_vec();
                let (outcome, reason) = if question.client.is_among(&addresses) {
                    let reason = "the issuer owns this path and judges for itself".to_string();
                    (Outcome::Allow, reason)
                } else {
                    let reason = elsewhere(question.client, "administrators'", "administration");
                    (Outcome::Forbidden, reason)
                };
                let limits = self
                    .limits_of_issuer(&path, question.method)
                    .into_iter()
                    .flatten();
                Explanation {
                    addresses,
                    limits: limits.cloned().collect(),
                    ..without_rule(Some(&path), outcome, reason)
                }
            }
            Territory::VerifyToken if !matches!(question.method, "GET" | "HEAD") => told(
                Outcome::BadRequest,
                "the gate answers this path itself, GET and HEAD only",
            ),
            Territory::VerifyToken if question.persona.signed_in => Explanation {
                revocation: Some(Mode::Bounded),
                ..told(Outcome::Allow, "the gate answers this path itself")
            },
            Territory::VerifyToken => {
                told(Outcome::Unauthorized, "the gate answers this path itself")
            }
        }
    }

    fn answer_app(&self, question: &Question<'_>, path: &CanonicalPath) -> Explanation {
        let judged = path.without_locale(&self.settings().locales).to_string();
        let rule = match self.find(&Asked::page(path, question.method, question.host)) {
            Found::Rule(rule) => rule,
            Found::Nothing => {
                let with = match self.covers_by_another_method(question, path) {
                    Some(rule) => format!(
                        " with this method ({}, line {}, is for others)",
                        rule.path(),
                        rule.line()
                    ),
                    None => String::new(),
                };
                let reason = format!("no rule covers it{with}, and what no rule covers is denied");
                let mut told = without_rule(Some(path), Outcome::Forbidden, reason);
                told.judged_path = Some(judged);
                return told;
            }
            Found::Lookalike { protected } => {
                let reason =
                    format!("it is another spelling of what the rule {protected} protects");
                return self.told(question, path, protected, Outcome::Forbidden, reason);
            }
        };
        if !rule.admits(question.client) {
            let reason = elsewhere(question.client, "the rule's", "the rule");
            return self.told(question, path, rule, Outcome::Forbidden, reason);
        }
        let is_page = question.navigation && matches!(question.method, "GET" | "HEAD");
        let (outcome, reason) = rule.judge(question.persona, is_page);
        self.told(
            question,
            path,
            rule,
            outcome,
            format!("{reason} ({})", rule.demand()),
        )
    }

    /// The rule of the path for another method, where nobody thought of this one.
    fn covers_by_another_method(
        &self,
        question: &Question<'_>,
        path: &CanonicalPath,
    ) -> Option<&Rule> {
        ["GET", "POST", "PUT", "PATCH", "DELETE"]
            .into_iter()
            .find_map(
                |method| match self.find(&Asked::page(path, method, question.host)) {
                    Found::Rule(rule) => Some(rule),
                    Found::Nothing | Found::Lookalike { .. } => None,
                },
            )
    }

    fn told(
        &self,
        question: &Question<'_>,
        path: &CanonicalPath,
        rule: &Rule,
        outcome: Outcome,
        reason: String,
    ) -> Explanation {
        let losing = self
            .candidates(&Asked::page(path, question.method, question.host))
            .filter(|candidate| candidate.line() != rule.line())
            .map(|loser| LosingRule {
                path: loser.path().to_string(),
                line: loser.line(),
                why: why_it_loses(loser, rule),
            })
            .collect();
        Explanation {
            outcome,
            forwarded_path: Some(path.as_str().to_string()),
            judged_path: Some(path.without_locale(&self.settings().locales).to_string()),
            rule: Some(rule.path().to_string()),
            line: Some(rule.line()),
            revocation: Some(rule.revocation()),
            addresses: rule.addresses().to_vec(),
            limits: rule.limits().cloned().collect(),
            reason,
            losing,
        }
    }
}

impl Rule {
    /// From where and how often, for people: empty, or ` from 10.0.0.0/8, limit search`.
    #[must_use]
    pub fn bounds_for_people(&self) -> String {
        let mut told = String::new();
        if !self.addresses().is_empty() {
            told = format!(" from {}", listed(self.addresses()));
        }
        for limit in self.limits() {
            told.push_str(", limit ");
            told.push_str(limit.name());
        }
        told
    }

    fn limits(&self) -> impl Iterator<Item = &Arc<Limit>> {
        let bounds = self.bounds().into_iter();
        bounds.flat_map(|bounds| bounds.by_address.iter().chain(&bounds.by_identity))
    }

    /// What a request of `persona` comes to where this rule decides, from an address that may ask; `is_page`: a person loads
    /// a page.
    #[must_use]
    pub fn outcome_for(&self, persona: &Persona, is_page: bool) -> Outcome {
        self.judge(persona, is_page).0
    }

    fn judge(&self, persona: &Persona, is_page: bool) -> (Outcome, &'static str) {
        // Only differences of time matter to a persona, so any instant will do.
        let now = UnixTime::from_seconds(0);
        match persona.subject(now).before(self.demand(), now) {
            Standing::Passes => (Outcome::Allow, "the caller meets the rule"),
            Standing::NotSignedIn if is_page => (Outcome::SignIn, "the caller is not signed in"),
            Standing::NotSignedIn => (Outcome::Unauthorized, "the caller brings no token"),
            Standing::WrongKind => (
                Outcome::Forbidden,
                "the rule tells services and people apart",
            ),
            Standing::LacksRole => (Outcome::Forbidden, "the caller lacks the role"),
            Standing::LacksScope(_) => (Outcome::Forbidden, "the caller lacks a scope"),
            Standing::MustStepUp(_) => (
                Outcome::StepUp,
                "the caller's sign-in is too old or too weak",
            ),
        }
    }
}

/// Why nobody may ask from there: whose addresses these are, and what is for them.
fn elsewhere(client: Client, whose: &str, what: &str) -> String {
    match client {
        Client::At(address) => format!("{address} is none of {whose} addresses"),
        Client::Unnamed | Client::Untold | Client::OwnMachine => {
            format!("{what} is for some addresses only, and no address is given")
        }
    }
}

fn listed(ranges: &[AddressRange]) -> String {
    let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
    ranges.join(", ")
}

fn without_rule(path: Option<&CanonicalPath>, outcome: Outcome, reason: String) -> Explanation {
    let judged_path = path.map(|path| path.without_locale(&[]).to_string());
    let forwarded_path = path.map(ToString::to_string);
    Explanation {
        outcome,
        forwarded_path,
        judged_path,
        rule: None,
        line: None,
        revocation: None,
        addresses: Vec::new(),
        limits: Vec::new(),
        reason,
        losing: Vec::new(),
    }
}

/// The first field of the two specificities that differs.
fn why_it_loses(loser: &Rule, winner: &Rule) -> String {
    let (less, more) = (loser.specificity(), winner.specificity());
    if less.literals != more.literals {
        return format!(
            "it names {} literal segments, the deciding rule {}",
            less.literals, more.literals
        );
    }
    let difference = if less.exact != more.exact {
        "it covers everything below its path, the deciding rule one depth only"
    } else if less.wildcards != more.wildcards {
        "it is shorter than the deciding rule"
    } else if less.host != more.host {
        "the deciding rule is more exact about the host"
    } else {
        "the deciding rule names its methods"
    };
    difference.to_string()
}
