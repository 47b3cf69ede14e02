//! Other spellings of what a rule protects.
//!
//! Some applications fold what paths distinguish: letter case, dots and blanks after a segment, other representations of a page
//! (`/admin.rsc`, `/admin.xml`, `/_next/data/BUILD/admin.json`), what follows a script (`/admin.php/x`), and what leads to one
//! (`/index.php/admin`). A broad rule would let such a twin of a protected page through. So where a *more specific, protected*
//! rule covers the folded path, the request is denied; a rule written for exactly that spelling is as specific and lifts the
//! denial. Folds that need a table (full-width letters, for example) are not looked for: there deny by default must do.

mod pages;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::path::decoded_segments;
use super::super::pattern::fold;
use super::bounds::Bounds;
use super::{Asked, Conditions, Demand, Host, Policy, Rule};
use crate::gate::limit::Limit;
use crate::origin::is_unsafe;
use crate::revocation::Mode;
use pages::{Way, near, pages_behind};

impl Policy {
    /// The rule that protects what this path is another spelling of, if it is narrower than `decider` and guards against it.
    pub(super) fn guarded_twin(&self, asked: &Asked<'_>, decider: &Rule) -> Option<&Rule> {
        let locales = &self.settings.locales;
        let judged = asked.path.without_locale_of_any_case(locales);
        let segments: Vec<String> = decoded_segments(judged);
        let folded: Vec<String> = segments.iter().map(|one| fold(one)).collect();
        // To the rules that decide, a locale in another case is a segment like others.
        let ahead = usize::from(judged != asked.path.without_locale(locales));
        let all = folded.iter().zip(ahead..);
        let all: Vec<(&str, usize)> = all.map(|(one, place)| (one.as_str(), place)).collect();
        let found = self.guard_of(&all, asked, decider);
        if found.is_some() || !segments.iter().any(|one| is_cookie(one)) {
            return found;
        }
        let spoken = all.iter().zip(&segments);
        let spoken = spoken.filter(|(_, one)| !is_cookie(one));
        let spoken: Vec<(&str, usize)> = spoken.map(|(one, _)| *one).collect();
        self.guard_of(&spoken, asked, decider)
    }

    /// The same of one reading of the path: folded segments, each with its place in the path that was asked for.
    fn guard_of(
        &self,
        reading: &[(&str, usize)],
        asked: &Asked<'_>,
        decider: &Rule,
    ) -> Option<&Rule> {
        let (folded, places): (Vec<&str>, Vec<usize>) = reading.iter().copied().unzip();
        let host = Host::read(asked.host);
        let guard = |page: &[&str], way: Option<Way>| {
            let covering = self.folded.covering(page, host.as_ref());
            let rule = self.concerning(covering, asked.method).next()?;
            let is_narrower = |than| rule.specificity() > than;
            let guards = match way {
                None => is_narrower(decider.specificity()),
                Some(_) if rule.is_met_by(decider, asked) => false,
                Some(way) => {
                    let Way { segments, program } = way.in_path(&places);
                    let said = decider.specificity_without(&segments);
                    match decider.pattern.names(program) {
                        // It speaks of what the program is asked for, however far it goes on behind it.
                        true if way.is_behind() => is_narrower(decider.specificity()),
                        // It speaks of the program's pages, as far as it goes on behind it.
                        true => is_narrower(said),
                        // It lets the program pass, as `/_next/**` and `/*/page` do, and may speak of quite another page.
                        false => {
                            let is_beside = rule.specificity().literals >= said.literals;
                            is_narrower(decider.specificity()) || (rule.is_closed() && is_beside)
                        }
                    }
                }
            };
            (guards && rule.guards_against(decider, asked)).then_some(rule)
        };
        let behind = || {
            let mut twins = pages_behind(&folded, &self.settings.locales).into_iter();
            twins.find_map(|twin| guard(&twin.page, twin.way))
        };
        guard(near(&folded), None).or_else(behind)
    }
}

/// Whether a segment is a cookie for browsers without any, `(S(…))` or `(A(…)F(…))`, which ASP.NET takes out of every path; to
/// others it is a segment like any.
fn is_cookie(segment: &str) -> bool {
    matches!(
        segment.as_bytes(),
        [b'(', b'A'..=b'Z', b'(', .., b')', b')']
    )
}

impl Rule {
    /// Whether somebody does not pass.
    fn is_closed(&self) -> bool {
        !self.is_public() || !self.addresses().is_empty()
    }

    /// Whether it is closed, however closed `decider` is, or asks for more than that.
    fn guards_against(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        self.is_closed() || self.is_stricter_than(decider, asked)
    }

    /// Whether whoever passes by `decider` passes by this one, and no page reads more.
    fn is_met_by(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        let anybody_known = self.demand == Demand::SignedIn(Conditions::default());
        let is_demanded = self.is_public()
            || self.demand == decider.demand
            || (anybody_known && !decider.is_public());
        let is_current = decider.revocation.is_as_current_as(self.revocation);
        let is_here = self.addresses().is_empty() || self.addresses() == decider.addresses();
        let (own, theirs) = (&self.manner, &decider.manner);
        // Without a word about either, the app's own goes on.
        let is_read_by_no_other = own.cors == theirs.cors;
        let is_bound = !own.binds_request || theirs.binds_request;
        let is_kept_by_no_other = own.app_says_cache || !theirs.app_says_cache;
        is_demanded
            && is_current
            && is_here
            && is_read_by_no_other
            && is_kept_by_no_other
            && is_bound
            && !self.is_stricter_than(decider, asked)
    }

    /// Whether it asks of a request what `decider` does not, whoever sends it.
    fn is_stricter_than(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        let is_limited_otherwise = |limit: fn(&Bounds) -> Option<&Arc<Limit>>| {
            let own = self.bounds().and_then(limit);
            own.is_some() && own != decider.bounds().and_then(limit)
        };
        let is_limited = is_limited_otherwise(|bounds| bounds.by_address.as_ref())
            || is_limited_otherwise(|bounds| bounds.by_identity.as_ref());
        let wants_strict = self.revocation == Mode::Strict && decider.revocation != Mode::Strict;
        let wants_token = self.manner.demands_csrf_token && !decider.manner.demands_csrf_token;
        let wants_origin = !self.manner.takes_any_origin && decider.manner.takes_any_origin;
        // Neither is asked of what changes nothing, and no token of a WebSocket.
        let changes = is_unsafe(asked.method);
        let asks_for_token = changes && wants_token;
        let asks_for_origin = (changes || asked.opens_websocket) && wants_origin;
        is_limited || wants_strict || asks_for_token || asks_for_origin
    }
}
