//! Other spellings of what a rule protects.
//!
//! Some applications fold what paths distinguish: letter case, dots and blanks after a segment, other representations of a page
//! (`/admin.rsc`, `/admin.xml`, `/_next/data/BUILD/admin.json`), what follows a script (`/admin.php/x`), and what leads to one
//! (`/index.php/admin`). A broad rule would let such a twin of a protected page through. So where a *more specific, protected*
//! rule covers the folded path, or any that is protected the page of a file, the request is denied; a rule written for exactly that spelling is as specific and lifts the
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
    /// The rule that protects what this path is another spelling of, if it guards against `decider`.
    pub(super) fn guarded_twin(&self, asked: &Asked<'_>, decider: &Rule) -> Option<&Rule> {
        let locales = &self.settings.locales;
        let judged = asked.path.without_locale_of_any_case(locales);
        // To the rules that decide, a locale in another case is a segment like others.
        let ahead = usize::from(judged != asked.path.without_locale(locales));
        let segments = decoded_segments(judged);
        let folded: Vec<String> = segments.iter().map(|one| fold(one)).collect();
        let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
        let host = Host::read(asked.host);
        let guard = |page: &[&str], way: Option<Way>| {
            let covering = self.folded.covering(page, host.as_ref());
            let covering: Vec<&Rule> = self.concerning(covering, asked.method).collect();
            let nothing = way.as_ref().map_or(0..0, |way| way.segments.clone());
            let written = segments.iter().enumerate();
            let written = written.filter(|(at, _)| !nothing.contains(at));
            let otherwise = |rule: &Rule| rule.pattern.written_otherwise(written.clone());
            // A router may fold letter case in some segments and not in others, as in words and not in names. Where it folds enough
            // for this rule to cover the page, a narrower one does too that needs no more of it.
            let is_meant = |at: usize, rule: &Rule| {
                let narrower = covering.iter().take(at);
                let mut narrower = narrower.filter(|one| one.specificity() > rule.specificity());
                let needed = otherwise(rule);
                narrower.all(|one| otherwise(one) & !needed != 0)
            };
            let way = way.or_else(|| Way::of_locale(ahead));
            let way = way.map(|way| way.behind(ahead));
            let mut rules = covering.iter().enumerate();
            let guard = rules.find(|(at, rule)| {
                rule.guards(way.as_ref(), decider, asked) && is_meant(*at, rule)
            });
            guard.map(|(_, rule)| *rule)
        };
        let behind = || {
            let mut twins = pages_behind(&folded, segments.last(), locales).into_iter();
            twins.find_map(|twin| guard(&twin.page, twin.way))
        };
        guard(near(&folded), None).or_else(behind)
    }
}

impl Rule {
    /// Whether somebody does not pass.
    fn is_closed(&self) -> bool {
        !self.is_public() || !self.addresses().is_empty()
    }

    /// Whether it keeps from its page somebody whom `decider` lets in, and says more of the page than that.
    fn guards(&self, way: Option<&Way>, decider: &Self, asked: &Asked<'_>) -> bool {
        let is_narrower = |than| self.specificity() > than;
        let names = |places| decider.pattern.names(places);
        // Who names the page with its file has written a rule for exactly that spelling.
        let is_over = match way.filter(|way| !(way.is_file && names(0..way.program.end))) {
            None => is_narrower(decider.specificity()),
            Some(way) => {
                let said = decider.specificity_without(&way.segments);
                if way.program.is_empty() || !names(way.program.clone()) {
                    // It lets the program pass, as `/_next/**` and `/*/page` do, and may speak of quite another page.
                    let is_beside = self.specificity().literals >= said.literals;
                    // A page's own file is the page, also where nothing but a wide rule speaks of that.
                    let is_spoken_of = if way.is_file {
                        is_beside || !self.lets_in_who_passes(decider)
                    } else {
                        is_beside && self.is_closed()
                    };
                    // It may be no program but a host among hosts.
                    let is_host =
                        way.may_be_host && decider.pattern.has_literal_before(way.program.start);
                    is_narrower(decider.specificity()) || (is_spoken_of && !is_host)
                } else if way.is_behind() && names(0..way.program.end) {
                    // It speaks of what this very program is asked for.
                    is_narrower(decider.specificity())
                } else {
                    // It speaks of the program's pages, as far as it goes on behind it.
                    is_narrower(said)
                }
            }
        };
        is_over
            && (self.is_closed() || self.is_stricter_than(decider, asked))
            && !self.is_met_by(decider, asked)
    }

    /// Whether whoever passes by `decider` may see what this one speaks of, from where that is.
    fn lets_in_who_passes(&self, decider: &Self) -> bool {
        let anybody_known = self.demand == Demand::SignedIn(Conditions::default());
        let is_demanded = self.is_public()
            || self.demand == decider.demand
            || (anybody_known && !decider.is_public());
        let is_here = self.addresses().is_empty() || self.addresses() == decider.addresses();
        is_demanded && is_here
    }

    /// Whether whoever passes by `decider` passes by this one, and no page reads more.
    fn is_met_by(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        let is_current = decider.revocation.is_as_current_as(self.revocation);
        let (own, theirs) = (&self.manner, &decider.manner);
        // Without a word about either, the app's own goes on.
        let is_read_by_no_other = own.cors == theirs.cors;
        let is_bound = !own.binds_request || theirs.binds_request;
        let is_kept_by_no_other = own.app_says_cache || !theirs.app_says_cache;
        self.lets_in_who_passes(decider)
            && is_current
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
