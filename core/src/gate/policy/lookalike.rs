//! Other spellings of what a rule protects.
//!
//! Some applications fold what paths distinguish: letter case, dots and blanks after a segment, other representations of a page
//! (`/admin.rsc`, `/admin.xml`, `/_next/data/BUILD/admin.json`), and what follows a script (`/admin.php/x`). A broad rule would let
//! such a twin of a protected page through. So where a *more specific, protected* rule covers the folded path, the request is
//! denied; a rule written for exactly that spelling is as specific and lifts the denial. Folds that need a table (full-width letters,
//! for example) are not looked for: there deny by default must do.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::path::{CanonicalPath, decoded_segments};
use super::super::pattern::{fold, fold_representation, page_of};
use super::{Host, Policy, Rule};
use crate::revocation::Mode;

/// Endings of programs that are run whatever follows them in the path, as CGI has it (RFC 3875, section 4.1.5, `PATH_INFO`).
const SCRIPTS: &[&str] = &[
    ".php", ".php5", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".asp", ".aspx", ".ashx", ".asmx",
    ".svc", ".cfm", ".cfc", ".shtml",
];

/// Of a name with more dots than that, the first and the last of them count.
const MAX_DOTS: usize = 16;

impl Policy {
    /// The rule that protects what this path is another spelling of, if `decider` would let it pass for less.
    pub(super) fn guarded_twin(
        &self,
        path: &CanonicalPath,
        method: &str,
        host: &str,
        decider: Option<&Rule>,
    ) -> Option<&Rule> {
        // Nothing covers it: it is denied anyway.
        let decider = decider?;
        let segments = decoded_segments(path.without_locale_of_any_case(&self.settings.locales));
        let host = Host::read(host);
        let guard_of = |twin: &[String]| {
            let covering = self.folded.covering(twin, host.as_ref());
            let rule = self.concerning(covering, method).next()?;
            rule.guards_against(decider, method).then_some(rule)
        };
        let narrower = |rule: &&Rule| rule.specificity() > decider.specificity();
        let guard = |twin: Vec<String>| guard_of(&twin).filter(narrower);
        let all = |fold_one: fn(&str) -> String| segments.iter().map(|one| fold_one(one)).collect();
        let script = script_of(&segments);
        let found = guard(all(fold))
            .or_else(|| guard(all(fold_representation)))
            .or_else(|| guard(page_of(&segments)))
            .or_else(|| pages_without_format(&segments).find_map(guard))
            .or_else(|| pages_without_format(script.as_deref()?).find_map(guard))
            .or_else(|| guard(script.clone()?));
        if found.is_some() {
            return found;
        }
        let page = page_behind_data_route(&segments, &self.settings.locales)?;
        let speaks_of_data_routes = decider.pattern.as_str().starts_with("/_next/data");
        guard_of(&page).filter(|rule| {
            let asks_the_same = rule.demand == decider.demand
                && rule.addresses() == decider.addresses()
                && !rule.is_stricter_than(decider, method);
            // A public rule asks nothing of data that a narrower rule speaks of.
            let is_beside = rule.is_closed() || narrower(rule);
            is_beside && !asks_the_same && !speaks_of_data_routes
        })
    }
}

impl Rule {
    /// Whether somebody does not pass.
    fn is_closed(&self) -> bool {
        !self.is_public() || !self.addresses().is_empty()
    }

    /// Whether a request passes by `decider` that does not by this one.
    fn guards_against(&self, decider: &Self, method: &str) -> bool {
        self.is_closed() || self.is_stricter_than(decider, method)
    }

    /// Whether it asks of a request what `decider` does not, whoever sends it.
    fn is_stricter_than(&self, decider: &Self, method: &str) -> bool {
        let limits = |rule: &Self| {
            let bounds = rule.bounds()?;
            let limits = (bounds.by_address.clone(), bounds.by_identity.clone());
            (limits != (None, None)).then_some(limits)
        };
        let limited = limits(self);
        let is_limited_otherwise = limited.is_some() && limited != limits(decider);
        let is_current = self.revocation == Mode::Strict && decider.revocation != Mode::Strict;
        // Neither is asked of what changes nothing, but for a WebSocket, which is no page in another format.
        let changes = !matches!(method, "GET" | "HEAD" | "OPTIONS");
        let wants_token = self.manner.demands_csrf_token && !decider.manner.demands_csrf_token;
        let wants_origin = !self.manner.takes_any_origin && decider.manner.takes_any_origin;
        is_limited_otherwise || is_current || (changes && (wants_token || wants_origin))
    }
}

/// `/admin.xml` is `/admin` where a router takes what stands behind a dot for a format: what stands before each dot of the last
/// segment, but for one that the name begins with.
fn pages_without_format(segments: &[String]) -> impl Iterator<Item = Vec<String>> {
    let (last, before) = segments
        .split_last()
        .map_or(("", segments), |(last, before)| (last.as_str(), before));
    let dots = last.match_indices('.').filter(|(at, _)| *at > 0);
    let (first, others) = (dots.clone().take(1), dots.skip(1));
    // Every one costs a look at the rules, and a path has room for two thousand.
    let last_ones: Vec<_> = others.collect();
    let from = last_ones.len().saturating_sub(MAX_DOTS);
    let kept = first.chain(last_ones.into_iter().skip(from));
    let pages = kept.filter_map(move |(at, _)| {
        let page = fold(last.get(..at)?);
        let before = before.iter().map(|one| fold(one));
        Some(before.chain([page]).collect())
    });
    pages.collect::<Vec<_>>().into_iter()
}

/// `/admin.php/x` is `/admin.php`. `None` where no segment but the last is a script.
fn script_of(segments: &[String]) -> Option<Vec<String>> {
    let (_, before) = segments.split_last()?;
    let is_script = |segment: &String| {
        let folded = fold(segment);
        SCRIPTS.iter().any(|ending| folded.ends_with(ending))
    };
    let script = before.iter().position(is_script)?;
    let whole = before.iter().take(script + 1);
    Some(whole.map(|one| fold(one)).collect())
}

/// `/_next/data/BUILD/admin.json` is the content of `/admin` in another representation.
fn page_behind_data_route(segments: &[String], locales: &[String]) -> Option<Vec<String>> {
    let folded: Vec<String> = segments
        .iter()
        .map(|segment| fold_representation(segment))
        .collect();
    let [next, data, _build, page @ ..] = folded.as_slice() else {
        return None;
    };
    if next != "_next" || data != "data" {
        return None;
    }
    let page = match page {
        [first, rest @ ..]
            if locales
                .iter()
                .any(|locale| locale.eq_ignore_ascii_case(first)) =>
        {
            rest
        }
        whole => whole,
    };
    Some(if matches!(page, [only] if only == "index") {
        Vec::new()
    } else {
        page.to_vec()
    })
}
