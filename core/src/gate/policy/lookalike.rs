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
use super::super::pattern::{fold, page_of, without_end, without_representation};
use super::{Host, Policy, Rule};
use crate::revocation::Mode;

/// Endings of programs that are run whatever follows them in the path, as CGI has it (RFC 3875, section 4.1.5, `PATH_INFO`).
const SCRIPTS: &[&str] = &[
    ".php", ".php5", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".asp", ".aspx", ".ashx", ".asmx",
    ".svc", ".cfm", ".cfc", ".shtml",
];

/// Of a name with more dots than that, the first and the last of them count.
const MAX_DOTS: usize = 16;

/// The most scripts of a path that are looked at, from the left.
const MAX_SCRIPTS: usize = 16;

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
        let folded: Vec<String> = segments.iter().map(|one| fold(one)).collect();
        let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
        let host = Host::read(host);
        let guard_of = |twin: &[&str]| {
            let covering = self.folded.covering(twin, host.as_ref());
            let rule = self.concerning(covering, method).next()?;
            rule.guards_against(decider, method).then_some(rule)
        };
        let narrower = |rule: &&Rule| rule.specificity() > decider.specificity();
        let guard = |twin: &[&str]| guard_of(twin).filter(narrower);
        let found = guard(&folded).or_else(|| pages_behind(&folded).find_map(|page| guard(&page)));
        if found.is_some() {
            return found;
        }
        let page = page_behind_data_route(&folded, &self.settings.locales)?;
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

/// The pages that a path may be a representation, a format or a script of.
fn pages_behind<'p>(folded: &'p [&'p str]) -> impl Iterator<Item = Vec<&'p str>> {
    let by_file = core::iter::once_with(|| page_of(folded));
    // All others need a dot, which most paths have not.
    let has_dot = folded.iter().any(|segment| segment.contains('.'));
    let by_ending = has_dot.then(|| {
        let representation = core::iter::once_with(|| {
            let segments = folded.iter().copied();
            segments.map(without_representation).collect()
        });
        let of_scripts = scripts(folded).flat_map(|script| {
            let whole = core::iter::once_with(|| script.to_vec());
            pages_without_format(script).chain(whole)
        });
        representation
            .chain(pages_without_format(folded))
            .chain(of_scripts)
    });
    by_file.chain(by_ending.into_iter().flatten())
}

/// `/admin.xml` is `/admin` where a router takes what stands behind a dot for a format: what stands before each dot of the last
/// segment, but for one that the name begins with.
fn pages_without_format<'p>(folded: &'p [&'p str]) -> impl Iterator<Item = Vec<&'p str>> {
    let (last, before) = folded
        .split_last()
        .map_or(("", folded), |(last, before)| (*last, before));
    let dots = move || last.match_indices('.').filter(|(at, _)| *at > 0);
    let count = dots().count();
    dots()
        .enumerate()
        // Every one costs a look at the rules, and a path has room for thousands.
        .filter(move |(number, _)| *number == 0 || number + MAX_DOTS >= count)
        .filter_map(move |(_, (at, _))| {
            let page = without_end(last.get(..at)?);
            Some(before.iter().copied().chain([page]).collect())
        })
}

/// `/admin.php/x` is `/admin.php`: what ends with a segment that is a script, and is not the whole path.
fn scripts<'p>(folded: &'p [&'p str]) -> impl Iterator<Item = &'p [&'p str]> {
    let before = folded.split_last().map_or(folded, |(_, before)| before);
    let is_script = |segment: &str| SCRIPTS.iter().any(|ending| segment.ends_with(ending));
    let places = before.iter().enumerate();
    let scripts = places.filter(move |(_, segment)| is_script(segment));
    // What stands behind many of them is far below what any rule names.
    scripts
        .take(MAX_SCRIPTS)
        .filter_map(move |(at, _)| before.get(..=at))
}

/// `/_next/data/BUILD/admin.json` is the content of `/admin` in another representation.
fn page_behind_data_route<'p>(folded: &[&'p str], locales: &[String]) -> Option<Vec<&'p str>> {
    let mut segments = folded.iter().copied().map(without_representation);
    if segments.next() != Some("_next") || segments.next() != Some("data") {
        return None;
    }
    let _build = segments.next()?;
    let mut page: Vec<&str> = segments.collect();
    let is_locale = |first: &&str| {
        locales
            .iter()
            .any(|locale| locale.eq_ignore_ascii_case(first))
    };
    if page.first().is_some_and(is_locale) {
        page.remove(0);
    }
    if matches!(page.as_slice(), ["index"]) {
        page.clear();
    }
    Some(page)
}
