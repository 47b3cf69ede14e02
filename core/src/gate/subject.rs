//! Who asks, as far as the policy cares, and whether a rule lets them pass.
//!
//! A subject comes from a verified token in [`super::decide`], or from a persona in explanations and test rows. It
//! proves nothing: a `Permit` is made from the decision about a real request only.

use alloc::vec::Vec;

use super::policy::{Conditions, Demand, StepUp};
use crate::time::UnixTime;
use crate::token::Claims;

pub(super) enum Subject<'a> {
    Anonymous,
    SignedIn(Traits<'a>),
}

pub(super) struct Traits<'a> {
    pub(super) roles: Vec<&'a str>,
    pub(super) scopes: Vec<&'a str>,
    pub(super) is_machine: bool,
    pub(super) auth_time: Option<UnixTime>,
    pub(super) amr: Vec<&'a str>,
}

/// How a subject stands before a rule. The first demand that is not met is the one that is told.
pub(super) enum Standing<'p> {
    Passes,
    NotSignedIn,
    /// A person before a rule for services, or the other way round.
    WrongKind,
    LacksRole,
    LacksScope(&'p [alloc::string::String]),
    MustStepUp(&'p StepUp),
}

impl<'a> Subject<'a> {
    pub(super) fn of_claims(claims: &'a Claims) -> Self {
        Self::SignedIn(Traits {
            roles: claims.roles().iter().map(AsRef::as_ref).collect(),
            scopes: claims.scopes().collect(),
            is_machine: claims.is_machine(),
            auth_time: claims.auth_time(),
            amr: claims.amr().iter().map(AsRef::as_ref).collect(),
        })
    }

    pub(super) fn before<'p>(&self, demand: &'p Demand, now: UnixTime) -> Standing<'p> {
        match (demand, self) {
            (Demand::Public, _) => Standing::Passes,
            (Demand::SignedIn(_), Self::Anonymous) => Standing::NotSignedIn,
            (Demand::SignedIn(conditions), Self::SignedIn(traits)) => traits.meet(conditions, now),
        }
    }
}

impl Traits<'_> {
    fn meet<'p>(&self, conditions: &'p Conditions, now: UnixTime) -> Standing<'p> {
        if conditions
            .machine
            .is_some_and(|machine| machine != self.is_machine)
        {
            return Standing::WrongKind;
        }
        if !conditions.roles.is_empty()
            && !conditions
                .roles
                .iter()
                .any(|role| self.roles.contains(&role.as_str()))
        {
            return Standing::LacksRole;
        }
        if !conditions
            .scopes
            .iter()
            .all(|scope| self.scopes.contains(&scope.as_str()))
        {
            return Standing::LacksScope(&conditions.scopes);
        }
        match &conditions.step_up {
            Some(step_up) if !self.satisfies(step_up, now) => Standing::MustStepUp(step_up),
            Some(_) | None => Standing::Passes,
        }
    }

    /// A token without `auth_time`, or with one that lies in the future by more than clocks differ, is not fresh.
    fn satisfies(&self, step_up: &StepUp, now: UnixTime) -> bool {
        let is_fresh = |max_age: u32| {
            self.auth_time.is_some_and(|time| {
                let age = now.seconds_since(time);
                (-crate::time::LEEWAY_SECONDS..=i64::from(max_age)).contains(&age)
            })
        };
        let is_strong = step_up.amr.is_empty()
            || step_up
                .amr
                .iter()
                .any(|method| self.amr.contains(&method.as_str()));
        is_strong && step_up.max_age_seconds.is_none_or(is_fresh)
    }
}
